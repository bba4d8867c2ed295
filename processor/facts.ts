import { verdictType } from '../domain/funnel/verdict.ts'
import { outcomes } from '../domain/stored-event.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { Touched } from './touched.ts'

export const factsColumns = [
  'service',
  'journey',
  'revision',
  'at',
  'seq',
  'step',
  'outcomeAt',
  'outcomeSeq',
  'outcome',
  'firstAt',
  'lastAt',
  'events',
  'eventsDropped',
  'dimensions',
  'version',
  'verdict',
] as const

/** What a service's own funnel says, at its version; a service that is gone has version 0 and an empty verdict. */
export interface OwnFunnel {
  readonly version: number
  readonly windowMs: number
  readonly verdict: Sql
}

const noVerdict = sql`CAST((0, 0, 0, 0, 0, [], 0, 0, -1), ${raw(`'${verdictType}'`)})`

export const noFunnel: OwnFunnel = { version: 0, windowMs: 0, verdict: noVerdict }

/** The same, for journeys whose verdict the engine will not compute: as if they never started. */
export function withoutVerdict(own: OwnFunnel): OwnFunnel {
  return { ...own, verdict: noVerdict }
}

/**
 * The facts of these journeys, from their whole trails.
 *
 * Reads   trail, the rows of these journeys.
 * Cost    one granule of 512 rows a journey and part, then a sort a journey.
 * Agrees  with any other order, number of copies or grouping of the same events: tests/integration/processor-idempotence.test.ts
 */
export const factsOf = (touched: Touched, own: OwnFunnel, revision: number, trailEventsMax: number): Sql => sql`
  SELECT service, journey, ${param('UInt64', revision)} AS revision,
    at, seq, step, outcomeAt, outcomeSeq, outcome, firstAt, lastAt, events, eventsDropped, dimensions,
    ${param('UInt32', own.version)} AS version, ${own.verdict} AS verdict
  FROM (${packedTrails(touched, trailEventsMax)})`

/** One row a journey: its events merged, the smallest kept, in the columns that a funnel reads. */
const packedTrails = (touched: Touched, trailEventsMax: number): Sql => sql`
  SELECT ${param('String', touched.service)} AS service, journey,
    arraySort(arrayMap(e -> (e.at, e.seq, e.step), arrayFilter(e -> e.type = 'step', kept))) AS steps,
    steps.1 AS at, steps.2 AS seq, steps.3 AS step,
    arraySort(arrayMap(e -> (e.at, e.seq, e.outcome), arrayFilter(e -> e.type = 'outcome', kept))) AS ends,
    ends.1 AS outcomeAt, ends.2 AS outcomeSeq, ends.3 AS outcome,
    kept[1].at AS firstAt, kept[-1].at AS lastAt,
    toUInt32(length(kept)) AS events, toUInt32(total - length(kept)) AS eventsDropped,
    arraySort(arrayFlatten(arrayMap(e -> arrayMap(d -> (d.1, e.at, e.seq, d.2), e.dimensions), kept))) AS seen,
    arrayFilter((d, before) -> d.1 != before, seen, arrayPushFront(arrayPopBack(seen.1), '')) AS first,
    mapFromArrays(first.1, first.4) AS dimensions
  FROM (
    SELECT journey, count() AS total,
      arraySlice(arraySort(groupArray(CAST(
        (at, content.seq, identity, content.type, xxh3(content.step),
         indexOf(${param('Array(String)', outcomes)}, content.outcome),
         arrayPushBack(content.dimensions, ('channel', content.channel))),
        'Tuple(at Int64, seq UInt32, identity UInt64, type LowCardinality(String), step UInt64, outcome UInt8, dimensions Array(Tuple(String, String)))'))), 1, ${param('UInt32', trailEventsMax)}) AS kept
    FROM (${mergedEvents(touched)})
    GROUP BY journey
  )`

/** One row an event: its copies merged, whether or not the engine has merged their rows. */
const mergedEvents = (touched: Touched): Sql => sql`
  SELECT journey, identity, min(trail.at) AS at, min(trail.content) AS content
  FROM trail
  WHERE service = ${param('String', touched.service)} AND journey IN ${param('Array(UInt64)', touched.journeys)}
  GROUP BY journey, identity`

export const writeFacts = (facts: Sql): Sql => sql`INSERT INTO facts (${raw(factsColumns.join(', '))}) ${facts}`
