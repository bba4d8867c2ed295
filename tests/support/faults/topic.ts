import { randomUUID } from 'node:crypto'
import { Kafka, logLevel, type Admin, type KafkaMessage } from 'kafkajs'
import { createClient } from '../../../infra/kafka/client.ts'
import { decodeMessage } from '../../../infra/kafka/message.ts'
import { keyOf } from './sent.ts'

/** Without a library's lines; with the codec that the product sends by. */
export function testClient(brokers: readonly string[]): Kafka {
  createClient({ brokers, topic: 'none', ssl: false }, { client: () => undefined })
  return new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 30 },
  })
}

export async function withAdmin<Result>(
  brokers: readonly string[],
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = testClient(brokers).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

export interface TopicMessage extends Pick<KafkaMessage, 'key' | 'value' | 'headers'> {
  readonly partition: number
  readonly offset: number
}

/** All that a topic holds now. */
export async function messagesOf(brokers: readonly string[], topic: string): Promise<readonly TopicMessage[]> {
  const ends = new Map<number, number>()
  const starts = new Map<number, number>()
  await withAdmin(brokers, async (admin) => {
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      starts.set(partition, Number(low))
      if (Number(high) > Number(low)) ends.set(partition, Number(high))
    }
  })
  const messages: TopicMessage[] = []
  if (ends.size === 0) return messages
  const consumer = testClient(brokers).consumer({
    groupId: `reading-${randomUUID()}`,
    maxWaitTimeInMs: 50,
    allowAutoTopicCreation: false,
    readUncommitted: true,
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const left = new Set(ends.keys())
  await new Promise<void>((read, failed) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => failed(payload.error))
    void consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const end = ends.get(batch.partition) ?? 0
        for (const { key, value, headers, offset } of batch.messages)
          if (Number(offset) < end)
            messages.push({
              key,
              value,
              ...(headers && { headers }),
              partition: batch.partition,
              offset: Number(offset),
            })
        if (Number(batch.lastOffset()) + 1 >= end) left.delete(batch.partition)
        if (left.size === 0) read()
      },
    })
  })
  await consumer.disconnect()
  return messages
}

/** Keys of the events of a message; undefined when it cannot be read. */
export function eventsOf({ value }: Pick<TopicMessage, 'value'>): readonly string[] | undefined {
  try {
    return decodeMessage(value).map(({ service, journey, identity }) => keyOf(service, journey, identity))
  } catch {
    return undefined
  }
}
