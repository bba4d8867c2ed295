import { NothingKept } from '../../domain/errors.ts'
import type { EventLog, LogBatch, LogPending } from '../../domain/ports/event-log.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'

/**
 * A log that hands out what a test wrote down, batch by batch, and says when all of it was processed. What was
 * not acknowledged comes again to the next consumer, as after a crash.
 */
export class ScriptedLog implements EventLog {
  readonly #batches: LogBatch[]
  readonly #emptied: (() => void)[] = []
  #woken: () => void = () => undefined

  constructor(batches: readonly (readonly StoredEvent[] | LogBatch)[] = []) {
    this.#batches = batches.map((batch) =>
      'unreadable' in batch ? batch : { events: batch, unreadable: [], appendedAt: 0 },
    )
  }

  append(batch: readonly StoredEvent[]): Promise<void> {
    this.#batches.push({ events: batch, unreadable: [], appendedAt: 0 })
    this.#woken()
    return Promise.resolve()
  }

  async consume(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [batch] = this.#batches
      if (batch === undefined) {
        for (const emptied of this.#emptied.splice(0)) emptied()
        await new Promise<void>((resolve) => {
          this.#woken = resolve
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
        continue
      }
      await handle(batch)
      this.#batches.shift()
    }
  }

  /** Resolves when everything was acknowledged. */
  emptied(): Promise<void> {
    return new Promise((resolve) => {
      this.#emptied.push(resolve)
      this.#woken()
    })
  }

  pending(): LogPending {
    const events = this.#batches.reduce((sum, batch) => sum + batch.events.length, 0)
    return { events, bytes: 0, oldestAt: this.#batches[0]?.appendedAt ?? null }
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

  roll(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
