import { normaliseFunnel, type FunnelInput, type Service } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import type { History } from './history.ts'
import type { OracleError } from './oracle-errors.ts'
import type { OracleJourney } from './oracle.ts'
import { randomFunnel, randomTrail } from './random-funnels.ts'
import type { Random } from './random.ts'
import { storedEvent } from './trails.ts'

const hour = 3_600_000

/** The hours around a change of the clock in Europe and, by half an hour, on Lord Howe Island a week later; and five weeks around both. */
const spans = [
  { from: Date.UTC(2026, 2, 28, 20), to: Date.UTC(2026, 2, 30, 6) },
  { from: Date.UTC(2026, 3, 4, 10), to: Date.UTC(2026, 3, 5, 4) },
  { from: Date.UTC(2026, 2, 11, 9), to: Date.UTC(2026, 3, 14, 15) },
] as const
export const zones = ['Europe/London', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/New_York', 'UTC'] as const

/** A service to which things happen, and all that should be known of it. */
export interface Subjected {
  readonly id: string
  /** As it is defined now, and as it was; each version once. */
  service(): Service
  olderVersions(): readonly Service[]
  /** The journeys as they should be seen: what has arrived of those that were not erased. */
  journeys(): readonly OracleJourney[]
  errors(): readonly OracleError[]
  /** Something happens to it: events come, late or once more; a seal, an erasure, another definition, a new program. @returns what */
  happen(): Promise<string>
  /** Writes all that has not arrived yet. */
  settle(): Promise<void>
  /** A moment at which something of it happens, ms. */
  someTime(): number
}

/** @param size journeys */
export async function randomSubjected(history: History, random: Random, id: string, size: number): Promise<Subjected> {
  const span = random.pick(spans)
  const versions: Service[] = []
  const put = async (funnel: FunnelInput, timeZone: string) => {
    const service = await history.put(id, { name: id, timeZone, dimensions: ['kind'], funnel })
    if (versions.at(-1)?.version === service.version) versions.pop()
    versions.push(service)
  }
  const current = (): Service => {
    const service = versions.at(-1)
    if (service === undefined) throw new Error('a service has a version')
    return service
  }
  await put(randomFunnel(random), random.pick(zones))
  const all = Array.from({ length: size }, (_, index) => randomJourney(random, current(), index, span))
  const arrived = new Map<string, Set<StoredEvent>>()
  const erased = new Set<string>()
  /** The same array for as long as nothing more arrives: the oracle knows it again. */
  const told = new Map<string, OracleJourney['events']>()
  const write = async (events: readonly StoredEvent[]) => {
    await history.write(events)
    for (const event of events) {
      const own = arrived.get(event.journey) ?? new Set()
      if (!own.has(event)) told.delete(event.journey)
      arrived.set(event.journey, own.add(event))
    }
  }
  const seen = () => [...arrived].filter(([journey]) => !erased.has(journey)).sort(([a], [b]) => (a < b ? -1 : 1))
  const times = all
    .flat()
    .map(({ at }) => at)
    .sort((a, b) => a - b)

  const events = {
    // Parts of journeys, some once more, in any order.
    write: () => write(all.flat().filter(() => random.chance(random.pick([0.1, 0.5])))),
    erase: async () => {
      const journeys = all.flatMap(([first]) => (first !== undefined && random.chance(0.05) ? [first.journey] : []))
      await history.erase(id, journeys)
      for (const journey of journeys) erased.add(journey)
    },
    put: () =>
      put(
        random.chance(0.2) ? (versions[0]?.funnel ?? randomFunnel(random)) : randomFunnel(random),
        current().timeZone,
      ),
    rebuild: () => history.rebuild(id),
    zone: () => put(current().funnel, random.pick(zones)),
    seal: () => history.seal(),
    restart: () => history.restart(),
  } as const
  return {
    id,
    service: current,
    olderVersions: () => versions.slice(0, -1),
    journeys: () =>
      seen().map(([journey, own]) => {
        const events = told.get(journey) ?? [...own].map(oracleEvent)
        told.set(journey, events)
        return { journey, events }
      }),
    errors: () =>
      seen().flatMap(([, own]) =>
        [...own].flatMap(({ journey, type, at, step, field, code }) =>
          type === 'error' ? [{ journey, at, step, field, code }] : [],
        ),
      ),
    happen: async () => {
      const what = random.pick([
        ...(['write', 'write', 'write', 'seal', 'seal', 'seal', 'seal', 'erase', 'put', 'rebuild', 'rebuild'] as const),
        ...(['zone', 'restart'] as const),
      ] as [keyof typeof events, ...(keyof typeof events)[]])
      await events[what]()
      return what
    },
    settle: () => write(all.flat()),
    someTime: () => times[random.whole(0, times.length - 1)] ?? span.from,
  }
}

function oracleEvent({ type, step, at, seq, outcome, dimensions }: StoredEvent): OracleJourney['events'][number] {
  return { type, step, at, seq, outcome, dimensions: Object.fromEntries(dimensions) }
}

function randomJourney(
  random: Random,
  service: Service,
  index: number,
  span: { readonly from: number; readonly to: number },
): readonly StoredEvent[] {
  const trail = randomTrail(random, normaliseFunnel(service.funnel))
  const first = trail[0]?.at ?? 0
  // Whole hours are boundaries of periods: meet them often.
  const anywhere = span.from + random.whole(0, span.to - span.from)
  const begin = random.chance(0.3) ? Math.floor(anywhere / hour) * hour - random.whole(0, 1) : anywhere
  const dimensions: (readonly [string, string])[] = [
    ...(random.chance(0.7) ? [['device', random.pick(['mobile', 'desktop'])] as const] : []),
    ...(random.chance(0.5) ? [['kind', random.pick(["it's", 'b,c', 'other'])] as const] : []),
  ]
  const journey = (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0')
  const errors = trail.length > 0 && random.chance(0.3) ? random.whole(1, 3) : 0
  const met = Array.from({ length: errors }, () => ({
    type: 'error' as const,
    step: random.chance(0.3) ? '' : random.pick(['a', 'b', 'c', 'elsewhere']),
    at: (trail[random.whole(0, trail.length - 1)]?.at ?? 0) + random.pick([0, 1, 500]),
    seq: 0,
    outcome: '' as const,
    field: random.pick(['email', '']),
    code: random.pick(['missing', 'format']),
  }))
  return [...trail, ...met].map((event, identity) =>
    storedEvent({ ...event, service: service.id, journey, identity, at: event.at - first + begin, dimensions }),
  )
}
