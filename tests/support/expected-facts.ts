import type { Stores } from '../../domain/ports/store.ts'
import { sql } from '../../domain/sql.ts'
import { eventTypes, outcomes, type StoredEvent } from '../../domain/stored-event.ts'

/** What facts say of a journey's events, whatever its funnel. Steps by name where facts have the hash. */
export interface ExpectedFacts {
  readonly service: string
  readonly journey: string
  readonly steps: readonly (readonly [at: number, seq: number, step: string])[]
  readonly outcomes: readonly (readonly [at: number, seq: number, outcome: string])[]
  readonly firstAt: number
  readonly lastAt: number
  readonly events: number
  readonly dimensions: Readonly<Record<string, string>>
}

/** CONTRACT §4 and DESIGN §5 in plain TypeScript: copies merge, the smallest are kept, a dimension is the first's. */
export function expectedFacts(events: readonly StoredEvent[], trailEventsMax: number): ExpectedFacts[] {
  const journeys = new Map<string, Map<number, StoredEvent>>()
  for (const event of events) {
    const key = `${event.service} ${event.journey}`
    const trail = journeys.get(key) ?? new Map<number, StoredEvent>()
    journeys.set(key, trail)
    const known = trail.get(event.identity)
    trail.set(event.identity, known === undefined ? event : merged(known, event))
  }
  return [...journeys]
    .map(([key, trail]) => factsOf(key, [...trail.values()], trailEventsMax))
    .sort((a, b) => compare([a.service, a.journey], [b.service, b.journey]))
}

function merged(a: StoredEvent, b: StoredEvent): StoredEvent {
  const smaller = compare(contentOf(a), contentOf(b)) <= 0 ? a : b
  return { ...smaller, at: Math.min(a.at, b.at), engagedMs: Math.max(a.engagedMs, b.engagedMs) }
}

/** (type, step, seq, what the type carries, channel, attrs), as values that compare one after the other. */
function contentOf(event: StoredEvent): (string | number)[] {
  return [
    eventTypes.indexOf(event.type),
    event.step,
    event.seq,
    event.outcome,
    event.field,
    event.code,
    event.rating,
    event.channel,
    ...event.dimensions.flat(),
  ]
}

function factsOf(key: string, trail: StoredEvent[], trailEventsMax: number): ExpectedFacts {
  const [service = '', journey = ''] = key.split(' ')
  const sortedSteps = (events: readonly StoredEvent[]) =>
    events.map(({ at, seq, step }) => [at, seq, step] as const).sort(compare)
  const kept = trail
    .sort((a, b) => compare([a.at, a.seq, a.identity], [b.at, b.seq, b.identity]))
    .slice(0, trailEventsMax)
  const seen = kept
    .flatMap((event) =>
      [...event.dimensions, ['channel', event.channel] as const].map(
        ([name, value]) => [name, event.at, event.seq, value] as const,
      ),
    )
    .sort(compare)
  const dimensions: Record<string, string> = {}
  for (const [name, , , value] of seen) dimensions[name] ??= value
  return {
    service,
    journey,
    steps: sortedSteps(kept.filter(({ type }) => type === 'step')),
    outcomes: kept
      .filter(({ type }) => type === 'outcome')
      .map(({ at, seq, outcome }) => [at, seq, outcome] as const)
      .sort(compare),
    firstAt: kept[0]?.at ?? 0,
    lastAt: kept.at(-1)?.at ?? 0,
    events: kept.length,
    dimensions,
  }
}

/** Steps equal in (at, seq) stand in the order of their hashes, which only the store knows: compare them sorted. */
export async function storedFacts(stores: Stores): Promise<ExpectedFacts[]> {
  return (
    await stores.reads.select<Omit<ExpectedFacts, 'outcomes'> & { ends: [number, number, number][] }>(sql`
      SELECT service, lower(leftPad(hex(journey), 16, '0')) AS journey,
        arraySort(arrayMap((t, s, h) -> (t::Float64, s, arrayFirst(n -> xxh3(n) = h, names)), at, seq, step)) AS steps,
        arrayMap((t, s, o) -> (t::Float64, s, o), outcomeAt, outcomeSeq, outcome) AS ends,
        firstAt::Float64 AS firstAt, lastAt::Float64 AS lastAt, events, dimensions
      FROM facts FINAL, (SELECT groupUniqArray(step) AS names FROM step_names) AS known
      ORDER BY service, journey`)
  ).map(({ ends, ...facts }) => ({
    ...facts,
    outcomes: ends.map(([at, seq, outcome]) => [at, seq, outcomes[outcome - 1] ?? ''] as const),
  }))
}

function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index]
    if (right === undefined) return 1
    const order =
      typeof left === 'number' && typeof right === 'number'
        ? left - right
        : Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)))
    if (order !== 0) return order
  }
  return a.length - b.length
}
