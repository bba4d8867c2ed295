import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { startBroker, type Broker, type BrokerOptions, type Node } from './broker.ts'

export interface ClusterOptions extends Pick<BrokerOptions, 'jars' | 'settings' | 'heapMb'> {
  /** Has a directory for each broker. */
  readonly dataDir: string
  /** One or three; each pair of ports is free. */
  readonly ports: readonly Pick<Node, 'port' | 'controllerPort'>[]
}

export interface Cluster {
  /** What KAFKA_BROKERS is. */
  readonly addresses: readonly string[]
  /** By their place in `ports`; one that was started again is another. */
  broker(index: number): Broker
  /** Starts one that has ended, on its data. */
  restart(index: number): Promise<void>
  stop(): Promise<void>
}

/** Starts the brokers and resolves when each of them says that all are there. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const nodes = options.ports.map((ports, index) => ({ id: index + 1, ...ports }))
  const start = (node: Node): Promise<Broker> =>
    startBroker({ ...options, nodes, node, dataDir: join(options.dataDir, `broker-${node.id}`) })
  const started = await Promise.allSettled(nodes.map(start))
  const brokers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map((broker) => broker.stop()))
  }
  const failed = started.find((one) => one.status === 'rejected')
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
  try {
    if (failed !== undefined) throw failed.reason
    await isWhole(addresses)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    addresses,
    broker: (index) => there(brokers[index]),
    async restart(index) {
      brokers[index] = await startBroker({
        ...options,
        nodes,
        node: there(nodes[index]),
        dataDir: join(options.dataDir, `broker-${index + 1}`),
      })
    },
    stop,
  }
}

/** Until each broker counts them all: a topic with three copies can be made from then on. */
async function isWhole(addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    const kafka = new Kafka({
      brokers: [address],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, multiplier: 1, retries: 600 },
    })
    const admin = kafka.admin()
    await admin.connect()
    try {
      for (;;) {
        const { brokers, controller } = await admin.describeCluster()
        if (brokers.length === addresses.length && (controller ?? -1) >= 0) break
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    } finally {
      await admin.disconnect()
    }
  }
}

function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('no such broker')
  return value
}
