import type { LogBatch } from '../../domain/ports/event-log.ts'
import { asError } from './errors.ts'
import { Session, type SessionParts } from './session.ts'
import { doubling, pause } from './waiting.ts'

const restartMs = [200, 5_000] as const

/** Hands over the topic as a member of its consumer group, and commits what was taken. */
export class Consumer {
  readonly #parts: SessionParts
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined
  /** Why nothing is read now; null when all is well or nobody reads. */
  problem: string | null = null

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  async consume(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal, eventsMax: number): Promise<void> {
    if (this.#running !== undefined) throw new Error('the event log has one consumer at a time in a program')
    this.#running = this.#run(handle, AbortSignal.any([signal, this.#closing.signal]), eventsMax)
    try {
      await this.#running
    } finally {
      this.#running = undefined
      this.problem = null
    }
  }

  /** Ends the consumer, after the batch that it has in hand. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running?.catch(() => undefined)
  }

  /** kafkajs starts again by itself after some errors and ends for ever after others: here each ends a session. */
  async #run(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal, eventsMax: number): Promise<void> {
    let waits = doubling(...restartMs)
    while (!signal.aborted) {
      const session = new Session(this.#parts, handle, eventsMax)
      try {
        await session.run(signal, () => (this.problem = null))
      } catch (error) {
        this.problem = `the brokers are not read: ${asError(error).message}`
        this.#parts.signals.consumerFailed(asError(error))
      }
      if (signal.aborted) return
      if (session.handled) waits = doubling(...restartMs)
      await pause(waits.next().value, signal)
    }
  }
}
