import { Kafka, logLevel, type Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import { ConfigError } from '../../infra/config-error.ts'
import { encodeMessages, formatVersion, partitionOf } from '../../infra/kafka/message.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import { openKafkaLog } from '../../infra/kafka/open.ts'
import { startReading } from '../support/kafka-reading.ts'
import { RecordedSignals } from '../support/kafka-signals.ts'
import { kafkaHere, startKafka, type TestKafka } from '../support/kafka.ts'
import { storedEvent } from '../support/trails.ts'

let kafka: TestKafka
let admin: Admin

interface Opened {
  readonly log: EventLog
  readonly signals: RecordedSignals
}

async function opened(topic: string): Promise<Opened> {
  const signals = new RecordedSignals()
  const log = await openKafkaLog({
    settings: { brokers: kafka.addresses, topic, ssl: false },
    limits: defaultLimits,
    signals,
  })
  onTestFinished(() => log.close())
  return { log, signals }
}

/** One event of a journey that is in this partition of six. */
const inPartition = (partition: number, identity: number) =>
  storedEvent({ identity, journey: `${partition.toString(16).padStart(8, '0')}00000000` })

async function committed(topic: string): Promise<ReadonlyMap<number, number>> {
  const [group] = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
  return new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
}

async function produce(topic: string, values: readonly (Buffer | null)[], partition = 0): Promise<void> {
  const client = new Kafka({ brokers: [...kafka.addresses], logLevel: logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: () => () => partition })
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ key: 'someone', value })) })
  await producer.disconnect()
}

