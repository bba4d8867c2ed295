import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One broker, which is a controller too. */
export interface Node {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
}

export interface BrokerOptions {
  /** Folder of Kafka's jars. */
  readonly jars: string
  /** This broker's alone. */
  readonly dataDir: string
  readonly node: Node
  /** All of the cluster, this one among them. */
  readonly nodes: readonly Node[]
  /** Settings of the broker, beside those that are made here. */
  readonly settings?: Readonly<Record<string, string>>
  readonly heapMb?: number
}

export interface Broker {
  readonly address: string
  readonly pid: number
  /** When the process is gone. */
  readonly ended: Promise<void>
  /** SIGTERM, and after `stopMsMax` SIGKILL. */
  stop(): Promise<void>
  /** As a power cut for this process. */
  kill(signal: NodeJS.Signals): void
}

const host = '127.0.0.1'
/** A controlled shutdown of one broker takes a second; of a cluster's last ones it may never end. */
const stopMsMax = 6_000
/** The same for every cluster that is made here: data directories tell them apart. */
const clusterId = 'V2F5bWFya0xvY2FsS2Fma2'

/**
 * Starts one broker in KRaft mode and resolves when it takes connections; the storage is formatted when it is new.
 * The broker ends when this process does, however that ends.
 * @throws Error when it ends before, with the last of what it said
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { jars, dataDir, node, heapMb = 512 } = options
  await mkdir(dataDir, { recursive: true })
  const properties = join(dataDir, 'server.properties')
  const logging = join(dataDir, 'log4j2.properties')
  await writeFile(properties, serverProperties(options))
  await writeFile(logging, log4jProperties(join(dataDir, 'server.log')))
  const java = [`-Xmx${heapMb}m`, `-Dlog4j2.configurationFile=${logging}`, '-cp', join(jars, '*')]
  if (!existsSync(join(dataDir, 'data', 'meta.properties'))) {
    const format = [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties]
    await promisify(execFile)('java', format)
  }
  const child = spawn('java', [...java, 'kafka.Kafka', properties], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const watch = endWithUs(child)
  void ended.then(() => watch.kill())
  let gone = false
  void ended.then(() => (gone = true))
  while (!(await answers(node.port))) {
    if (gone)
      throw new Error(`the broker on port ${node.port} ended: ${said.trim()}; see ${join(dataDir, 'server.log')}`)
    await pause(50)
  }
  return {
    address: `${host}:${node.port}`,
    pid: child.pid ?? 0,
    ended,
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM')
      // One that was frozen has to wake up for it.
      child.kill('SIGCONT')
      const late = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
      await ended
      clearTimeout(late)
    },
  }
}

/** A process of its own that kills the broker once our end of its pipe closes, which the kernel does in any case. */
function endWithUs({ pid = 0 }: ChildProcess): ChildProcess {
  const watch = spawn('sh', ['-c', 'cat >/dev/null; kill -9 "$0" 2>/dev/null', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A signal to our process group is for the broker to end by, not for this.
    detached: true,
  })
  watch.unref()
  return watch
}

function serverProperties({ dataDir, node, nodes, settings = {} }: BrokerOptions): string {
  const copies = String(Math.min(3, nodes.length))
  const inSync = String(Math.max(1, Math.min(3, nodes.length) - 1))
  const all = {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': nodes.map(({ id, controllerPort }) => `${id}@${host}:${controllerPort}`).join(','),
    listeners: `PLAINTEXT://${host}:${node.port},CONTROLLER://${host}:${node.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${host}:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(dataDir, 'data'),
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'auto.create.topics.enable': 'false',
    // Waits for more members of a new group: here they come when they come.
    'group.initial.rebalance.delay.ms': '0',
    // A broker that was killed may come back when its controller has missed it for so long.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    ...settings,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function log4jProperties(file: string): string {
  return `status=off
appender.file.type=File
appender.file.name=file
appender.file.fileName=${file}
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
`
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
