import { memoryMb, percentile } from './machine.ts'
import { drained, putService, start, startServer, steps, type Running } from './programs.ts'
import { wrk, type Load } from './wrk.ts'

const seconds = 4
const rounds = 3

interface Contenders {
  /** Parses the same body and does nothing else: the limit. */
  readonly bare: Running
  /** Collector and local log in a process of their own. */
  readonly alone: Running
  /** The one process: its processor drains meanwhile, on the same two cores. */
  readonly whole: Running
}
type Loads = { readonly [name in keyof Contenders]: Load }

/**
 * Durable events a second over HTTP into the local log, and beside it, in turn and in the same minutes, a bare Hono
 * route that parses the same body.
 */
export async function collector(): Promise<unknown> {
  const contenders: Contenders = {
    bare: await start('bench-bare', {}),
    alone: await start('bench-collector', {}),
    whole: await startServer(),
  }
  try {
    await putService(contenders.whole, 'bench')
    const results = []
    for (const eventsPerRequest of [1, 10]) {
      for (const connections of [64, 256]) results.push(await compare(contenders, eventsPerRequest, connections))
    }
    return {
      results,
      goal: { ratio: 0.6, at: '10 events a request' },
      memoryMb: { alone: memoryMb(contenders.alone.pid), whole: memoryMb(contenders.whole.pid) },
    }
  } finally {
    for (const contender of Object.values(contenders) as Running[]) await contender.stop()
  }
}

async function compare(
  { bare, alone, whole }: Contenders,
  eventsPerRequest: number,
  connections: number,
): Promise<unknown> {
  const options = { connections, eventsPerRequest, service: 'bench', steps }
  for (const { url } of [bare, alone, whole]) await wrk(url, { ...options, seconds: 2 })
  const loads: Loads[] = []
  for (let round = 0; round < rounds; round++) {
    await drained(whole)
    loads.push({
      bare: await wrk(bare.url, { ...options, seconds }),
      alone: await wrk(alone.url, { ...options, seconds }),
      whole: await wrk(whole.url, { ...options, seconds }),
    })
  }
  const median = (figure: (load: Loads) => number) => percentile(loads.map(figure), 0.5)
  const figures = (name: keyof Loads) => ({
    eventsPerSecond: Math.round(median((load) => load[name].requestsPerSecond) * eventsPerRequest),
    ratio: Number(median((load) => load[name].requestsPerSecond / load.bare.requestsPerSecond).toFixed(3)),
    p50Ms: Number(median((load) => load[name].p50Ms).toFixed(1)),
    p99Ms: Number(median((load) => load[name].p99Ms).toFixed(1)),
    errors: loads.reduce((sum, load) => sum + load[name].errors, 0),
  })
  const row = { eventsPerRequest, connections, bare: figures('bare'), alone: figures('alone'), whole: figures('whole') }
  process.stdout.write(`${JSON.stringify(row)}\n`)
  return row
}
