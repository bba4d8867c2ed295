import { Kafka, logLevel } from 'kafkajs'
import { startKafka } from '../support/kafka.ts'
import { memoryMb, percentile } from './machine.ts'
import { start, steps, type Running } from './programs.ts'
import { wrk, type Load } from './wrk.ts'

const seconds = 4
const rounds = 3

/**
 * Events a second over HTTP that all in-sync replicas have acknowledged, one broker on the same two cores; beside it, in
 * turn and in the same minutes, a bare Hono route that parses the same body, and one that sends a message an event with kafkajs.
 */
export async function collectorKafka(): Promise<unknown> {
  const kafka = await startKafka({ heapMb: 512 })
  const topics = { collector: kafka.topic(), simple: kafka.topic() }
  const running: Running[] = []
  try {
    const admin = new Kafka({ brokers: [...kafka.addresses], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    // The same number of partitions for both; the collector makes its own.
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: topics.simple, numPartitions: 6 }] })
    await admin.disconnect()
    const open = async (program: string, topic?: string): Promise<Running> => {
      const env = topic === undefined ? {} : { KAFKA_BROKERS: kafka.addresses.join(','), KAFKA_TOPIC: topic }
      const one = await start(program, { ...env, KAFKAJS_NO_PARTITIONER_WARNING: '1' })
      running.push(one)
      return one
    }
    const contenders = {
      bare: await open('bench-bare'),
      collector: await open('bench-collector', topics.collector),
      simple: await open('bench-kafkajs', topics.simple),
    }
    const results = []
    for (const eventsPerRequest of [1, 10])
      for (const connections of [64, 256]) results.push(await compare(contenders, eventsPerRequest, connections))
    return {
      results,
      goal: { ratio: 0.6, ratioToSimple: 2, at: '10 events a request' },
      memoryMb: { collector: memoryMb(contenders.collector.pid), simple: memoryMb(contenders.simple.pid) },
    }
  } finally {
    for (const one of running) await one.stop()
    await kafka.stop()
  }
}

type Contenders = Readonly<Record<'bare' | 'collector' | 'simple', Running>>

async function compare(contenders: Contenders, eventsPerRequest: number, connections: number): Promise<unknown> {
  const options = { connections, eventsPerRequest, service: 'bench', steps }
  const names = ['bare', 'collector', 'simple'] as const
  for (const name of names) await wrk(contenders[name].url, { ...options, seconds: 2 })
  const loads: Record<(typeof names)[number], Load>[] = []
  for (let round = 0; round < rounds; round++)
    loads.push({
      bare: await wrk(contenders.bare.url, { ...options, seconds }),
      collector: await wrk(contenders.collector.url, { ...options, seconds }),
      simple: await wrk(contenders.simple.url, { ...options, seconds }),
    })
  const median = (figure: (load: (typeof loads)[number]) => number) => percentile(loads.map(figure), 0.5)
  const figures = (name: (typeof names)[number]) => ({
    eventsPerSecond: Math.round(median((load) => load[name].requestsPerSecond) * eventsPerRequest),
    ratio: Number(median((load) => load[name].requestsPerSecond / load.bare.requestsPerSecond).toFixed(3)),
    p50Ms: Number(median((load) => load[name].p50Ms).toFixed(1)),
    p99Ms: Number(median((load) => load[name].p99Ms).toFixed(1)),
    errors: loads.reduce((sum, load) => sum + load[name].errors, 0),
  })
  const row = { eventsPerRequest, connections, ...Object.fromEntries(names.map((name) => [name, figures(name)])) }
  process.stdout.write(`${JSON.stringify(row)}\n`)
  return row
}
