import type { Kafka, Producer } from 'kafkajs'
import { compression } from './client.ts'
import type { Piece } from './intake.ts'
import { deadLettersOf } from './topic.ts'
import { letGo } from './waiting.ts'

/**
 * Puts messages that can never become events into the topic for them, as they came, with what is known in headers. The
 * same may be put twice: `partition` and `offset` tell.
 */
export class DeadLetters {
  #producer: Promise<Producer> | undefined

  constructor(
    private readonly client: Kafka,
    private readonly topic: string,
  ) {}

  /** @throws when the brokers have not taken all of them */
  async put(pieces: readonly Piece[]): Promise<void> {
    const connected = (this.#producer ??= this.#connect())
    try {
      const producer = await connected
      for (const { unreadable, partition, offset, at } of pieces) {
        if (unreadable === undefined) continue
        const { bytes, reason, key } = unreadable
        const headers = {
          reason,
          topic: this.topic,
          partition: String(partition),
          offset: String(offset),
          at: String(at),
        }
        await producer.send({
          topic: deadLettersOf(this.topic),
          acks: -1,
          compression,
          messages: [{ key: key === null ? null : Buffer.from(key), value: Buffer.from(bytes), headers }],
        })
      }
    } catch (error) {
      if (this.#producer === connected) this.#producer = undefined
      void connected.then((producer) => letGo(3_000, producer.disconnect())).catch(() => undefined)
      throw error
    }
  }

  async close(): Promise<void> {
    const connected = this.#producer
    this.#producer = undefined
    await connected?.then((producer) => letGo(3_000, producer.disconnect())).catch(() => undefined)
  }

  async #connect(): Promise<Producer> {
    // Seldom used: copies are told by their headers, and no sequence numbers are needed.
    const producer = this.client.producer({ allowAutoTopicCreation: false, retry: { retries: 5 } })
    await producer.connect()
    return producer
  }
}
