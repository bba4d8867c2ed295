import type { Sql } from '../sql.ts'

/**
 * Whose turn it is to work on a database that several programs share: one at a time. A program that was frozen, or cut
 * off, may go on for a while after another has taken over; what it writes then must change nothing.
 */
export interface Leases {
  /**
   * Waits until no other program holds the lease, takes it, and waits until nothing is under way that the holder
   * before began.
   * @returns null when it was aborted before
   */
  take(signal: AbortSignal): Promise<Lease | null>
}

export interface Lease {
  /**
   * A condition that is true as long as the lease is held. A statement that has it does nothing once another program
   * holds the lease, however late it comes: it is the database that looks, when the statement begins.
   */
  readonly held: Sql
  /**
   * Resolves when the lease was held after the call, so that every statement before did what it was to do.
   * @throws {LeaseLost}
   * @throws {StoreUnavailable} nobody can say
   */
  check(): Promise<void>
  /** Aborted when it turns out that another program has it. */
  readonly lost: AbortSignal
  /** Lets the next one have it at once. Rejects never: without it the next one waits until this one was not heard for long. */
  release(): Promise<void>
}
