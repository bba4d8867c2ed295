import type { Admin } from 'kafkajs'
import { ConfigError } from '../config-error.ts'
import { codeOf } from './errors.ts'
import { ConfigResourceTypes } from './library.ts'
import type { KafkaSignals } from './signals.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Partitions of a topic that we make: as many processors can share the work, and more may be added at any time. */
const partitions = 6
/** Bytes of one message set that the topic must take: the largest that is sent, and room. */
export const topicBytesMin = 1_000_000
/** Events wait here while processors or ClickHouse are away: that must not outlast it. */
const retentionMsMin = dayMs
const retentionMs = 7 * dayMs
/** So often a file of the topic ends: erased bytes leave the disk only with whole files (see `roll`), within a day. */
const segmentMs = dayMs / 4

export function deadLettersOf(topic: string): string {
  return `${topic}.dead-letters`
}

/**
 * Makes the topic and the one for its dead letters when they are missing, else checks their settings.
 * @returns partitions of the topic
 * @throws {ConfigError} the topic cannot be used as it is: what to change, in one line
 */
export async function prepareTopics(
  admin: Admin,
  topic: string,
  signals: Pick<KafkaSignals, 'advised'>,
): Promise<number> {
  const found = new Set(await admin.listTopics())
  const wanted = [topic, deadLettersOf(topic)]
  const missing = wanted.filter((name) => !found.has(name))
  if (missing.length > 0) await make(admin, missing, topic)
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted })
  const own = topics.find(({ name }) => name === topic)
  if (own === undefined || own.partitions.length === 0) throw new Error('the topic is not there yet')
  const copies = Math.min(...own.partitions.map(({ replicas }) => replicas.length))
  for (const name of wanted) await check(admin, name, { copies, deadLetters: name !== topic }, signals)
  return own.partitions.length
}

async function make(admin: Admin, missing: readonly string[], topic: string): Promise<void> {
  const { brokers } = await admin.describeCluster()
  const copies = Math.min(3, brokers.length)
  await admin.createTopics({
    waitForLeaders: true,
    topics: missing.map((name) => ({
      topic: name,
      numPartitions: name === topic ? partitions : 1,
      replicationFactor: copies,
      configEntries: Object.entries({
        'cleanup.policy': 'delete',
        'min.insync.replicas': String(Math.max(1, copies - 1)),
        'unclean.leader.election.enable': 'false',
        'compression.type': 'producer',
        // A dead letter is the message and what is said about it.
        'max.message.bytes': String(name === topic ? 1_048_588 : 1_048_588 + 64 * 1024),
        'retention.ms': String(name === topic ? retentionMs : 4 * retentionMs),
        'segment.ms': String(segmentMs),
      }).map(([name, value]) => ({ name, value })),
    })),
  })
}

interface About {
  readonly copies: number
  readonly deadLetters: boolean
}

async function check(admin: Admin, topic: string, about: About, signals: Pick<KafkaSignals, 'advised'>): Promise<void> {
  let given: ReadonlyMap<string, string>
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
    })
    given = new Map(
      resources.flatMap(({ configEntries }) =>
        configEntries.map(({ configName, configValue }) => [configName, configValue]),
      ),
    )
  } catch (error) {
    if (!/AUTHORIZATION_FAILED/.test(codeOf(error))) throw error
    return signals.advised(`the settings of topic ${topic} are not shown to this user, and so not checked`)
  }
  for (const { setting, value, needed } of faultsOf(given, about))
    throw new ConfigError(`KAFKA_TOPIC: ${setting} of topic ${topic} is ${value}: expected ${needed}`)
  for (const advice of adviceOn(given, about)) signals.advised(`topic ${topic}: ${advice}`)
}

/** A setting of a topic with which events would be refused or lost. */
export interface TopicFault {
  readonly setting: string
  readonly value: string
  readonly needed: string
}

export function faultsOf(given: ReadonlyMap<string, string>, { copies, deadLetters }: About): readonly TopicFault[] {
  const faults: TopicFault[] = []
  const number = (setting: string, otherwise: number): number => Number(given.get(setting) ?? otherwise)
  const fault = (setting: string, needed: string): void => {
    faults.push({ setting, value: given.get(setting) ?? 'unknown', needed })
  }
  if ((given.get('cleanup.policy') ?? 'delete').includes('compact'))
    fault('cleanup.policy', 'delete, since compaction deletes events')
  if (number('max.message.bytes', topicBytesMin) < topicBytesMin)
    fault('max.message.bytes', `at least ${topicBytesMin}`)
  const retention = number('retention.ms', -1)
  if (retention >= 0 && retention < retentionMsMin)
    fault('retention.ms', `at least ${retentionMsMin}, since events wait here while processors are away`)
  // Its messages are read by people and by waymark replay; no 2xx depends on them.
  if (deadLetters) return faults
  const inSync = number('min.insync.replicas', 1)
  if (inSync > copies) fault('min.insync.replicas', `at most ${copies}, the copies that there are`)
  if (copies >= 3 && inSync < 2)
    fault('min.insync.replicas', 'at least 2, since one broker alone would acknowledge events')
  const codec = given.get('compression.type') ?? 'producer'
  if (!['producer', 'gzip', 'lz4', 'uncompressed'].includes(codec))
    fault('compression.type', 'producer (gzip, lz4 and uncompressed can be read too)')
  return faults
}

function adviceOn(given: ReadonlyMap<string, string>, { copies }: About): readonly string[] {
  const advice: string[] = []
  if (copies === 2) advice.push('it has 2 copies; 3 let a broker go without refusing events')
  if (given.get('unclean.leader.election.enable') === 'true')
    advice.push('unclean.leader.election.enable is true: acknowledged events may be lost with a broker')
  if (Number(given.get('retention.bytes') ?? -1) >= 0)
    advice.push('retention.bytes is set: a long outage of processors may lose events before retention.ms')
  if (Number(given.get('segment.ms') ?? 0) > dayMs / 2)
    advice.push('segment.ms is more than half a day: bytes of erased journeys may stay longer than a day')
  return advice
}
