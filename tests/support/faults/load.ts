import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom, type Random } from '../../../domain/random.ts'
import { adminSecret } from '../server.ts'
import { SentEvents, type Event } from './sent.ts'

/** The funnel of every service that is loaded. */
export const steps = ['start', 'name', 'address', 'check', 'done'] as const
export const windowMs = 3_600_000

const dayMs = 86_400_000

export interface LoadOptions {
  /** Asked for every request: programs come and go. */
  readonly url: () => string
  /** By how likely an event is of it. */
  readonly services: readonly (readonly [id: string, share: number])[]
  readonly clients?: number
  readonly seed: number
  readonly sent?: SentEvents
}

export interface LoadCounts {
  readonly requests: number
  /** Requests that were sent again, with the same events. */
  readonly retries: number
  /** Requests that got no answer, or that of a proxy without one. */
  readonly unanswered: number
  /** Requests that were answered 429 or 503. */
  readonly refused: number
  /** Requests that were acknowledged and sent once more. */
  readonly repeated: number
  /** Requests of which the client never knew whether they were taken. */
  readonly givenUp: number
}

export interface Load {
  readonly sent: SentEvents
  counts(): LoadCounts
  /** Resolves once so many more events were acknowledged. */
  more(events: number): Promise<void>
  /** Begins no more requests; resolves when each that was begun is acknowledged or given up. */
  stop(): Promise<void>
  /** The same, but nothing is sent again: for a test that has failed. */
  abandon(): Promise<void>
}

/** A client that goes away, or one that waits for its answer no longer. */
const givesUpChance = 0.1
const answerMsMax = 15_000
/** When the load is stopped, what is still refused is tried for so long. */
const afterStopMsMax = 90_000

/**
 * Clients that send journeys step by step, as JSON (1 to 5 events of a journey) and as NDJSON (up to 40 lines of several),
 * with ids and without. What is answered 429 or 503, by a proxy without a program behind, or not at all is sent again
 * with the same events, sooner than real clients would; a tenth of it is given up. Some of what was acknowledged is sent once more.
 */
export function startLoad({ url, services, clients = 6, seed, sent = new SentEvents() }: LoadOptions): Load {
  const counts = { requests: 0, retries: 0, unanswered: 0, refused: 0, repeated: 0, givenUp: 0 }
  const waiting: { at: number; met: () => void }[] = []
  const stopped = new AbortController()
  let stoppedAt = Infinity

  const acknowledge = (request: Request): void => {
    sent.acknowledge(request.keys)
    for (const one of waiting.filter(({ at }) => sent.acknowledged >= at)) {
      waiting.splice(waiting.indexOf(one), 1)
      one.met()
    }
  }

  async function deliver(request: Request, random: Random): Promise<void> {
    const patient = !random.chance(givesUpChance)
    for (let tries = 0; ; tries++) {
      counts.requests += 1
      if (tries > 0) counts.retries += 1
      const status = await post(url(), request)
      if (status === 'taken') {
        const first = !request.acknowledged
        request.acknowledged = true
        acknowledge(request)
        if (first && random.chance(0.1)) {
          counts.repeated += 1
          continue
        }
        return
      }
      counts[status] += 1
      const late = Date.now() - stoppedAt > afterStopMsMax
      if (!patient || request.acknowledged || late) {
        if (!request.acknowledged) counts.givenUp += 1
        return
      }
      await wait(random.whole(20, 250))
    }
  }

  async function client(number: number): Promise<void> {
    const random = seededRandom(seed * 1000 + number)
    const journeys = new Journeys(`${seed}-${number}`, services, random)
    while (!stopped.signal.aborted) {
      await deliver(requestOf(journeys, sent, random), random)
      await wait(random.whole(2, 20))
    }
  }

  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  running.catch(() => stopped.abort())
  return {
    sent,
    counts: () => ({ ...counts }),
    more: (events) => {
      const met = new Promise<void>((resolve) => waiting.push({ at: sent.acknowledged + events, met: resolve }))
      // A client that fails fails whoever waits.
      return Promise.race([met, running.then(() => met)])
    },
    async stop() {
      stopped.abort()
      stoppedAt = Date.now()
      await running
    },
    async abandon() {
      stopped.abort()
      stoppedAt = -Infinity
      await running.catch(() => undefined)
    },
  }
}

export interface Request {
  readonly type: 'application/json' | 'application/x-ndjson'
  readonly body: string
  readonly keys: readonly string[]
  acknowledged: boolean
}

