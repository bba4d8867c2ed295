import { steps, type Running } from './programs.ts'

export const eventsPerRequest = 10
const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

export interface Paced {
  /** By status; 0: no answer. */
  readonly requests: ReadonlyMap<number, number>
  readonly acknowledged: number
}

export interface Pace {
  readonly services: readonly string[]
  readonly eventsPerSecond: number
  readonly seconds: number
  /** Requests that may wait for an answer at once; what is due beyond is sent later. */
  readonly openMax?: number
  /** Number of the first request: each has journeys and ids of its own. */
  readonly first?: number
}

/** Sends at a steady rate, without waiting for answers. */
export async function sendPaced(to: Running, pace: Pace): Promise<Paced> {
  const { eventsPerSecond, seconds, openMax = 500, first = 0 } = pace
  const began = performance.now()
  const requests = new Map<number, number>()
  const open = new Set<Promise<void>>()
  let sent = 0
  while (performance.now() - began < seconds * 1000) {
    const due = ((performance.now() - began) / 1000) * (eventsPerSecond / eventsPerRequest)
    while (sent < due && open.size < openMax) {
      sent += 1
      const request = postBatch(to, pace.services, first + sent).then((status) => {
        requests.set(status, (requests.get(status) ?? 0) + 1)
        open.delete(request)
      })
      open.add(request)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all(open)
  return { requests, acknowledged: (requests.get(204) ?? 0) * eventsPerRequest }
}

/** @returns the status; 0 when there was no answer */
async function postBatch(to: Running, services: readonly string[], request: number): Promise<number> {
  const at = Date.now()
  const events = Array.from({ length: eventsPerRequest }, (_, index) => ({
    id: `${request}-${index}`,
    step: steps[index % steps.length],
    at: at + index,
    seq: index,
    attrs: { 'licence-type': 'coarse' },
  }))
  // One journey in seven comes back after a while.
  const journey = `journey-${request % 7 === 0 ? Math.floor(request / 2) : request}`
  try {
    const response = await fetch(`${to.url}/v1/events`, {
      method: 'POST',
      // As from a page: a request without a key and without a browser's name would be taken for a bot.
      headers: { 'user-agent': browser },
      body: JSON.stringify({ service: services[request % services.length], journey, sentAt: at, events }),
    })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}
