import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../infra/bin/build.js'
import { startCluster, type Cluster, type ClusterOptions } from '../../infra/local-kafka/cluster.ts'
import { canHaveKafka, jarCache, kafkaJars } from '../../infra/local-kafka/jars.ts'

/** Whether this machine has Java, and Kafka's jars or Maven to fetch them. */
export const kafkaHere = await canHaveKafka(jarCache(root))

export interface TestKafka extends Cluster {
  /** A name that no other test of this run uses. */
  topic(): string
}

/** A Kafka for one test file, with ports and a data directory of its own; `stop` takes it all away. */
export async function startKafka(
  options: { brokers?: 1 | 3 } & Pick<ClusterOptions, 'settings' | 'heapMb'> = {},
): Promise<TestKafka> {
  const { brokers = 1, ...rest } = options
  const jars = await kafkaJars(jarCache(root))
  const dataDir = await mkdtemp(join(tmpdir(), 'waymark-kafka-'))
  const free = await freePorts(brokers * 2)
  const ports = Array.from({ length: brokers }, (_, index) => ({
    port: free[index * 2] ?? 0,
    controllerPort: free[index * 2 + 1] ?? 0,
  }))
  const cluster = await startCluster({ heapMb: 256, ...rest, jars, dataDir, ports })
  return {
    ...cluster,
    topic: () => `waymark.${randomBytes(6).toString('hex')}`,
    async stop() {
      await cluster.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Held all at once, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
