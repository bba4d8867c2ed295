import { afterEach, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import { openKafkaLog } from '../../infra/kafka/open.ts'
import { startLoad, startReading } from '../support/kafka-reading.ts'
import { RecordedSignals } from '../support/kafka-signals.ts'
import { kafkaHere, startKafka, type TestKafka } from '../support/kafka.ts'
import { storedEvent } from '../support/trails.ts'

/**
 * What the log itself does without brokers, and how much memory that takes. What becomes of the events while brokers go and come
 * is in faults-brokers.test.ts, with the programs around it.
 */

const opened: { log?: EventLog; kafka?: TestKafka } = {}

afterEach(async () => {
  await opened.log?.close()
  await opened.kafka?.stop()
})

/** Journeys all over the partitions. */
const eventOf = (identity: number) => [
  storedEvent({ identity, journey: ((identity * 2654435761) % 2 ** 32).toString(16).padStart(8, '0') + '00000000' }),
]

describe.skipIf(!kafkaHere)('brokers that are all away', () => {
  it('are said to be at once after the first, nothing piles up, and it recovers by itself', async () => {
    const kafka = await startKafka()
    opened.kafka = kafka
    const signals = new RecordedSignals()
    const settings = { brokers: kafka.addresses, topic: kafka.topic(), ssl: false } as const
    const log = await openKafkaLog({ settings, limits: defaultLimits, signals })
    opened.log = log
    await log.append(eventOf(0))
    kafka.broker(0).kill('SIGKILL')
    await kafka.broker(0).ended
    const first = await Promise.allSettled(Array.from({ length: 100 }, (_, identity) => log.append(eventOf(identity))))
    for (const one of first) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'log-unavailable' } })
    expect(log.problem()).toMatch(/brokers/)
    const heapBefore = process.memoryUsage().heapUsed
    for (let round = 0; round < 200; round++) {
      const refused = await Promise.allSettled(
        Array.from({ length: 50 }, (_, identity) => log.append(eventOf(identity))),
      )
      for (const one of refused) expect(one.status).toBe('rejected')
    }
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(64 * 1024 * 1024)
    await expect(log.append(eventOf(1))).rejects.toMatchObject({ retryAfterSeconds: 5 })
    await kafka.restart(0)
    const reading = startReading(log)
    const load = startLoad(log, 4, (identity) => eventOf(identity + 1_000))
    await load.more(100)
    await load.stop()
    await reading.until(() => [...load.acknowledged].every((identity) => reading.identities.has(identity + 1_000)))
    await reading.stop()
    expect(signals.recoveries).toBeGreaterThan(1)
    expect(log.problem()).toBeNull()
  }, 120_000)
})