/** @throws Error for an answer that nothing explains */
async function post(url: string, { type, body, keys }: Request): Promise<'taken' | 'unanswered' | 'refused'> {
  let response: Response
  let text: string
  try {
    response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminSecret}`, 'content-type': type },
      body,
      signal: AbortSignal.timeout(answerMsMax),
    })
    text = await response.text()
  } catch {
    return 'unanswered'
  }
  if (response.status === 502) return 'unanswered'
  if (response.status === 429 || response.status === 503) {
    if (response.headers.get('retry-after') === null) throw new Error(`${response.status} without Retry-After: ${text}`)
    return 'refused'
  }
  const taken =
    type === 'application/json'
      ? response.status === 204
      : response.status === 200 && (JSON.parse(text) as { accepted: number }).accepted === keys.length
  if (!taken) throw new Error(`answered ${response.status}: ${text}`)
  return 'taken'
}

/** Sends each until it is taken, several at a time. */
export async function deliverAll(
  url: string,
  requests: readonly Request[],
  sent: SentEvents,
  clients = 8,
): Promise<void> {
  const left = [...requests]
  const client = async (): Promise<void> => {
    for (let request = left.shift(); request !== undefined; request = left.shift()) {
      while ((await post(url, request)) !== 'taken') await wait(100)
      sent.acknowledge(request.keys)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}

/** Lines of any journeys, in this order. */
export function ndjsonRequest(
  lines: readonly { readonly service: string; readonly reference: string; readonly event: Event }[],
  sent: SentEvents,
): Request {
  return {
    type: 'application/x-ndjson',
    body: lines
      .map(({ service, reference, event }) => `${JSON.stringify({ service, journey: reference, ...event })}\n`)
      .join(''),
    keys: lines.flatMap(({ service, reference, event }) => sent.add(service, reference, [event])),
    acknowledged: false,
  }
}

/** Events of one journey, in this order. */
export function jsonRequest(service: string, reference: string, events: readonly Event[], sent: SentEvents): Request {
  return {
    type: 'application/json',
    body: JSON.stringify({ service, journey: reference, events }),
    keys: sent.add(service, reference, events),
    acknowledged: false,
  }
}

function requestOf(journeys: Journeys, sent: SentEvents, random: Random): Request {
  if (random.chance(0.8)) {
    const { service, reference, events } = journeys.next()
    return jsonRequest(service, reference, events, sent)
  }
  const lines = Array.from({ length: random.whole(2, 12) }, () => journeys.next()).flatMap(
    ({ service, reference, events }) => events.map((event) => ({ service, reference, event })),
  )
  return ndjsonRequest(lines, sent)
}

interface Journey {
  readonly service: string
  readonly reference: string
  readonly steps: number
  at: number
  seq: number
  done: number
}

/** Of one client: some are begun and left, some go on in later requests. */
export class Journeys {
  readonly #name: string
  readonly #services: LoadOptions['services']
  readonly #random: Random
  #open: Journey[] = []
  #begun = 0

  constructor(name: string, services: LoadOptions['services'], random: Random) {
    this.#name = name
    this.#services = services
    this.#random = random
  }

  /** The next 1 to 5 events of a journey. */
  next(): { service: string; reference: string; events: readonly Event[] } {
    const random = this.#random
    const again = this.#open.length > 0 && random.chance(0.6)
    const journey = again
      ? (this.#open.splice(random.whole(0, this.#open.length - 1), 1)[0] ?? this.#begin())
      : this.#begin()
    const events: Event[] = []
    for (let count = random.whole(1, 5); count > 0 && journey.done < journey.steps; count--)
      events.push(this.#event(journey))
    if (journey.done < journey.steps) this.#open.push(journey)
    if (this.#open.length > 40) this.#open = this.#open.slice(20)
    return { service: journey.service, reference: journey.reference, events }
  }

  #begin(): Journey {
    const random = this.#random
    const drawn = random.next() * this.#services.reduce((sum, [, share]) => sum + share, 0)
    let passed = 0
    const [service] = this.#services.find(([, share]) => (passed += share) > drawn) ?? this.#services[0] ?? ['']
    this.#begun += 1
    return {
      service,
      reference: `${this.#name}-${this.#begun}`,
      steps: random.whole(1, steps.length + 2),
      // Their windows have passed: whatever the clock says, answers are the same.
      at: Date.now() - random.whole(3 * 3_600_000, 3 * dayMs),
      seq: 0,
      done: 0,
    }
  }

  #event(journey: Journey): Event {
    const random = this.#random
    journey.at += random.chance(0.1) ? 0 : random.whole(1_000, 120_000)
    journey.seq += 1
    const step = steps[journey.done] ?? steps[0]
    const place = { at: journey.at, seq: journey.seq, ...(random.chance(0.8) && { id: `e${journey.seq}` }) }
    if (random.chance(0.06)) return { type: 'error', field: 'postcode', code: 'malformed', step, ...place }
    if (journey.done >= steps.length || random.chance(0.02)) {
      journey.done = Infinity
      return { type: 'outcome', outcome: random.pick(['completed', 'failed', 'ineligible']), ...place }
    }
    journey.done += 1
    return { type: 'step', step, ...place }
  }
}
