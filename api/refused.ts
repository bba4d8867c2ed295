import { InvalidParameter, WaymarkError } from '../domain/errors.ts'
import { problem, type Problem, type ProblemCode, type ProblemExtra } from '../domain/problems.ts'

/** Thrown anywhere below a route; `problemOf` makes the answer of it. */
export class Refused extends Error {
  readonly problem: Problem

  constructor(code: ProblemCode, detail?: string, extra?: ProblemExtra) {
    super(code)
    this.problem = problem(code, detail, extra)
  }
}

/** The one place where an error becomes an answer. What is not ours says nothing but that it failed. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem
  if (error instanceof InvalidParameter) return problem('invalid-parameter', error.message, { path: error.parameter })
  if (error instanceof WaymarkError) {
    const retry = error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }
    if (error.code === 'store-unavailable') return problem('store-unavailable', undefined, retry)
    if (error.code === 'query-too-large')
      return problem('query-too-large', 'ask for a shorter period, or leave out breakdown and where', retry)
  }
  return problem('internal')
}

export function problemResponse({ status, headers, body }: Problem): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...headers, 'X-Content-Type-Options': 'nosniff' } })
}
