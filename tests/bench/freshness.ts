import { memoryMb, percentile } from './machine.ts'
import { adminKey, api, putService, startServer, steps, type Running } from './programs.ts'

const seconds = 30
const eventsPerRequest = 10
const probeEveryMs = 250
const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const services = ['small', 'middle', 'large']

/**
 * From sending an event to the first answer that counts it, while events arrive at a steady rate: a marker
 * journey goes in, and a service of its own is asked until it shows.
 */
export async function freshness(): Promise<unknown> {
  const results = []
  for (const rate of [1_000, 10_000]) {
    const server = await startServer()
    try {
      for (const service of [...services, 'probe']) await putService(server, service)
      results.push(await measure(server, rate))
    } finally {
      await server.stop()
    }
  }
  return { results, goal: { p95Seconds: 2 } }
}

async function measure(server: Running, rate: number): Promise<unknown> {
  const until = Date.now() + seconds * 1000
  const sent = pace(server, rate, until)
  const delays: number[] = []
  let shown = 0
  while (Date.now() < until) {
    const before = performance.now()
    await postEvent(server, `probe-${shown}`)
    shown = await counted(server, shown + 1)
    delays.push(performance.now() - before)
    await new Promise((resolve) => setTimeout(resolve, probeEveryMs))
  }
  const row = {
    eventsPerSecondAsked: rate,
    eventsPerSecondSent: Math.round((await sent) / seconds),
    probes: delays.length,
    p50Ms: Math.round(percentile(delays, 0.5)),
    p95Ms: Math.round(percentile(delays, 0.95)),
    p99Ms: Math.round(percentile(delays, 0.99)),
    memoryMb: memoryMb(server.pid),
  }
  process.stdout.write(`${JSON.stringify(row)}\n`)
  return row
}

/** Sends at the rate until the time, without waiting for answers. @returns events that were acknowledged */
async function pace(server: Running, rate: number, until: number): Promise<number> {
  const began = performance.now()
  let requests = 0
  let acknowledged = 0
  const open = new Set<Promise<void>>()
  while (Date.now() < until) {
    const due = ((performance.now() - began) / 1000) * (rate / eventsPerRequest)
    while (requests < due) {
      requests += 1
      const request = postBatch(server, requests).then((ok) => {
        if (ok) acknowledged += eventsPerRequest
        open.delete(request)
      })
      open.add(request)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all(open)
  return acknowledged
}

async function postBatch(server: Running, request: number): Promise<boolean> {
  const at = Date.now()
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    // As from a page: a request without a key and without a browser's name would be taken for a bot.
    headers: { 'user-agent': browser },
    body: JSON.stringify({
      service: services[request % services.length],
      // One journey in seven comes back after a while.
      journey: `journey-${request % 7 === 0 ? Math.floor(request / 2) : request}`,
      sentAt: at,
      events: Array.from({ length: eventsPerRequest }, (_, index) => ({
        id: `${request}-${index}`,
        step: steps[index % steps.length],
        at: at + index,
        seq: index,
        attrs: { 'licence-type': 'coarse' },
      })),
    }),
  })
  await response.arrayBuffer()
  return response.status === 204
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
