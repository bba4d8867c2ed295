import type { Admin, Kafka } from 'kafkajs'
import { letGo } from './waiting.ts'

/** Of one partition, in messages. */
export interface Offsets {
  readonly partition: number
  /** The first that is still there. */
  readonly low: number
  /** Behind the last. */
  readonly high: number
  /** The next that the group has not handled; undefined when it never committed. */
  readonly committed: number | undefined
}

/** Asks the brokers about the topic and its group; one connection, opened when it is first needed. */
export class OffsetReader {
  #admin: Promise<Admin> | undefined

  constructor(
    private readonly client: Kafka,
    private readonly topic: string,
  ) {}

  async read(): Promise<readonly Offsets[]> {
    // What is committed is read first: more may be handled meanwhile, never less, so nothing that waits is missed.
    return await this.ask(async (admin) => {
      const [group] = await admin.fetchOffsets({ groupId: this.topic, topics: [this.topic] })
      const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
      const ends = await admin.fetchTopicOffsets(this.topic)
      return ends.map(({ partition, low, high }) => {
        const at = committed.get(partition) ?? -1
        return { partition, low: Number(low), high: Number(high), committed: at < 0 ? undefined : at }
      })
    })
  }

  /** A connection that failed is not used again. */
  async ask<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const connected = (this.#admin ??= this.#connect())
    try {
      return await question(await connected)
    } catch (error) {
      if (this.#admin === connected) this.#admin = undefined
      void connected.then((admin) => letGo(3_000, admin.disconnect())).catch(() => undefined)
      throw error
    }
  }

  async close(): Promise<void> {
    const connected = this.#admin
    this.#admin = undefined
    await connected?.then((admin) => letGo(3_000, admin.disconnect())).catch(() => undefined)
  }

  async #connect(): Promise<Admin> {
    const admin = this.client.admin()
    await admin.connect()
    return admin
  }
}
