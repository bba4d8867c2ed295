import type { StoredEvent } from '../stored-event.ts'

/**
 * Where acknowledged events wait for the processor. At least once, in order of acknowledgement a journey (but for journeys
 * under way while a log that several programs share is spread anew). Twice does no harm: a trail is a set.
 */
export interface EventLog {
  /**
   * Resolves when every event is durable: fsynced here, or acknowledged by all in-sync replicas.
   * @throws {LogFull} the processor is behind by more than the log may hold: retriable, nothing was stored
   * @throws {LogUnavailable} retriable; nothing of the batch may be assumed stored or not stored
   */
  append(batch: readonly StoredEvent[]): Promise<void>
  /**
   * Calls `handle` with one batch at a time, oldest first, until aborted; waits when there is none.
   * A batch is forgotten only after `handle` resolves; when it rejects, the same events come again.
   * @param eventsMax a batch holds at most so many events (what one appended batch has of a journey is split only where
   *   the log has a limit of its own, so more than that may come, alone)
   */
  consume(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal, eventsMax: number): Promise<void>
  /**
   * What was acknowledged and not yet forgotten, as this program knows it. Of a log that other programs use too it may be
   * late, and the events of others an estimate until they are read.
   */
  pending(): LogPending
  /**
   * The same, asked of the log now: `events` is 0 only when all that was acknowledged before the call, by whatever program,
   * is forgotten.
   * @throws {LogUnavailable}
   */
  lag(): Promise<LogPending>
  /**
   * What was handled leaves the disk as soon as it can, rather than when newer events make the log move on.
   * Rejects never: what cannot go now goes later.
   */
  roll(): Promise<void>
  /**
   * Appends again what the log still has: copies are harmless, since a trail is a set.
   * @param asked what was appended from one time (inclusive, ms since 1970) to before another; `dead letters`: what could not be
   *   read when it came, as far as this program can
   * @throws {NothingKept} the log keeps nothing of that kind
   * @throws {LogUnavailable}
   */
  replay(asked: Replay): Promise<Replayed>
  /** Why it cannot do its job now, in one line; null when it can. */
  problem(): string | null
  /** Stops taking appends, waits for those under way, releases the files. */
  close(): Promise<void>
}

export type Replay = 'dead letters' | { readonly from: number; readonly to: number }

export interface Replayed {
  /** Events that were appended again. */
  readonly events: number
  /** Messages that this program cannot read either; they stay where they are. */
  readonly unreadable: number
}

export interface LogBatch {
  readonly events: readonly StoredEvent[]
  /** Entries that could not be read, with why: to be set aside, never retried for ever. */
  readonly unreadable: readonly Unreadable[]
  /** When the oldest event of the batch was acknowledged, ms since 1970. */
  readonly appendedAt: number
}

export interface Unreadable {
  /** As it stood in the log. */
  readonly bytes: Uint8Array
  readonly reason: string
}

export interface LogPending {
  readonly events: number
  readonly bytes: number
  /** When the oldest pending event was acknowledged, ms since 1970; null when none is pending. */
  readonly oldestAt: number | null
}