describe.skipIf(!kafkaHere)('the Kafka log', () => {
  beforeAll(async () => {
    kafka = await startKafka()
    admin = new Kafka({ brokers: [...kafka.addresses], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
  })
  afterAll(async () => {
    await admin.disconnect()
    await kafka.stop()
  })

  describe('the group', () => groups())
  describe('what is no event', () => poison())
  describe('retention', () => retention())
  describe('the topic', () => topics())
  describe('size', () => sizes())
  describe('a replay', () => replays())
})

function groups(): void {
  it('commits nothing for a partition that has gone to another member, and loses nothing', async () => {
    const topic = kafka.topic()
    const first = await opened(topic)
    const second = await opened(topic)
    const all = [0, 1, 2, 3, 4, 5]
    await first.log.append(all.map((partition) => inPartition(partition, partition)))
    // The first has all six in hand when the second joins.
    const inHand = gate()
    let held = 0
    const early = startReading(first.log, async (batch) => {
      held += batch.events.length
      if (held >= 6) inHand.reached()
      if (!inHand.isOpen) await inHand.opened
    })
    await inHand.wasReached
    const late = gate()
    const taken = new Set<number>()
    const other = startReading(second.log, async (batch) => {
      for (const { identity } of batch.events) taken.add(identity)
      if (taken.size === 3) late.reached()
      await late.opened
    })
    await late.wasReached
    // Now what the first handled is no longer its own to commit.
    inHand.open()
    const kept = all.filter((partition) => !taken.has(partition))
    await eventually(async () => {
      const offsets = await committed(topic)
      expect(kept.map((partition) => offsets.get(partition))).toEqual([1, 1, 1])
    })
    const offsets = await committed(topic)
    expect([...taken].map((partition) => offsets.get(partition))).toEqual([-1, -1, -1])
    late.open()
    await other.until(() => other.identities.size === 3)
    await Promise.all([early.stop(), other.stop()])
    expect(await first.log.lag()).toMatchObject({ events: 0 })
  })

  it('reads partitions that are added while it runs', async () => {
    const topic = kafka.topic()
    const { log } = await opened(topic)
    await log.append([inPartition(0, 0)])
    const reading = startReading(log)
    await reading.until(() => reading.identities.size === 1)
    await admin.createPartitions({ topicPartitions: [{ topic, count: 8 }] })
    await reading.stop()
    const again = startReading(log)
    await produce(topic, [Buffer.from([9])], 7)
    await again.until(() => again.unreadable.length === 1)
    await again.stop()
    // A log that is opened now spreads over all.
    const wider = await opened(topic)
    const event = inPartition(7, 7)
    expect(partitionOf(event.journey, 8)).toBe(7)
    await wider.log.append([event])
    expect(Number((await admin.fetchTopicOffsets(topic)).find(({ partition }) => partition === 7)?.high)).toBe(2)
  })
}

function poison(): void {
  it('goes to the dead letters with its reason, and everything else through', async () => {
    const topic = kafka.topic()
    const { log, signals } = await opened(topic)
    await log.append([inPartition(0, 1)])
    const future = Buffer.concat([Buffer.from([formatVersion + 1]), Buffer.from('anything')])
    const poisonous = [
      Buffer.from('no format'),
      future,
      Buffer.from([formatVersion, 0x7b]),
      null,
      Buffer.from([1, 255]),
    ]
    await produce(topic, poisonous)
    await log.append([inPartition(0, 2)])
    const reading = startReading(log)
    await reading.until(() => reading.identities.size === 2)
    await reading.stop()
    expect(reading.unreadable).toHaveLength(poisonous.length)
    expect(log.pending().events).toBe(0)
    expect(signals.reasons).toHaveLength(poisonous.length)
    expect(signals.reasons[1]).toBe('format version 2: this program reads up to 1')

    const letters = await deadLetters(topic, poisonous.length)
    expect(letters.map(({ value }) => value)).toEqual(
      poisonous.map((value) => (value ?? Buffer.alloc(0)).toString('hex')),
    )
    expect(letters.map(({ offset }) => offset)).toEqual(['1', '2', '3', '4', '5'])
    expect(letters.map(({ reason }) => reason)).toEqual(signals.reasons)
  })
}

function retention(): void {
  it('is told with the exact number of messages that it deleted unhandled, and the rest comes', async () => {
    const topic = kafka.topic()
    const { log } = await opened(topic)
    for (let identity = 0; identity < 10; identity++) await log.append([inPartition(identity % 2, identity)])
    const reading = startReading(log)
    await reading.until(() => reading.identities.size === 10)
    await reading.stop()
    for (let identity = 10; identity < 30; identity++) await log.append([inPartition(identity % 2, identity)])
    await log.close()
    // Of partition 0 seven of ten go; of partition 1, where the same number waits, none.
    // kafkajs looks for leaders only in what it has asked about.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '12' }] })
    const again = await opened(topic)
    const rest = startReading(again.log)
    await rest.until(() => rest.identities.size === 13)
    await rest.stop()
    expect(again.signals.gonePartitions).toEqual(new Map([[0, 7]]))
    expect(Math.min(...[...rest.identities].filter((identity) => identity % 2 === 0))).toBe(24)
    expect(await again.log.lag()).toMatchObject({ events: 0 })
  })

  it('need not be waited for: what is handled goes when the log is asked to roll', async () => {
    const topic = kafka.topic()
    const { log, signals } = await opened(topic)
    await log.append([inPartition(0, 0), inPartition(1, 1)])
    const reading = startReading(log)
    await reading.until(() => reading.identities.size === 2)
    await reading.stop()
    await log.append([inPartition(0, 2)])
    await log.roll()
    expect(signals.advice).toEqual([])
    const lows = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, low }) => [partition, Number(low)]))
    expect([lows.get(0), lows.get(1)]).toEqual([1, 1])
    const rest = startReading(log)
    await rest.until(() => rest.identities.size === 1)
    await rest.stop()
    expect([...rest.identities]).toEqual([2])
    expect(signals.gonePartitions.size).toBe(0)
  })
}

