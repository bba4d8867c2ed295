import { LogFull, LogUnavailable } from '../../domain/errors.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { retryAfterSeconds } from './errors.ts'
import { Lane, type LaneParts } from './lane.ts'
import { encodeMessages, partitionOf } from './message.ts'

/** Bytes that wait for the brokers: they are in memory. */
const waitingBytesMax = 64 * 1024 * 1024
export interface AppenderParts extends LaneParts {
  readonly limits: Pick<Limits, 'appendsInFlightMax'>
  readonly clock: Clock
}

/** An append that waits for the messages it became. */
export interface Waiter {
  left: number
  settled: boolean
  settle(error?: LogUnavailable): void
}

/** Takes appends, and resolves each when the brokers have acknowledged all of it. */
export class Appender {
  readonly #parts: AppenderParts
  readonly #lane: Lane
  #inFlight = 0
  #bytes = 0
  #closing = false

  constructor(parts: AppenderParts) {
    this.#parts = parts
    this.#lane = new Lane(parts)
  }

  /** Why nothing can be appended now; null when it can. */
  problem(): string | null {
    return this.#lane.away?.message ?? null
  }

  /** Resolves when the brokers take events. */
  async connected(): Promise<void> {
    await this.#lane.connected()
  }

  append(batch: readonly StoredEvent[]): Promise<void> {
    if (this.#closing) return Promise.reject(new LogUnavailable('the event log is closing', { retryAfterSeconds }))
    if (batch.length === 0) return Promise.resolve()
    if (this.#inFlight >= this.#parts.limits.appendsInFlightMax)
      return Promise.reject(new LogFull('too many requests wait for the brokers', { retryAfterSeconds: 1 }))
    const messages = encodeMessages(batch)
    const bytes = messages.reduce((sum, { value }) => sum + value.length, 0)
    if (this.#bytes > 0 && this.#bytes + bytes > waitingBytesMax)
      return Promise.reject(new LogFull('too many bytes wait for the brokers', { retryAfterSeconds: 1 }))
    const away = this.#lane.refusal()
    if (away !== undefined) return Promise.reject(away)
    const partitions = this.#parts.partitions()
    const at = this.#parts.clock.now()
    return new Promise((resolve, reject) => {
      this.#inFlight += 1
      this.#bytes += bytes
      const settle = (error?: LogUnavailable): void => {
        this.#inFlight -= 1
        this.#bytes -= bytes
        if (error === undefined) resolve()
        else reject(error)
      }
      const waiter: Waiter = { left: messages.length, settled: false, settle }
      for (const message of messages)
        this.#lane.push({ ...message, partition: partitionOf(message.journey, partitions), at, waiter })
    })
  }

  /** Takes no more, waits for what is under way. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#lane.close()
  }
}
