import type { Kafka, Producer, RecordMetadata } from 'kafkajs'
import { LogUnavailable } from '../../domain/errors.ts'
import { compression } from './client.ts'
import { asError, retryAfterSeconds, unavailableOf } from './errors.ts'
import type { Ledger } from './ledger.ts'
import type { Encoded } from './message.ts'
import type { Waiter } from './producer.ts'
import type { KafkaSignals } from './signals.ts'
import { topicBytesMin } from './topic.ts'
import { doubling, letGo, pause, within } from './waiting.ts'

/** Bytes of one partition in one request: they are one message set, which the topic must take (`topicBytesMin`). */
const partitionBytesMax = topicBytesMin - 100_000
const requestBytesMax = 8 * 1024 * 1024
/** Of one request, its retries included: a leader that is lost is replaced within that. */
const sendMsMax = 12_000
/** A request that has waited so long for the brokers: what comes meanwhile is refused rather than kept in memory. */
const slowMs = 4_000
const reconnectMs = [100, 2_000] as const
const letGoMs = 3_000

export interface LaneParts {
  readonly client: Kafka
  readonly topic: string
  readonly ledger: Ledger
  readonly signals: KafkaSignals
  readonly now: () => number
  /** Resolves when the topic is as it has to be. */
  readonly prepare: () => Promise<void>
  /** It may no longer be: the next `prepare` looks again. */
  readonly doubt: () => void
  readonly partitions: () => number
  readonly onPartitions: (count: number) => void
}

interface Outgoing extends Encoded {
  readonly partition: number
  /** When it was appended, ms since 1970. */
  readonly at: number
  readonly waiter: Waiter
}

/**
 * One idempotent producer with one request under way at a time. So kafkajs, when it tries again, sends the very messages
 * whose sequence numbers it used: with two at once it would give the numbers of one that may be stored to other
 * messages, and the brokers would acknowledge those as copies without keeping them. After a failure the numbers are in
 * doubt: the producer is let go of, and a new one has an identity of its own.
 *
 * While a request is under way the messages that come form the next, so the slower the brokers, the more share one.
 */
