/** An error that callers can act on: a stable `code`, and whether trying again can help. The cause is kept. */
export abstract class WaymarkError extends Error {
  abstract readonly code: string
  abstract readonly retriable: boolean
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = new.target.name
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** The event log cannot make anything durable now: disk full, brokers away. */
export class LogUnavailable extends WaymarkError {
  readonly code = 'log-unavailable'
  readonly retriable = true
}

/** The log holds as much as it may; the processor is behind. */
export class LogFull extends WaymarkError {
  readonly code = 'too-many'
  readonly retriable = true
}

/** The log keeps nothing of what was handled, so that there is nothing to replay. */
export class NothingKept extends WaymarkError {
  readonly code = 'nothing-kept'
  readonly retriable = false
}

/** ClickHouse cannot be asked now: away, disk full, too many parts. */
export class StoreUnavailable extends WaymarkError {
  readonly code = 'store-unavailable'
  readonly retriable = true
}

/** ClickHouse understood the statement and refused it; trying the same again fails again. */
export class StoreRefused extends WaymarkError {
  readonly code = 'store-refused'
  readonly retriable = false
}

/** Another program works on the database now: what this one began does not count, and is begun anew by the other. */
export class LeaseLost extends WaymarkError {
  readonly code = 'lease-lost'
  readonly retriable = false
}

/** A query ran into its limit of time, rows or memory. */
export class QueryTooLarge extends WaymarkError {
  readonly code = 'query-too-large'
  readonly retriable = false
}

/** A parameter of a question that cannot be answered: which, and what is allowed. The caller's value is not in it. */
export class InvalidParameter extends WaymarkError {
  readonly code = 'invalid-parameter'
  readonly retriable = false
  readonly parameter: string
  readonly allowed: string

  constructor(parameter: string, allowed: string) {
    super(`${parameter}: expected ${allowed}`)
    this.parameter = parameter
    this.allowed = allowed
  }
}