function topics(): void {
  it('is made with settings that keep events, and its dead letters with it', async () => {
    const topic = kafka.topic()
    await opened(topic)
    expect(await settingsOf(topic)).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '604800000',
      'min.insync.replicas': '1',
      'compression.type': 'producer',
    })
    expect(await admin.listTopics()).toContain(`${topic}.dead-letters`)
  })

  it.each([
    ['max.message.bytes', '1000', /max\.message\.bytes of topic \S+ is 1000: expected at least 1000000/],
    ['retention.ms', '60000', /retention\.ms of topic \S+ is 60000: expected at least 86400000/],
    ['min.insync.replicas', '2', /min\.insync\.replicas of topic \S+ is 2: expected at most 1/],
    ['cleanup.policy', 'compact', /cleanup\.policy of topic \S+ is compact: expected delete/],
    ['compression.type', 'zstd', /compression\.type of topic \S+ is zstd: expected producer/],
  ])('stops the start when %s is %s', async (name, value, said) => {
    const topic = kafka.topic()
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: 2, replicationFactor: 1, configEntries: [{ name, value }] }],
    })
    const error = await opened(topic).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).toMatch(said)
    expect(String(error)).toMatch(/^ConfigError: KAFKA_TOPIC: /)
  })

  it('is used as it is when it suits', async () => {
    const topic = kafka.topic()
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2, replicationFactor: 1 }] })
    const { log } = await opened(topic)
    await log.append([inPartition(0, 0), inPartition(1, 1), inPartition(5, 5)])
    expect(log.problem()).toBeNull()
    expect((await admin.fetchTopicOffsets(topic)).map(({ high }) => Number(high)).sort()).toEqual([1, 2])
  })

  it('is no reason to wait when its brokers are not there: appends are refused', async () => {
    const signals = new RecordedSignals()
    const log = await openKafkaLog({
      settings: { brokers: ['127.0.0.1:1'], topic: kafka.topic(), ssl: false },
      limits: defaultLimits,
      signals,
    })
    expect(log.problem()).toMatch(/brokers/)
    await expect(log.append([storedEvent()])).rejects.toMatchObject({ code: 'log-unavailable', retryAfterSeconds: 5 })
    await expect(log.lag()).rejects.toMatchObject({ code: 'log-unavailable' })
    await log.close()
  })
}

function sizes(): void {
  it('of one append is no matter: what a journey has too much of goes into further messages', async () => {
    const topic = kafka.topic()
    const { log, signals } = await opened(topic)
    const step = 'a step with a long name, '.repeat(5)
    const sent = Array.from({ length: 30_000 }, (_, identity) => storedEvent({ identity, step, at: identity }))
    await log.append(sent)
    const messages = signals.sends.reduce((sum, one) => sum + one.messages, 0)
    expect(messages).toBeGreaterThan(15)
    expect(log.pending().events).toBe(30_000)
    const order: number[] = []
    const reading = startReading(log, (batch) => {
      order.push(...batch.events.map(({ identity }) => identity))
      return Promise.resolve()
    })
    await reading.until(() => reading.identities.size === 30_000)
    await reading.stop()
    expect(order).toEqual(sent.map(({ identity }) => identity))
  })

  it('that the topic no longer takes is an error to the caller, and said', async () => {
    const topic = kafka.topic()
    const { log, signals } = await opened(topic)
    await setTopic(topic, 'max.message.bytes', '400')
    const large = Array.from({ length: 100 }, (_, identity) =>
      storedEvent({ identity, step: `step ${identity * 7919}` }),
    )
    await expect(log.append(large)).rejects.toMatchObject({ code: 'log-unavailable', retriable: true })
    expect(String(signals.sendFailures[0])).toMatch(/MESSAGE_TOO_LARGE/)
    await eventually(() => expect(log.problem()).toMatch(/max\.message\.bytes/))
    await setTopic(topic, 'max.message.bytes', '1048588')
    await eventually(() => log.append(large))
    expect(log.problem()).toBeNull()
  })
}

async function settingsOf(topic: string): Promise<Record<string, string>> {
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic }] })
  return Object.fromEntries(
    resources.flatMap(({ configEntries }) =>
      configEntries.map(({ configName, configValue }) => [configName, configValue]),
    ),
  )
}

async function setTopic(topic: string, name: string, value: string): Promise<void> {
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topic, configEntries: [{ name, value }] }],
  })
}

