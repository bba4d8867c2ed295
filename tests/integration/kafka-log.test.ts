import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import { openKafkaLog } from '../../infra/kafka/open.ts'
import { eventLogContract } from '../contract/event-log.ts'
import { kafkaHere, startKafka, type TestKafka } from '../support/kafka.ts'
import { RecordedSignals } from '../support/kafka-signals.ts'
import { storedEvent } from '../support/trails.ts'

let kafka: TestKafka

describe.skipIf(!kafkaHere)('Kafka', () => {
  beforeAll(async () => {
    kafka = await startKafka()
  })
  afterAll(() => kafka.stop())

  eventLogContract(
    'Kafka log',
    async () => {
      const topic = kafka.topic()
      const settings = { brokers: kafka.addresses, topic, ssl: false } as const
      const reopen = () => openKafkaLog({ settings, limits: defaultLimits, signals: new RecordedSignals() })
      return { log: await reopen(), reopen, spoil: () => produceGarbage(topic) }
    },
    { reopen: 'with an estimate', spoil: true, runs: 10 },
  )
})

/** A message that is none of ours, where the journey of `storedEvent` is. */
async function produceGarbage(topic: string): Promise<void> {
  const client = new Kafka({ brokers: [...kafka.addresses], logLevel: logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: () => () => 0 })
  await producer.connect()
  await producer.send({ topic, messages: [{ key: storedEvent().journey, value: Buffer.from('garbage') }] })
  await producer.disconnect()
}
