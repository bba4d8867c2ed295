import { LogFull, LogUnavailable } from '../../domain/errors.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { retryAfterSeconds } from './errors.ts'
import { Lane, type LaneParts } from './lane.ts'
import { encodeMessages, partitionOf } from './message.ts'

/** Bytes that wait for the brokers: they are in memory. */
const waitingBytesMax = 64 * 1024 * 1024
/**
 * Producers side by side, each with partitions of its own: while one waits for the brokers the other's events are
 * encoded, and a journey's events stay in order.
 */
const lanes = 2

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
  readonly #lanes: readonly Lane[]
  #inFlight = 0
  #bytes = 0
  #closing = false

  constructor(parts: AppenderParts) {
    this.#parts = parts
    this.#lanes = Array.from({ length: lanes }, () => new Lane(parts))
  }

  /** Why nothing can be appended now; null when it can. */
  problem(): string | null {
    return this.#lanes.map((lane) => lane.away?.message).find((message) => message !== undefined) ?? null
  }

  /** Resolves when the brokers take events. */
  async connected(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.connected()))
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
    const partitions = this.#parts.partitions()
    const placed = messages.map((message) => {
      const partition = partitionOf(message.journey, partitions)
      return { message, partition, lane: this.#lane(partition) }
    })
    const away = placed.map(({ lane }) => lane.refusal()).find((refusal) => refusal !== undefined)
    if (away !== undefined) return Promise.reject(away)
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
      for (const { message, partition, lane } of placed) lane.push({ ...message, partition, at, waiter })
    })
  }

  /** Takes no more, waits for what is under way. */
  async close(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#lanes.map((lane) => lane.close()))
  }

  #lane(partition: number): Lane {
    const lane = this.#lanes[partition % lanes]
    if (lane === undefined) throw new Error('no such lane')
    return lane
  }
}