interface Letter {
  readonly value: string
  readonly reason: string
  readonly offset: string
}

async function deadLetters(topic: string, count: number): Promise<readonly Letter[]> {
  const client = new Kafka({ brokers: [...kafka.addresses], logLevel: logLevel.NOTHING })
  const consumer = client.consumer({ groupId: `${topic}-letters`, maxWaitTimeInMs: 100 })
  const letters: Letter[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: [`${topic}.dead-letters`], fromBeginning: true })
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: ({ message: { value, headers = {} } }) => {
        const { reason = '', offset = '' } = headers
        letters.push({ value: value?.toString('hex') ?? '', reason: String(reason), offset: String(offset) })
        if (letters.length === count) resolve()
        return Promise.resolve()
      },
    })
  })
  await consumer.disconnect()
  return letters
}

/** Something that a test lets happen, and hears of. */
function gate() {
  let reached: () => void = () => undefined
  let open: () => void = () => undefined
  const wasReached = new Promise<void>((resolve) => (reached = resolve))
  const isOpened = new Promise<void>((resolve) => (open = resolve))
  const state = { isOpen: false, wasReached, opened: isOpened, reached, open: () => ((state.isOpen = true), open()) }
  return state
}

/** Asks again until it holds; the test's own timeout is the end. */
async function eventually(holds: () => unknown): Promise<void> {
  for (;;) {
    try {
      await holds()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

function replays(): void {
  it('sends what was appended in a time again, and nothing else', async () => {
    const topic = kafka.topic()
    const { log } = await opened(topic)
    const append = (...identities: number[]) => log.append(identities.map((one) => inPartition(one % 6, one)))
    await append(1, 2, 3)
    await passed()
    const from = Date.now()
    await append(4, 5, 6, 7, 8, 9, 10)
    await passed()
    const to = Date.now()
    await passed()
    await append(11)
    const given: number[] = []
    const reading = startReading(log, async ({ events }) => {
      given.push(...events.map(({ identity }) => identity))
    })
    await reading.until(() => reading.identities.size === 11)
    expect(await log.replay({ from, to })).toEqual({ events: 7, unreadable: 0 })
    await reading.until(() => given.length === 18)
    await reading.stop()
    const count = (identity: number) => given.filter((one) => one === identity).length
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(count)).toEqual([1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 1])
    expect(await log.replay({ from: to + 3_600_000, to: to + 7_200_000 })).toEqual({ events: 0, unreadable: 0 })
    // Nothing of the reading is left behind.
    const { groups: left } = await admin.listGroups()
    expect(left.filter(({ groupId }) => groupId.startsWith(`${topic}.replay`))).toEqual([])
  })

  it('puts dead letters back that can be read by now, and leaves those that cannot', async () => {
    const topic = kafka.topic()
    const { log } = await opened(topic)
    const newer = (identity: number) => encodeMessages([inPartition(1, identity)]).map(({ value }) => value)
    const [one] = newer(1)
    const [three] = newer(3)
    if (one === undefined || three === undefined) throw new Error('no message')
    await produce(`${topic}.dead-letters`, [one, Buffer.from([formatVersion + 1, 1]), three])
    expect(await log.replay('dead letters')).toEqual({ events: 2, unreadable: 1 })
    const reading = startReading(log)
    await reading.until(() => reading.identities.size === 2)
    await reading.stop()
    expect([...reading.identities].sort()).toEqual([1, 3])
    const [left] = await admin.fetchTopicOffsets(`${topic}.dead-letters`)
    expect(left).toMatchObject({ low: '1', high: '3' })
    // Put back once more, what follows the one that stays changes nothing.
    expect(await log.replay('dead letters')).toEqual({ events: 1, unreadable: 1 })
  })
}

/** The clock that messages are stamped by has moved on. */
async function passed(): Promise<void> {
  const now = Date.now()
  while (Date.now() <= now + 1) await new Promise((resolve) => setImmediate(resolve))
}
