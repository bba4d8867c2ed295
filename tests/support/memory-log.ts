import { LogFull, LogUnavailable, NothingKept } from '../../domain/errors.ts'
import type { EventLog, LogBatch, LogPending } from '../../domain/ports/event-log.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'

interface Entry {
  readonly events: readonly StoredEvent[]
  readonly bytes: number
  readonly appendedAt: number
}

/** An event log that lives as long as the test. Can be told to fail as a real one would. */
export class MemoryLog implements EventLog {
  /** What the next appends are refused with, until it is taken away. */
  failure: LogFull | LogUnavailable | undefined
  readonly #entries: Entry[] = []
  readonly #closing = new AbortController()
  #consuming: Promise<void> | undefined
  #wake: () => void = () => undefined

  constructor(readonly options: { now?: () => number; bytesMax?: number } = {}) {}

  /** Every event that waits. */
  get events(): StoredEvent[] {
    return this.#entries.flatMap((entry) => entry.events)
  }

  async append(batch: readonly StoredEvent[]): Promise<void> {
    if (this.#closing.signal.aborted) throw new LogUnavailable('the log is closed', { retryAfterSeconds: 5 })
    if (this.failure !== undefined) throw this.failure
    if (batch.length === 0) return
    const bytes = JSON.stringify(batch).length
    if (this.pending().bytes + bytes > (this.options.bytesMax ?? Infinity))
      throw new LogFull('the log is full', { retryAfterSeconds: 5 })
    this.#entries.push({ events: [...batch], bytes, appendedAt: (this.options.now ?? Date.now)() })
    this.#wake()
  }

  async consume(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal, eventsMax: number): Promise<void> {
    if (this.#consuming !== undefined) throw new Error('the log has one consumer at a time')
    this.#consuming = this.#run(handle, AbortSignal.any([signal, this.#closing.signal]), eventsMax)
    try {
      await this.#consuming
    } finally {
      this.#consuming = undefined
    }
  }

  pending(): LogPending {
    return {
      events: this.#entries.reduce((sum, { events }) => sum + events.length, 0),
      bytes: this.#entries.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestAt: this.#entries[0]?.appendedAt ?? null,
    }
  }

  problem(): null {
    return null
  }

  replay(): Promise<never> {
    return Promise.reject(new NothingKept('nothing is kept'))
  }

  lag(): Promise<LogPending> {
    return Promise.resolve(this.pending())
  }

  /** What was handled is gone already. */
  roll(): Promise<void> {
    return Promise.resolve()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#consuming
  }

  async #run(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal, eventsMax: number): Promise<void> {
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    while (!signal.aborted) {
      const [first, ...rest] = this.#entries
      if (first === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      const taken = [first]
      for (let events = first.events.length; ;) {
        const next = rest[taken.length - 1]
        if (next === undefined || (events += next.events.length) > eventsMax) break
        taken.push(next)
      }
      const events = taken.flatMap((entry) => entry.events)
      try {
        await handle({ events, unreadable: [], appendedAt: first.appendedAt })
        this.#entries.splice(0, taken.length)
      } catch {
        // The same again, after others had their turn.
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
}
