import { PartitionAssigners, type EachBatchPayload, type Kafka, type PartitionAssigner } from 'kafkajs'
import type { LogBatch } from '../../domain/ports/event-log.ts'
import type { DeadLetters } from './dead-letters.ts'
import { asError } from './errors.ts'
import { Intake, type Piece } from './intake.ts'
import type { Ledger, LedgerRange } from './ledger.ts'
import { decodeMessage, Undecodable } from './message.ts'
import type { Offsets, OffsetReader } from './offsets.ts'
import type { KafkaSignals } from './signals.ts'
import { doubling, letGo, pause } from './waiting.ts'

/** Between one refusal of a batch and the next try. */
const refusedMs = [50, 5_000] as const
const commitTries = 4
/** A fetch with nothing to bring waits so long at the broker; a stop waits for it. */
const fetchWaitMs = 100
/** Fetched, but not read ahead of the handler for longer: the member says in between that it lives. */
const heartbeatLookMs = 1_000
/** Messages that are decoded before others get their turn. */
const decodedAtOnce = 200
const letGoMs = 5_000

export interface SessionParts {
  readonly client: Kafka
  readonly topic: string
  readonly ledger: Ledger
  readonly offsets: OffsetReader
  readonly deadLetters: DeadLetters
  readonly signals: KafkaSignals
  readonly now: () => number
}

/** One life of a kafkajs consumer, from joining the group until it ends, by wish or by an error. */
export class Session {
  readonly #parts: SessionParts
  readonly #handle: (batch: LogBatch) => Promise<void>
  readonly #eventsMax: number
  readonly #intake: Intake
  /** The next offset of each partition, since the group was joined last. */
  readonly #positions = new Map<number, number>()
  /** The last that the group is known to have committed; undefined before it was asked. */
  #committed = new Map<number, number>()
  /** Whether it has brought anything to its end. */
  handled = false

  constructor(parts: SessionParts, handle: (batch: LogBatch) => Promise<void>, eventsMax: number) {
    this.#parts = parts
    this.#handle = handle
    this.#eventsMax = eventsMax
    this.#intake = new Intake(eventsMax)
  }

