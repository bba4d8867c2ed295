import { memoryMb, percentile } from './machine.ts'
import { drained, putService, start, startServer, steps, type Running } from './programs.ts'
import { wrk, type Load } from './wrk.ts'

const seconds = 8
const rounds = 3

/**
 * Durable events a second over HTTP into the local log, and beside it in turn, on the same machine in the same
 * minute, a bare Hono route that parses the same body. The processor of the one process drains meanwhile.
 */
export async function collector(): Promise<unknown> {
  const ours = await startServer({ WAYMARK_LOG_LEVEL: 'info' })
  const bare = await start('bench-bare', {})
  try {
    await putService(ours, 'bench')
    const results = []
    for (const eventsPerRequest of [1, 10]) {
      for (const connections of [64, 256]) {
        results.push(await pair(ours, bare, eventsPerRequest, connections))
      }
    }
    return { results, memoryMb: memoryMb(ours.pid) }
  } finally {
    await ours.stop()
    await bare.stop()
  }
}

async function pair(ours: Running, bare: Running, eventsPerRequest: number, connections: number): Promise<unknown> {
  const options = { connections, eventsPerRequest, service: 'bench', steps }
  await wrk(bare.url, { ...options, seconds: 2 })
  await wrk(ours.url, { ...options, seconds: 2 })
  const loads: { bare: Load; ours: Load }[] = []
  for (let round = 0; round < rounds; round++) {
    await drained(ours)
    loads.push({
      bare: await wrk(bare.url, { ...options, seconds }),
      ours: await wrk(ours.url, { ...options, seconds }),
    })
  }
  const median = (figure: (load: { bare: Load; ours: Load }) => number) => percentile(loads.map(figure), 0.5)
  const row = {
    eventsPerRequest,
    connections,
    oursEventsPerSecond: Math.round(median((load) => load.ours.requestsPerSecond) * eventsPerRequest),
    bareEventsPerSecond: Math.round(median((load) => load.bare.requestsPerSecond) * eventsPerRequest),
    ratio: Number(median((load) => load.ours.requestsPerSecond / load.bare.requestsPerSecond).toFixed(3)),
    oursP99Ms: Number(median((load) => load.ours.p99Ms).toFixed(1)),
    bareP99Ms: Number(median((load) => load.bare.p99Ms).toFixed(1)),
    errors: loads.reduce((sum, load) => sum + load.ours.errors, 0),
  }
  process.stdout.write(`${JSON.stringify(row)}\n`)
  return row
}
