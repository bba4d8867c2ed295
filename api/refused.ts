import { InvalidParameter, WaymarkError } from '../domain/errors.ts'
import { z } from 'zod'
import { problem, type Problem, type ProblemCode, type ProblemExtra } from '../domain/problems.ts'
import type { Operation } from './operation.ts'

/** Thrown anywhere below a route; `problemOf` makes the answer of it. */
export class Refused extends Error {
  readonly problem: Problem

  constructor(code: ProblemCode, detail?: string, extra?: ProblemExtra) {
    super(code)
    this.problem = problem(code, detail, extra)
  }
}

/** The one place where an error becomes an answer. What is not ours says nothing but that it failed. */
export function problemOf(error: unknown, operation?: Pick<Operation, 'query' | 'body'>): Problem {
  if (error instanceof Refused) return error.problem
  if (error instanceof InvalidParameter) return problem('invalid-parameter', error.message, { path: error.parameter })
  if (error instanceof WaymarkError) {
    const retry = error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }
    if (error.code === 'store-unavailable') return problem('store-unavailable', undefined, retry)
    if (error.code === 'log-unavailable') return problem('log-unavailable', undefined, retry)
    if (error.code === 'too-many') return problem('too-many', undefined, retry)
    if (error.code === 'query-too-large')
      return problem('query-too-large', operation === undefined ? undefined : askForLess(operation), retry)
  }
  return problem('internal')
}

/** By the name of a parameter, or of a field of a body: what makes a question smaller, the likeliest help first. */
const lesser: Readonly<Record<string, string>> = {
  from: 'a later `from`, for a shorter period',
  breakdown: 'no `breakdown`',
  where: 'fewer journeys, by `where`',
  version: 'the current version, without `version`',
  interval: 'a longer `interval`',
  step: 'fewer times `step`',
  funnel: 'fewer steps in `funnel`',
  window: 'a shorter `window`',
  department: 'one `department`',
  limit: 'a smaller `limit`',
}

/** What to narrow, of the parameters that the call has; undefined when it has none that would help. */
function askForLess({ query = {}, body }: Pick<Operation, 'query' | 'body'>): string | undefined {
  const json = body?.content['application/json']?.schema
  const fields = json instanceof z.ZodObject ? Object.keys(json.shape) : []
  const repeatable = (name: string): boolean => name !== 'step' || query['step']?.repeated === true
  const helps = Object.entries(lesser)
    .filter(([name]) => (Object.hasOwn(query, name) && repeatable(name)) || fields.includes(name))
    .map(([, words]) => words)
  return helps.length === 0 ? undefined : `ask for less: ${helps.join('; ')}`
}

export function problemResponse({ status, headers, body }: Problem): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...headers, 'X-Content-Type-Options': 'nosniff' } })
}
