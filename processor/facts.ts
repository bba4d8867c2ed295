import { verdictType } from '../domain/funnel/verdict.ts'
import { eventTypes, outcomes, type EventType } from '../domain/stored-event.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { Touched } from './touched.ts'

export const factsColumns = [
  'service',
  'journey',
  'revision',
  'givenAt',
  'seq',
  'step',
  'outcomeAt',
  'outcomeSeq',
  'outcome',
  'firstAt',
  'givenLastAt',
  'events',
  'eventsDropped',
  'dimensions',
  'version',
  'givenVerdict',
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

/**
 * One row a journey: its smallest events, in the columns that a funnel reads. A dimension has the value of the
 * first event that has it, of equals the smallest; the channel is one of them.
 */
const packedTrails = (touched: Touched, trailEventsMax: number): Sql => sql`
  SELECT ${param('String', touched.service)} AS service, journey,
    arraySort(arrayMap(e -> (e.1, e.2, e.5), arrayFilter(e -> e.4 = ${typeDigit('step')}, kept))) AS steps,
    steps.1 AS at, steps.2 AS seq, steps.3 AS step,
    arraySort(arrayMap(e -> (e.1, e.2, e.6), arrayFilter(e -> e.4 = ${typeDigit('outcome')}, kept))) AS ends,
    ends.1 AS outcomeAt, ends.2 AS outcomeSeq, ends.3 AS outcome,
    kept[1].1 AS firstAt, kept[-1].1 AS lastAt,
    toUInt32(length(kept)) AS events, toUInt32(total - length(kept)) AS eventsDropped,
    arrayDistinct(kept.7) AS said,
    if(length(said) = 1, arraySort(arrayMap(pair -> splitByChar('\\x02', pair), splitByChar('\\x03', said[1]))), firstOfEach) AS pairs,
    arraySort(arrayFlatten(arrayMap(
      e -> arrayMap(pair -> (splitByChar('\\x02', pair)[1], e.1, e.2, splitByChar('\\x02', pair)[2]), splitByChar('\\x03', e.7)), kept))) AS seen,
    arrayMap(d -> [d.1, d.4], arrayFilter((d, before) -> d.1 != before, seen, arrayPushFront(arrayPopBack(seen.1), ''))) AS firstOfEach,
    mapFromArrays(arrayMap(pair -> pair[1], pairs), arrayMap(pair -> pair[2], pairs)) AS dimensions
  FROM (
    SELECT journey, count() AS total,
      arraySlice(arraySort(groupArray((at, seq, identity, type, step, outcome, dimensions))), 1, ${param('UInt32', trailEventsMax)}) AS kept
    FROM (${readEvents(touched)})
    GROUP BY journey
  )`

/** One row an event, its content taken apart; the channel is put among the dimensions. */
const readEvents = (touched: Touched): Sql => sql`
  SELECT journey, identity, at, ascii(content) AS type, splitByChar('\\x01', content) AS fields,
    xxh3(substring(fields[1], 2)) AS step,
    reinterpretAsUInt32(reverse(unhex(fields[2]))) AS seq,
    toUInt8(indexOf(${param('Array(String)', outcomes)}, fields[3])) AS outcome,
    concat('channel\\x02', fields[4], if(fields[5] = '', '', '\\x03'), fields[5]) AS dimensions
  FROM (${mergedEvents(touched)})`

/** One row an event: its copies merged, whether or not the engine has merged their rows. */
const mergedEvents = (touched: Touched): Sql => sql`
  SELECT journey, identity, min(trail.at) AS at, min(trail.content) AS content
  FROM trail
  WHERE service = ${param('String', touched.service)} AND journey IN ${param('Array(UInt64)', touched.journeys)}
  GROUP BY journey, identity`

/** How the content of an event of this type begins. */
const typeDigit = (type: EventType): Sql => raw(String(eventTypes.indexOf(type) + 1 + '0'.charCodeAt(0)))

export const writeFacts = (facts: Sql): Sql => sql`INSERT INTO facts (${raw(factsColumns.join(', '))}) ${facts}`
