import { startAtScale, type AtScale } from './at-scale.ts'
import { memoryMb, percentile } from './machine.ts'
import { sendPaced } from './paced.ts'
import { adminKey, api, putService, startServer, type Running } from './programs.ts'

const seconds = 30
const probeEveryMs = 250
const services = ['small', 'middle', 'large']

/**
 * From sending an event to the first answer that counts it, while events arrive at a steady rate: a marker
 * journey goes in, and a service of its own is asked until it shows.
 */
export const freshness = (): Promise<unknown> =>
  measureAll(async () => {
    const server = await startServer()
    return { collector: server, api: server, programs: { server }, stop: () => server.stop() }
  })

/** The same with the programs apart. */
export const freshnessKafka = (): Promise<unknown> => measureAll(startAtScale)

type Measured = Omit<AtScale, 'stored'>

async function measureAll(open: () => Promise<Measured>): Promise<unknown> {
  const results = []
  for (const rate of [1_000, 10_000]) {
    const measured = await open()
    try {
      for (const service of [...services, 'probe']) await putService(measured.api, service)
      results.push(await measure(measured, rate))
    } finally {
      await measured.stop()
    }
  }
  return { results, goal: { p95Seconds: 2 } }
}

async function measure({ collector, api: asked, programs }: Measured, rate: number): Promise<unknown> {
  const until = Date.now() + seconds * 1000
  const sent = sendPaced(collector, { services, eventsPerSecond: rate, seconds })
  const delays: number[] = []
  let shown = 0
  while (Date.now() < until) {
    const before = performance.now()
    await postEvent(collector, `probe-${shown}`)
    shown = await counted(asked, shown + 1)
    delays.push(performance.now() - before)
    await new Promise((resolve) => setTimeout(resolve, probeEveryMs))
  }
  const row = {
    eventsPerSecondAsked: rate,
    eventsPerSecondSent: Math.round((await sent).acknowledged / seconds),
    probes: delays.length,
    p50Ms: Math.round(percentile(delays, 0.5)),
    p95Ms: Math.round(percentile(delays, 0.95)),
    p99Ms: Math.round(percentile(delays, 0.99)),
    memoryMb: Object.fromEntries(Object.entries(programs).map(([name, { pid }]) => [name, memoryMb(pid)])),
  }
  process.stdout.write(`${JSON.stringify(row)}\n`)
  return row
}

async function postEvent(server: Running, journey: string): Promise<void> {
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ service: 'probe', journey, events: [{ step: 'start', at: Date.now() }] }),
  })
  if (response.status !== 204) throw new Error(`the probe was answered ${response.status}`)
}

async function counted(server: Running, atLeast: number): Promise<number> {
  const day = 24 * 60 * 60 * 1000
  const from = new Date(Date.now() - day).toISOString()
  const to = new Date(Date.now() + day).toISOString()
  for (;;) {
    const answer = (await api(server, 'GET', `/v1/services/probe/funnel?from=${from}&to=${to}`)) as {
      totals: { started: number }
    }
    if (answer.totals.started >= atLeast) return answer.totals.started
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