  /** Until aborted, when what is in hand has ended and is committed. @throws what ended it before */
  async run(signal: AbortSignal, onJoined: () => void): Promise<void> {
    const { topic, client, signals } = this.#parts
    const consumer = client.consumer({
      groupId: topic,
      partitionAssigners: [this.#watchedAssigner()],
      // A member that died without a word, as all do when their brokers die, keeps its partitions from others for so long.
      sessionTimeout: 12_000,
      rebalanceTimeout: 60_000,
      heartbeatInterval: 2_000,
      maxWaitTimeInMs: fetchWaitMs,
      maxBytesPerPartition: 1024 * 1024,
      maxBytes: 8 * 1024 * 1024,
      metadataMaxAge: 30_000,
      allowAutoTopicCreation: false,
      readUncommitted: true,
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        retries: 20,
        restartOnFailure: () => Promise.resolve(false),
      },
    })
    const over = new AbortController()
    const crashed = new Promise<never>((_, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(asError(payload.error)))
    })
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      onJoined()
      signals.joined(payload.memberAssignment[topic]?.length ?? 0)
      void this.#observe().catch(() => undefined)
    })
    let working: Promise<void> = Promise.resolve()
    try {
      await this.#observe()
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        // All that one fetch brings is read at once, so that one batch holds events of many partitions.
        partitionsConsumedConcurrently: 100,
        eachBatch: (payload) => this.#read(payload),
      })
      working = this.#work(AbortSignal.any([signal, over.signal]))
      await Promise.race([working, crashed])
    } finally {
      crashed.catch(() => undefined)
      over.abort()
      await working
      this.#intake.close()
      await letGo(letGoMs, consumer.disconnect())
    }
  }

  /**
   * kafkajs asks the assigner for its protocol at the start of every joining, whatever the reason, before it sends the
   * request: from here on nothing that was read before may be committed, since a commit would go out with the new
   * membership, and the brokers do not ask whose the partition is.
   */
  #watchedAssigner(): PartitionAssigner {
    return (config) => {
      const assigner = PartitionAssigners.roundRobin(config)
      return {
        ...assigner,
        protocol: (subscription) => {
          this.#intake.revoke()
          this.#positions.clear()
          return assigner.protocol(subscription)
        },
      }
    }
  }

  /** What is committed and what waits, as the brokers have it. */
  async #observe(): Promise<void> {
    const { ledger, offsets, now } = this.#parts
    const all = await offsets.read()
    for (const one of all) {
      if (one.committed !== undefined) this.#committed.set(one.partition, one.committed)
      observe(ledger, one, now())
    }
  }

  /** Takes in what was fetched of one partition; returns when there is room for more. */
  async #read(payload: EachBatchPayload): Promise<void> {
    await this.#intake.whileReading(() => this.#takeIn(payload))
    while (this.#intake.isFull && payload.isRunning()) {
      await Promise.race([this.#intake.changed(), pause(heartbeatLookMs)])
      await payload.heartbeat()
    }
  }

  async #takeIn(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    const { topic, ledger, now } = this.#parts
    const { partition, messages } = batch
    const { epoch } = this.#intake
    const [first] = messages
    if (first === undefined) return payload.resolveOffset(batch.lastOffset())
    await this.#countGone(partition, Number(first.offset), epoch)
    const commit = (next: ReadonlyMap<number, number>): Promise<void> =>
      payload.commitOffsetsIfNecessary({
        topics: [{ topic, partitions: Array.from(next, ([p, offset]) => ({ partition: p, offset: String(offset) })) }],
      })
    const pieces: Piece[] = []
    for (const [index, message] of messages.entries()) {
      if (index % decodedAtOnce === decodedAtOnce - 1) await new Promise((resolve) => setImmediate(resolve))
      pieces.push({ epoch, partition, commit, ...pieceOf(message) })
    }
    if (epoch !== this.#intake.epoch) return
    for (const range of rangesOf(pieces)) ledger.known(partition, range)
    const next = Number(batch.lastOffset()) + 1
    ledger.seen(partition, next, Number(batch.highWatermark), now())
    this.#positions.set(partition, next)
    this.#intake.push(pieces)
    payload.resolveOffset(batch.lastOffset())
  }

  /**
   * Offsets have no gaps here (nothing is compacted, no transactions), so where one begins later than it was to be
   * continued retention has deleted what was not handled.
   */
  async #countGone(partition: number, first: number, epoch: number): Promise<void> {
    const expected = this.#positions.get(partition) ?? (await this.#firstPosition(partition, first))
    if (epoch !== this.#intake.epoch || first <= expected) return
    this.#parts.ledger.done(partition, first)
    this.#parts.signals.gone(partition, first - expected)
  }

  /** Where the group was to go on: kafkajs overwrites what was committed when it is out of range, so older knowledge counts. */
  async #firstPosition(partition: number, first: number): Promise<number> {
    const known = this.#committed.get(partition)
    if (known === first) return first
    const [group] = await this.#parts.offsets.ask((admin) =>
      admin.fetchOffsets({ groupId: this.#parts.topic, topics: [this.#parts.topic] }),
    )
    const now = Number(group?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
    return now >= 0 ? now : (known ?? 0)
  }

  async #work(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    while (!signal.aborted) {
      const changed = this.#intake.changed()
      const pieces = this.#intake.take(this.#eventsMax)
      if (pieces.length === 0) await Promise.race([changed, aborted])
      else if (await this.#taken(pieces, signal)) await this.#commit(pieces)
    }
  }

  /** Until the handler takes it; false when it is to stop, or when all of it is another member's by now. */
  async #taken(pieces: readonly Piece[], signal: AbortSignal): Promise<boolean> {
    const { deadLetters, signals } = this.#parts
    const dead = pieces.filter(({ unreadable }) => unreadable !== undefined)
    const batch: LogBatch = {
      events: pieces.flatMap(({ events }) => events),
      unreadable: dead.flatMap(({ unreadable }) => (unreadable === undefined ? [] : [unreadable])),
      appendedAt: pieces.reduce((oldest, { at }) => Math.min(oldest, at), Infinity),
    }
    let buried = dead.length === 0
    for (const ms of doubling(...refusedMs)) {
      try {
        if (!buried) {
          await deadLetters.put(dead)
          for (const { unreadable } of dead) signals.deadLettered(unreadable?.reason ?? '')
          buried = true
        }
        await this.#handle(batch)
        this.handled = true
        return true
      } catch (error) {
        // The handler has said why where it failed; what the log does about it is to come again.
        if (!buried) signals.consumerFailed(asError(error))
        await pause(ms, signal)
      }
      if (signal.aborted || pieces.every(({ epoch }) => epoch !== this.#intake.epoch)) return false
    }
    return false
  }

  async #commit(pieces: readonly Piece[]): Promise<void> {
    const { ledger, signals } = this.#parts
    for (const [tries, ms] of [...doublings(commitTries)].entries()) {
      const own = pieces.filter(({ epoch }) => epoch === this.#intake.epoch)
      const last = own.at(-1)
      if (last === undefined) return
      const next = new Map<number, number>()
      for (const { partition, offset } of own) next.set(partition, offset + 1)
      try {
        // In one turn with the look at the epoch: it goes out with the membership that was looked at.
        await last.commit(next)
        for (const [partition, offset] of next) {
          ledger.done(partition, offset)
          this.#committed.set(partition, offset)
        }
        return
      } catch (error) {
        if (tries === commitTries - 1) return signals.commitFailed(asError(error))
        await pause(ms)
      }
    }
  }
}

function* doublings(count: number): Generator<number> {
  let left = count
  for (const ms of doubling(100, 1_000)) {
    if (left-- === 0) return
    yield ms
  }
}

/** Brings what is known of a partition up to what the brokers say. */
export function observe(ledger: Ledger, { partition, low, high, committed }: Offsets, now: number): void {
  const from = Math.max(low, committed ?? 0)
  ledger.done(partition, from)
  ledger.seen(partition, from, high, now)
}

/** One a message while there are few; of many what waits need not be known to the message. */
function rangesOf(pieces: readonly Piece[]): readonly LedgerRange[] {
  const ranges: LedgerRange[] = []
  for (const [index, { offset, events, bytes, at }] of pieces.entries()) {
    const last = ranges.at(-1)
    if (last === undefined || index < 64 || index % 64 === 0)
      ranges.push({ from: offset, to: offset + 1, events: events.length, bytes, at })
    else {
      last.to = offset + 1
      last.events += events.length
      last.bytes += bytes
    }
  }
  return ranges
}

function pieceOf(
  message: EachBatchPayload['batch']['messages'][number],
): Omit<Piece, 'epoch' | 'partition' | 'commit'> {
  const { key, value, offset, timestamp } = message
  const place = { offset: Number(offset), bytes: value?.length ?? 0, at: Number(timestamp) }
  try {
    return { ...place, events: decodeMessage(value), unreadable: undefined }
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error
    return { ...place, events: [], unreadable: { bytes: value ?? new Uint8Array(), reason: error.message, key } }
  }
}
