import { startAtScale } from './at-scale.ts'
import { memoryMb } from './machine.ts'
import { eventsPerRequest, sendPaced } from './paced.ts'
import { drained, putService, steps, type Running } from './programs.ts'
import { wrk, type Load } from './wrk.ts'

const service = 'overloaded'
const seconds = 30
const recoverySecondsMax = 60
/** Connections with which it is as fast as it can be, and so many as have it refuse most of what comes. */
const connections = { enough: 64, tooMany: 2_000 }

/**
 * Far more than the collector can take, for half a minute: what it answers, what it holds in memory, how soon after it
 * answers quickly again, and whether what it acknowledged is stored, all of it. Its queue is made small, so that it is
 * full: what comes beyond is answered 429.
 */
export async function overload(): Promise<unknown> {
  const measured = await startAtScale({ WAYMARK_APPENDS_IN_FLIGHT_MAX: '64' })
  try {
    const { collector } = measured
    await putService(measured.api, service)
    const load = (count: number, time: number) =>
      wrk(collector.url, { connections: count, seconds: time, eventsPerRequest, service, steps })
    const usual = await load(connections.enough, 5)
    const idle = memoryMb(collector.pid)
    const over = await load(connections.tooMany, seconds)
    const peak = memoryMb(collector.pid)
    const recoveredSeconds = await recovery(collector)
    await drained(measured.api)
    const accepted = (some: Load) => (some.requests - some.refused) * eventsPerRequest
    return {
      canTakeRequestsPerSecond: Math.round(usual.requestsPerSecond),
      requestsPerSecond: Math.round(over.requestsPerSecond),
      refusedPerSecond: Math.round(over.refused / seconds),
      brokenConnections: over.broken,
      memoryMb: { before: idle.rss, peak: peak.peak, after: peak.rss },
      recoveredSeconds,
      acknowledged: accepted(usual) + accepted(over),
      // What was under way when the load ended was taken, and its answer not waited for.
      stored: await measured.stored(),
      goal: { recoveredSeconds: 5, stored: 'acknowledged or more' },
    }
  } finally {
    await measured.stop()
  }
}

/** Seconds until a request is answered 204 within 100 ms, three times in a row. */
async function recovery(collector: Running): Promise<number> {
  const begun = performance.now()
  for (let inRow = 0, probe = 0; inRow < 3 && performance.now() - begun < recoverySecondsMax * 1000; probe++) {
    const sent = performance.now()
    // One request.
    const { requests } = await sendPaced(collector, {
      services: [service],
      eventsPerSecond: eventsPerRequest,
      seconds: 0.001,
      first: 1_000_000 + probe,
    })
    inRow = performance.now() - sent < 100 && requests.get(204) === 1 ? inRow + 1 : 0
  }
  return Number(((performance.now() - begun) / 1000).toFixed(1))
}
