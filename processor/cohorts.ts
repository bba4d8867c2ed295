import type { Clock } from '../domain/ports/clock.ts'
import type { Lease } from '../domain/ports/lease.ts'
import type { Store } from '../domain/ports/store.ts'
import { param, sql, type Sql } from '../domain/sql.ts'
import { createCohortMarks, hourMs, type CohortMarks, type CohortState } from './cohort-marks.ts'
import { comparableFactsOf, packedArrays, sameTrail, whereTouched, type TouchedService } from './facts.ts'
import { insertHeld, type TypedColumns } from './insert-held.ts'
import type { OwnFunnels } from './own-funnels.ts'
import type { Revisions } from './revision.ts'
import type { ProcessorSignals } from './signals.ts'
import type { RecentJourneys } from './recent-journeys.ts'
import type { Arrived } from './touched.ts'

/**
 * Marks of cohort hours (table cohorts), so that an answer can say that it was final once and is another now.
 *
 * An hour of a service, of the starts of its journeys under its own funnel, is *sealed* once it is over, the
 * window has passed since its end, and nothing of it has changed for a minute: an import that fills an old hour
 * seals it when it is through. A sealed hour is *revised* when new events change what the funnel says of one of
 * its journeys, or move a journey into it or out of it. Marks belong to a version: a new one begins without, and
 * a rebuild revises nothing.
 *
 * Of a journey that is judged after its facts were written (late-verdicts.ts) it is enough that its trail changed:
 * the hour in which it stood, and the one in which it starts then, are revised.
 *
 * Sealing is found from the facts themselves (their revision is the time of their writing), so a restart
 * forgets nothing. Revision is found by comparing facts as they stand with what is about to be written, and
 * the mark is written first: after a crash in between, the comparison finds the same again.
 */
export interface Cohorts {
  /** Reads the marks. Call it once, before the others. */
  start(): Promise<void>
  /**
   * Marks the sealed hours that these journeys' new facts will change. Call it before they are written.
   * @throws {QueryTooLarge} after two seconds; nothing is marked then
   */
  beforeFacts(touched: readonly Arrived[]): Promise<void>
  /** The same for journeys that are judged after their facts were written: where they start now. */
  beforeVerdicts(service: string, version: number, starts: readonly number[]): Promise<void>
  /** Seals what can be sealed. Not while facts are being written. */
  sweep(): Promise<void>
}

export interface CohortsParts {
  readonly store: Store
  readonly lease: Pick<Lease, 'held'>
  readonly ownFunnels: OwnFunnels
  readonly recent: Pick<RecentJourneys, 'look' | 'firstAt'>
  readonly revisions: Revisions
  readonly clock: Clock
  readonly signals: ProcessorSignals
  readonly trailEventsMax: number
}

/** How long an hour must have been left alone before it is sealed. */
export const quietMs = 60_000

/** How long a batch waits to know which hours it changes. */
const secondsMax = 2

const columns: TypedColumns = [
  ['service', 'String'],
  ['hour', 'Int64'],
  ['revision', 'UInt64'],
  ['version', 'UInt32'],
  ['state', 'String'],
]

interface Hour {
  readonly service: string
  readonly version: number
  /** Its first millisecond. */
  readonly hour: number
}

