import { afterEach, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import { openKafkaLog } from '../../infra/kafka/open.ts'
import { startLoad, startReading } from '../support/kafka-reading.ts'
import { RecordedSignals } from '../support/kafka-signals.ts'
import { kafkaHere, startKafka, type TestKafka } from '../support/kafka.ts'
import { storedEvent } from '../support/trails.ts'

/** Brokers die under load: what was acknowledged is read, and nothing that was never sent. */

const opened: { log?: EventLog; kafka?: TestKafka } = {}

afterEach(async () => {
  await opened.log?.close()
  await opened.kafka?.stop()
})

async function open(brokers: 1 | 3): Promise<{ kafka: TestKafka; log: EventLog; signals: RecordedSignals }> {
  const kafka = await startKafka({ brokers })
  opened.kafka = kafka
  const signals = new RecordedSignals()
  const settings = { brokers: kafka.addresses, topic: kafka.topic(), ssl: false } as const
  const log = await openKafkaLog({ settings, limits: defaultLimits, signals })
  opened.log = log
  return { kafka, log, signals }
}

/** Journeys all over the partitions. */
const eventOf = (identity: number) => [
  storedEvent({ identity, journey: ((identity * 2654435761) % 2 ** 32).toString(16).padStart(8, '0') + '00000000' }),
]

const clients = 40
/** A broker that was killed takes seconds to come back: where chance matters more rounds are asked for. */
const rounds = Number(process.env['FAULT_ROUNDS'] ?? 1)

describe.skipIf(!kafkaHere)('brokers that die under load', () => {
  it('one alone, killed and started again: every acknowledged event is read', async () => {
    const { kafka, log, signals } = await open(1)
    const reading = startReading(log)
    const load = startLoad(log, clients, eventOf)
    for (let round = 0; round < rounds; round++) {
      await load.more(2_000)
      kafka.broker(0).kill('SIGKILL')
      await kafka.broker(0).ended
      await kafka.restart(0)
    }
    await load.more(2_000)
    await load.stop()
    const missing = () => [...load.acknowledged].filter((identity) => !reading.identities.has(identity))
    await reading.until(() => missing().length === 0)
    await reading.stop()
    expect(missing()).toEqual([])
    expect(load.acknowledged.size).toBeGreaterThanOrEqual(2_000 * (rounds + 1))
    for (const error of load.refused) expect(error).toMatchObject({ code: 'log-unavailable', retriable: true })
    expect(signals.gonePartitions.size).toBe(0)
    // What was refused may have been stored, nothing else.
    expect(Math.max(...reading.identities)).toBeLessThan(load.acknowledged.size + load.refused.length)
  }, 120_000)

  it('all of them away: refused at once after the first, nothing piles up, and it recovers by itself', async () => {
    const { kafka, log, signals } = await open(1)
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

  it('one of three, then another, and both back: every acknowledged event is read', async () => {
    const { kafka, log } = await open(3)
    const reading = startReading(log)
    const load = startLoad(log, clients, eventOf)
    await load.more(2_000)
    kafka.broker(0).kill('SIGKILL')
    await kafka.broker(0).ended
    // Two of three are in sync: it goes on.
    await load.more(2_000)
    const refusedBefore = load.refused.length
    kafka.broker(1).kill('SIGKILL')
    await kafka.broker(1).ended
    // One alone may acknowledge nothing.
    while (load.refused.length === refusedBefore) await new Promise((resolve) => setTimeout(resolve, 20))
    await kafka.restart(1)
    await load.more(2_000)
    await kafka.restart(0)
    await load.more(2_000)
    await load.stop()
    const missing = () => [...load.acknowledged].filter((identity) => !reading.identities.has(identity))
    await reading.until(() => missing().length === 0)
    await reading.stop()
    expect(missing()).toEqual([])
    expect(Math.max(...reading.identities)).toBeLessThan(load.acknowledged.size + load.refused.length)
  }, 180_000)
})
