import { randomUUID } from 'node:crypto'
import type { Kafka, Producer } from 'kafkajs'
import type { Replay, Replayed } from '../../domain/ports/event-log.ts'
import { compression } from './client.ts'
import { asError, unavailableOf } from './errors.ts'
import { decodeMessage, partitionOf, Undecodable } from './message.ts'
import type { OffsetReader } from './offsets.ts'
import { deadLettersOf } from './topic.ts'
import { letGo } from './waiting.ts'

export interface ReplayParts {
  readonly client: Kafka
  readonly topic: string
  readonly offsets: OffsetReader
  readonly now: () => number
}

/** Messages from one offset (inclusive) to before another, by partition. */
type Ranges = ReadonlyMap<number, { readonly from: number; readonly to: number }>

interface Message {
  readonly partition: number
  readonly offset: number
  readonly value: Buffer | null
}

/** Bytes of messages that are sent again in one request. */
const requestBytes = 512 * 1024

/**
 * Sends messages to the topic again as they are: those of a time, from the topic itself, or those dead letters that this program
 * can read by now. What was put back leaves the dead letters, up to the first that stays.
 * @throws {LogUnavailable} some may have been sent: sent again they change nothing
 */
export async function replay(parts: ReplayParts, asked: Replay): Promise<Replayed> {
  try {
    return asked === 'dead letters' ? await putBack(parts) : await sendAgain(parts, asked)
  } catch (error) {
    throw unavailableOf(error)
  }
}

async function sendAgain(parts: ReplayParts, { from, to }: Exclude<Replay, string>): Promise<Replayed> {
  const { topic, offsets } = parts
  // What is sent again stands behind these ends: it is not read again.
  const [begin, ends] = await offsets.ask(
    async (admin) =>
      [
        await admin.fetchTopicOffsetsByTimestamp(topic, from),
        await admin.fetchTopicOffsetsByTimestamp(topic, to),
      ] as const,
  )
  const end = new Map(ends.map(({ partition, offset }) => [partition, Number(offset)]))
  const ranges = new Map(
    begin.map(({ partition, offset }) => [partition, { from: Number(offset), to: end.get(partition) ?? 0 }]),
  )
  const { events, unreadable } = await resend(parts, topic, ranges)
  return { events, unreadable: unreadable.length }
}

async function putBack(parts: ReplayParts): Promise<Replayed> {
  const { topic, offsets } = parts
  const letters = deadLettersOf(topic)
  const found = await offsets.ask((admin) => admin.fetchTopicOffsets(letters))
  const ranges = new Map(found.map(({ partition, low, high }) => [partition, { from: Number(low), to: Number(high) }]))
  const { events, unreadable } = await resend(parts, letters, ranges)
  const done = [...ranges].flatMap(([partition, { from, to }]) => {
    const left = unreadable.filter((one) => one.partition === partition).map(({ offset }) => offset)
    const until = Math.min(to, ...left)
    return until > from ? [{ partition, offset: String(until) }] : []
  })
  if (done.length > 0) await offsets.ask((admin) => admin.deleteTopicRecords({ topic: letters, partitions: done }))
  return { events, unreadable: unreadable.length }
}

interface Resent {
  readonly events: number
  readonly unreadable: readonly Message[]
}

/** Reads the ranges of one topic, and sends to the event log's what can be read. */
async function resend(parts: ReplayParts, from: string, ranges: Ranges): Promise<Resent> {
  const { client, topic, offsets, now } = parts
  const { topics } = await offsets.ask((admin) => admin.fetchTopicMetadata({ topics: [topic] }))
  const partitions = topics[0]?.partitions.length ?? 1
  const unreadable: Message[] = []
  let events = 0
  const producer = client.producer({ allowAutoTopicCreation: false, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  try {
    await readRanges(parts, from, ranges, async (messages) => {
      const sent: { value: Buffer; journey: string }[] = []
      for (const message of messages) {
        const read = readable(message.value)
        if (read === undefined) unreadable.push(message)
        else if (message.value !== null && read.journey !== undefined) {
          sent.push({ value: message.value, journey: read.journey })
          events += read.events
        }
      }
      await send(producer, topic, sent, partitions, now)
    })
  } finally {
    await letGo(3_000, producer.disconnect())
  }
  return { events, unreadable }
}

async function send(
  producer: Producer,
  topic: string,
  some: readonly { readonly value: Buffer; readonly journey: string }[],
  partitions: number,
  now: () => number,
): Promise<void> {
  for (let start = 0; start < some.length;) {
    let end = start
    for (let bytes = 0; end < some.length && (end === start || bytes < requestBytes); end++)
      bytes += some[end]?.value.length ?? 0
    await producer.send({
      topic,
      acks: -1,
      compression,
      messages: some.slice(start, end).map(({ value, journey }) => ({
        key: journey,
        value,
        partition: partitionOf(journey, partitions),
        timestamp: String(now()),
      })),
    })
    start = end
  }
}

/** undefined: not by this program. A message without an event has no journey. */
function readable(value: Buffer | null): { journey: string | undefined; events: number } | undefined {
  try {
    const events = decodeMessage(value)
    return { journey: events[0]?.journey, events: events.length }
  } catch (error) {
    if (error instanceof Undecodable) return undefined
    throw error
  }
}

/**
 * Hands over every message of the ranges that is still there, in pieces as they are fetched. By a group of its own, which is taken
 * away again: kafkajs reads no partition without one.
 */
async function readRanges(
  { client, topic, offsets }: ReplayParts,
  from: string,
  ranges: Ranges,
  onMessages: (messages: readonly Message[]) => Promise<void>,
): Promise<void> {
  const open = new Map([...ranges].filter(([, range]) => range.to > range.from))
  if (open.size === 0) return
  const groupId = `${topic}.replay.${randomUUID()}`
  const consumer = client.consumer({
    groupId,
    readUncommitted: true,
    retry: { retries: 5, restartOnFailure: () => Promise.resolve(false) },
  })
  const crashed = new Promise<never>((_, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(asError(payload.error)))
  })
  crashed.catch(() => undefined)
  let tellDone: () => void = () => undefined
  let tellFailed: (error: unknown) => void = () => undefined
  const done = new Promise<void>((resolve, reject) => {
    tellDone = resolve
    tellFailed = reject
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [from], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async (payload) => {
        const { partition, messages } = payload.batch
        const range = open.get(partition)
        if (range === undefined) return
        const some = messages
          .map((one) => ({ partition, offset: Number(one.offset), value: one.value }))
          .filter(({ offset }) => offset >= range.from && offset < range.to)
        try {
          await onMessages(some)
        } catch (error) {
          return tellFailed(error)
        }
        const last = messages.at(-1)
        if (last !== undefined) payload.resolveOffset(last.offset)
        await payload.heartbeat()
        if (last === undefined || Number(last.offset) + 1 < range.to) return
        open.delete(partition)
        consumer.pause([{ topic: from, partitions: [partition] }])
        if (open.size === 0) tellDone()
      },
    })
    for (const [partition, { from: offset }] of open) consumer.seek({ topic: from, partition, offset: String(offset) })
    await Promise.race([done, crashed])
  } finally {
    await letGo(5_000, consumer.disconnect())
    await offsets.ask((admin) => admin.deleteGroups([groupId])).catch(() => undefined)
  }
}
