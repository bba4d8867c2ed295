import { problem, type ProblemExtra } from '../domain/problems.ts'
import type { Refusal } from './refusal.ts'

export type Headers = Readonly<Record<string, string>>

/** Pages of other origins send events and may read the answer. No cookie is ever read, so no origin is special. */
export const anyOrigin: Headers = { 'Access-Control-Allow-Origin': '*', Vary: 'Origin' }
const varies: Headers = { Vary: 'Origin' }

/**
 * Which pages may read an answer: any, unless the service lists its origins; then those.
 * @param origins of the service; undefined while no service is known
 */
export function corsHeaders(origin: string | undefined, origins: ReadonlySet<string> | null | undefined): Headers {
  if (origin === undefined || origins === undefined || origins === null) return anyOrigin
  return origins.has(origin) ? { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' } : varies
}

export function problemResponse(refusal: Refusal, headers: Headers, extra: ProblemExtra = {}): Response {
  const answer = problem(refusal.code, refusal.message === '' ? undefined : refusal.message, {
    ...(refusal.path === undefined ? {} : { path: refusal.path }),
    ...(refusal.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: refusal.retryAfterSeconds }),
    ...extra,
  })
  return new Response(JSON.stringify(answer.body), {
    status: answer.status,
    headers: { ...answer.headers, ...headers, 'Access-Control-Expose-Headers': 'Retry-After' },
  })
}
