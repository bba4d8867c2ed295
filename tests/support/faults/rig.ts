import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect } from 'vitest'
import type { ApartName } from '../../../infra/config.ts'
import { startApart, type Apart, type ProgramChild } from '../apart.ts'
import { startFrontChild, type FrontChild } from '../chdb-http-front/child.ts'
import { startKafka, type TestKafka } from '../kafka.ts'
import type { Figures } from './fault.ts'
import { startLoad, type Load, type LoadCounts } from './load.ts'
import { funnel, headers, reconcile, shown, type Answers, type Excused, type Stored } from './reconcile.ts'
import { SentEvents } from './sent.ts'
import { eventsOf, messagesOf } from './topic.ts'

/** A Kafka and a ClickHouse that the faults of one file share; each fault has a topic, a database and programs of its own. */
export interface Rig {
  readonly kafka: TestKafka
  readonly front: FrontChild
}

/** To be called where tests are listed; what it returns is to be called where they run. */
export function useRig(options: Parameters<typeof startKafka>[0] = {}): () => Rig {
  let rig: Rig | undefined
  beforeAll(async () => {
    const [kafka, front] = await Promise.all([startKafka(options), startFrontChild()])
    rig = { kafka, front }
  }, 120_000)
  afterAll(async () => {
    await Promise.all([rig?.kafka.stop(), rig?.front.close()])
  }, 60_000)
  return () => {
    if (rig === undefined) throw new Error('it has not begun')
    return rig
  }
}

export interface InstallationOptions {
  readonly names?: readonly ApartName[]
  readonly services?: readonly (readonly [id: string, share: number])[]
  readonly database?: string
  readonly topic?: string
  readonly settings?: Readonly<Record<string, string>>
}

/** The programs of one installation under load. */
export interface Installation {
  readonly apart: Apart
  readonly topic: string
  readonly answers: Answers
  readonly sent: SentEvents
  /** A load of this round; `round` starts one by itself. */
  readonly load: (options?: { readonly clients?: number; readonly url?: () => string }) => Load
  /**
   * Under load, does what breaks and what mends it; then the load ends, and when the status says that all is shown
   * everything is reconciled.
   * @param fault resolves when what it broke is mended
   */
  readonly round: (
    fault: (load: Load) => Promise<void>,
    options?: { readonly clients?: number; readonly excused?: Excused },
  ) => Promise<void>
  /** The load ends, and everything is shown and reconciled. */
  readonly settle: (load: Load, excused?: Excused) => Promise<Stored>
  /** Ends a program, and starts another in its place, which is waited for when all is settled. */
  readonly replace: (program: ProgramChild, signal: NodeJS.Signals) => Promise<void>
  /** Of all rounds; compares the trail with the log too. @param excused events that are in only one of them */
  readonly figures: (excused?: Excused) => Promise<Figures>
  readonly close: () => Promise<void>
}

export const allNames: readonly ApartName[] = ['collector', 'collector', 'processor', 'processor', 'api']

let loads = 0

export async function install({ kafka, front }: Rig, options: InstallationOptions = {}): Promise<Installation> {
  const {
    names = allNames,
    services = [
      ['one', 3],
      ['other', 1],
    ],
  } = options
  const topic = options.topic ?? kafka.topic()
  const database = options.database ?? `fault_${randomBytes(4).toString('hex')}`
  const apart = await startApart(
    {
      KAFKA_BROKERS: kafka.addresses.join(','),
      KAFKA_TOPIC: topic,
      CLICKHOUSE_URL: front.url,
      CLICKHOUSE_DATABASE: database,
      ...options.settings,
    },
    [],
  )
  await Promise.all(names.map((name) => apart.start(name)))
  for (const [id] of services) await put(apart.url, id)
  const answers: Answers = { url: apart.url, clickHouse: front.url, database }
  const sent = new SentEvents()
  const seconds: number[] = []
  const counts: LoadCounts[] = []
  let stored: Stored = { keys: new Set() }
  const starting: Promise<unknown>[] = []

  const begun: Load[] = []
  const load: Installation['load'] = (more = {}) => {
    const one = startLoad({ url: () => apart.url, services, sent, seed: ++loads, ...more })
    begun.push(one)
    return one
  }
  const settle: Installation['settle'] = async (under, excused) => {
    const ended = Date.now()
    await under.stop()
    counts.push(under.counts())
    await shown(answers)
    seconds.push((Date.now() - ended) / 1000)
    stored = await reconcile(answers, sent, excused)
    await Promise.all(starting.splice(0))
    return stored
  }
  return {
    apart,
    topic,
    answers,
    sent,
    load,
    settle,
    async replace(program, signal) {
      await apart.end(program, signal)
      const another = apart.start(program.name)
      another.catch(() => undefined)
      starting.push(another)
    },
    async round(fault, { excused, ...more } = {}) {
      const under = load(more)
      await fault(under)
      await settle(under, excused)
    },
    async figures({ gone = new Set() } = {}) {
      const logged = (await messagesOf(kafka.addresses, topic)).flatMap((message) => eventsOf(message) ?? [])
      const known = new Set(logged)
      const different = [...known].filter((key) => !stored.keys.has(key) && !gone.has(key))
      expect(different.slice(0, 5), 'what the log holds is stored').toEqual([])
      return figuresOf({ sent, stored, seconds, counts, copies: logged.length - known.size })
    },
    async close() {
      await Promise.all(begun.map((one) => one.abandon()))
      await Promise.allSettled(starting)
      await apart.close()
    },
  }
}

/** The programs of one installation for one fault, and its figures. */
export async function withInstallation(
  rig: Rig,
  run: (installation: Installation) => Promise<Figures | void>,
  options?: InstallationOptions,
): Promise<Figures> {
  const installation = await install(rig, options)
  try {
    return (await run(installation)) ?? (await installation.figures())
  } finally {
    await installation.close()
  }
}

export async function put(url: string, service: string): Promise<void> {
  const body = JSON.stringify({ name: service, funnel })
  const response = await fetch(`${url}/v1/services/${service}`, { method: 'PUT', headers, body })
  expect(response.status, await response.text()).toBe(201)
}

function figuresOf(all: {
  readonly sent: SentEvents
  readonly stored: Stored
  readonly seconds: readonly number[]
  readonly counts: readonly LoadCounts[]
  readonly copies: number
}): Figures {
  const { sent, stored, seconds, counts, copies } = all
  const sum = (name: keyof LoadCounts) => counts.reduce((total, one) => total + one[name], 0)
  const sorted = [...seconds].sort((a, b) => a - b)
  return {
    rounds: seconds.length,
    sent: sent.all.size,
    acknowledged: sent.acknowledged,
    stored: stored.keys.size,
    copies,
    requests: sum('requests'),
    retries: sum('retries'),
    unanswered: sum('unanswered'),
    refused: sum('refused'),
    recoverSeconds: { median: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 },
  }
}

/** A value of a program's metrics, 0 when it has none; summed over labels. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
