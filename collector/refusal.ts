import type { ProblemCode } from '../domain/problems.ts'
import type { Drop } from './steps/step.ts'

/** Thrown where a whole request ends: answered as a problem document in one place. */
export class Refusal extends Error {
  readonly code: ProblemCode
  readonly path: string | undefined
  /** Events that the request held, as far as they were counted. */
  readonly events: number
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ProblemCode,
    detail?: string,
    options: { path?: string; events?: number; retryAfterSeconds?: number | undefined; cause?: unknown } = {},
  ) {
    super(detail, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.path = options.path
    this.events = options.events ?? 1
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** The refusal of an event that goes no further; a reason that nobody is told is none. */
export function refusalOf(drop: Drop, options: { path?: string; events?: number } = {}): Refusal {
  if (drop.reason === 'bot' || drop.reason === 'erased') throw new Error(`${drop.reason} was about to be told`)
  return new Refusal(drop.reason, drop.detail, { ...(drop.field === '' ? {} : { path: drop.field }), ...options })
}