export class Lane {
  readonly #parts: LaneParts
  readonly #closing = new AbortController()
  #queue: Outgoing[] = []
  #producer: Producer | undefined
  #running: Promise<void> | undefined
  #connecting: Promise<void> | undefined
  #sentAt: number | undefined
  /** Why nothing can be sent now. */
  away: LogUnavailable | undefined

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#reconnect(new LogUnavailable('the brokers have not answered yet', { retryAfterSeconds }))
  }

  /** Resolves when it can send, or is closed. */
  async connected(): Promise<void> {
    await this.#connecting
  }

  /** Why a message would only wait in vain now. */
  refusal(): LogUnavailable | undefined {
    if (this.away !== undefined) return this.away
    const slow = this.#sentAt !== undefined && this.#parts.now() - this.#sentAt > slowMs
    return slow ? new LogUnavailable('the brokers have not answered for seconds', { retryAfterSeconds }) : undefined
  }

  push(message: Outgoing): void {
    this.#queue.push(message)
    // After this turn, so that requests that came in together share the first one too.
    this.#running ??= new Promise((done) => setImmediate(() => done(this.#run())))
  }

  async close(): Promise<void> {
    await this.#running
    this.#closing.abort()
    await this.#connecting
    const producer = this.#producer
    this.#producer = undefined
    if (producer !== undefined) await letGo(letGoMs, producer.disconnect())
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const messages = this.#take()
      const begun = this.#parts.now()
      this.#sentAt = begun
      try {
        const bases = await this.#send(messages)
        this.#keep(messages, bases, begun)
      } catch (error) {
        this.#fail([...messages, ...this.#queue.splice(0)], unavailableOf(error))
      }
      this.#sentAt = undefined
    }
    this.#running = undefined
  }

  /** From the front, as much as one request may hold. */
  #take(): readonly Outgoing[] {
    const bytes = new Map<number, number>()
    let all = 0
    let count = 0
    for (const { partition, value } of this.#queue) {
      const of = (bytes.get(partition) ?? 0) + value.length + 64
      all += value.length
      if (count > 0 && (of > partitionBytesMax || all > requestBytesMax)) break
      bytes.set(partition, of)
      count += 1
    }
    if (count === this.#queue.length) {
      const whole = this.#queue
      this.#queue = []
      return whole
    }
    return this.#queue.splice(0, count)
  }

  /** @returns by partition, the offset of its first message */
  async #send(messages: readonly Outgoing[]): Promise<ReadonlyMap<number, number>> {
    const producer = this.#producer
    if (producer === undefined || this.away !== undefined)
      throw this.away ?? new LogUnavailable('no broker is connected', { retryAfterSeconds })
    const sending = producer.send({
      topic: this.#parts.topic,
      acks: -1,
      timeout: 5_000,
      compression,
      messages: messages.map(({ journey, value, partition, at }) => ({
        key: journey,
        value,
        partition,
        timestamp: String(Math.floor(at)),
      })),
    })
    const answered = await within(
      sendMsMax,
      sending,
      () => new LogUnavailable(`the brokers have not answered for ${sendMsMax / 1000} s`, { retryAfterSeconds }),
    )
    return allAcknowledged(messages, answered)
  }

  #keep(messages: readonly Outgoing[], bases: ReadonlyMap<number, number>, begun: number): void {
    const { ledger, signals, now } = this.#parts
    const ranges = new Map<number, { from: number; to: number; events: number; bytes: number; at: number }>()
    let events = 0
    let bytes = 0
    for (const message of messages) {
      events += message.events
      bytes += message.value.length
      const range = ranges.get(message.partition)
      if (range === undefined) {
        const from = bases.get(message.partition) ?? 0
        ranges.set(message.partition, {
          from,
          to: from + 1,
          events: message.events,
          bytes: message.value.length,
          at: message.at,
        })
      } else {
        range.to += 1
        range.events += message.events
        range.bytes += message.value.length
      }
    }
    for (const [partition, range] of ranges) ledger.known(partition, range)
    signals.sent({ messages: messages.length, events, bytes, seconds: Math.max(0, now() - begun) / 1000 })
    for (const { waiter } of messages) {
      waiter.left -= 1
      if (waiter.left > 0 || waiter.settled) continue
      waiter.settled = true
      waiter.settle()
    }
  }

  #fail(messages: readonly Outgoing[], error: LogUnavailable): void {
    let appends = 0
    for (const { waiter } of messages) {
      waiter.left -= 1
      if (waiter.settled) continue
      waiter.settled = true
      appends += 1
      waiter.settle(error)
    }
    this.#parts.signals.sendFailed(appends, error)
    this.#parts.doubt()
    this.#reconnect(error)
  }

  /** Lets go of the producer and gets another, however long that takes. */
  #reconnect(error: LogUnavailable): void {
    this.away = error
    const before = this.#producer
    this.#producer = undefined
    if (before !== undefined) void letGo(letGoMs, before.disconnect())
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined))
  }

  async #connect(): Promise<void> {
    const { signal } = this.#closing
    for (const ms of doubling(...reconnectMs)) {
      if (signal.aborted) return
      const producer = this.#create()
      try {
        await this.#parts.prepare()
        await producer.connect()
        this.#producer = producer
        this.away = undefined
        return this.#parts.signals.sendsAgain()
      } catch (error) {
        this.away = unavailableOf(error)
        this.#parts.signals.client('no broker takes events yet', { error: asError(error).message })
        void letGo(letGoMs, producer.disconnect())
        await pause(ms, signal)
      }
    }
  }

  #create(): Producer {
    const { client, onPartitions } = this.#parts
    return client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      metadataMaxAge: 30_000,
      retry: { initialRetryTime: 50, multiplier: 2, maxRetryTime: 1_000, retries: 12 },
      createPartitioner: () => (args) => {
        onPartitions(args.partitionMetadata.length)
        return args.message.partition ?? 0
      },
    })
  }
}

/**
 * kafkajs 2.2.4 forgets a partition whose leader moves, between its tries, to a broker that has answered already, and
 * resolves all the same: so each partition must be in the answer.
 */
function allAcknowledged(
  messages: readonly Outgoing[],
  answered: readonly RecordMetadata[],
): ReadonlyMap<number, number> {
  const bases = new Map<number, number>()
  for (const { partition, errorCode, baseOffset } of answered)
    if (errorCode === 0) bases.set(partition, Number(baseOffset ?? 0))
  if (messages.some(({ partition }) => !bases.has(partition)))
    throw new LogUnavailable('a partition was not acknowledged', { retryAfterSeconds })
  return bases
}