export function createCohorts(parts: CohortsParts): Cohorts {
  const { store, lease, ownFunnels, revisions, clock, signals, trailEventsMax } = parts
  const marks = createCohortMarks()
  /** Hours that were touched and are not sealed yet, with the revision of their newest facts. */
  const waiting = new Map<string, Hour & { readonly touched: number }>()
  let sweptUntil = 0

  async function mark(hours: readonly Hour[], state: CohortState): Promise<void> {
    if (hours.length === 0) return
    const revision = revisions.next()
    const rows = hours.map(({ service, version, hour }) => [service, hour, revision, version, state])
    await store.command(insertHeld('cohorts', columns, rows, lease))
    for (const { service, version, hour } of hours) marks.set(service, version, hour, state)
    signals[state](hours.length)
  }

  return {
    async start() {
      const rows = await store.select<{ service: string; hour: string; version: number; state: CohortState }>(
        sql`SELECT service, hour, version, state FROM cohorts FINAL`,
      )
      for (const { service, version, hour, state } of rows) marks.set(service, version, Number(hour), state)
    },

    async beforeFacts(touched) {
      const old = await reachingBack(touched, parts, marks)
      if (old.length === 0) return
      const rows = await store.select<{ service: string; version: number; hour: string }>(
        changedHours(old, revisions.last(), trailEventsMax),
        { secondsMax },
      )
      const changed = rows
        .map(({ service, version, hour }) => ({ service, version, hour: Number(hour) }))
        .filter(({ service, version, hour }) => marks.state(service, version, hour) === 'sealed')
      await mark(changed, 'revised')
    },

    async beforeVerdicts(service, version, starts) {
      const hours = new Set(starts.map((start) => start - (start % hourMs)))
      const changed = [...hours].filter((hour) => marks.state(service, version, hour) === 'sealed')
      const hoursOf = changed.map((hour) => ({ service, version, hour }))
      await mark(hoursOf, 'revised')
    },

    async sweep() {
      const until = revisions.last()
      const rows = await store.select<{ service: string; version: number; hour: string; touched: string }>(
        touchedHours(sweptUntil),
      )
      sweptUntil = until
      for (const { service, version, hour, touched } of rows)
        waiting.set(`${service} ${hour}`, { service, version, hour: Number(hour), touched: Number(touched) })
      const now = clock.now()
      const ready: Hour[] = []
      for (const [key, hour] of waiting) {
        const own = await ownFunnels(hour.service)
        const gone = own.version !== hour.version
        const over = hour.hour + hourMs + own.windowMs <= now && hour.touched + quietMs <= now
        if (!gone && !over) continue
        waiting.delete(key)
        if (!gone && marks.state(hour.service, hour.version, hour.hour) === undefined) ready.push(hour)
      }
      await mark(ready, 'sealed')
    },
  }
}

/** Journeys of services that have sealed hours, as far as these reach back into them. */
async function reachingBack(
  touched: readonly Arrived[],
  { recent, ownFunnels }: CohortsParts,
  marks: CohortMarks,
): Promise<readonly TouchedService[]> {
  const found: TouchedService[] = []
  await recent.look(touched)
  for (const { service, journeys, firstAts } of touched) {
    const own = await ownFunnels(service)
    const until = marks.sealedUntil(service, own.version)
    if (until === 0) continue
    const first = (journey: bigint, index: number) =>
      Math.min(firstAts[index] ?? 0, recent.firstAt(service, journey) ?? 0)
    const old = journeys.filter((journey, index) => first(journey, index) < until)
    if (old.length > 0) found.push({ service, journeys: old, own })
  }
  return found
}

/**
 * Hours with a start in facts written after a revision.
 *
 * Reads   facts, the rows of the recent revisions, superseded ones too.
 * Cost    its index on revision skips the parts and granules that are older.
 */
const touchedHours = (after: number): Sql => sql`
  SELECT service, version, intDiv(start, ${param('Int64', hourMs)}) * ${param('Int64', hourMs)} AS hour,
    max(revision) AS touched
  FROM facts
  WHERE revision > ${param('UInt64', after)} AND startAfter >= 0 AND version > 0
  GROUP BY service, version, hour`

/**
 * Hours of the old and the new start of journeys of which the funnel will say something else, or which are new;
 * of long ones, of which nothing is said yet, the hour in which they stood when their trail will be another.
 *
 * Reads   trail and facts, the rows of these journeys. Facts of another version say nothing: they are being rebuilt.
 * Cost    as writing their facts, and reading them.
 */
const changedHours = (touched: readonly TouchedService[], revision: number, trailEventsMax: number): Sql => sql`
  SELECT DISTINCT service, version, hour FROM (
    SELECT fresh.service AS service, fresh.version AS version,
      arrayJoin([stood.start, fresh.verdict.start]) AS moment,
      intDiv(moment, ${param('Int64', hourMs)}) * ${param('Int64', hourMs)} AS hour
    FROM (${comparableFactsOf(touched, revision, trailEventsMax)}) AS fresh
    LEFT JOIN (
      SELECT service, journey, version, start, ${packedArrays}, verdict FROM facts FINAL ${whereTouched(touched)}
    ) AS stood ON fresh.service = stood.service AND fresh.journey = stood.journey
    WHERE stood.service = '' OR (stood.version = fresh.version
      AND if(fresh.judged, stood.verdict != fresh.verdict, NOT ${sameTrail}))
  )
  WHERE moment > 0`
