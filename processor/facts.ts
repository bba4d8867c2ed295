import { verdictType } from '../domain/funnel/verdict.ts'
import type { Lease } from '../domain/ports/lease.ts'
import { eventTypes, outcomes, type EventType } from '../domain/stored-event.ts'
import { join, param, raw, sql, type Sql, type SqlParam } from '../domain/sql.ts'
import type { Touched } from './touched.ts'

export const factsColumns = [
  'service',
  'journey',
  'revision',
  'arrivedDay',
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
  /** Equal for equal verdicts. */
  readonly key: string
  /** Length of the verdict as text. */
  readonly chars: number
  /** Of the service: in which its days begin. */
  readonly timeZone: string
  /** Some position is optional, so that how far a journey came does not say what it entered. */
  readonly gapped: boolean
}

/** Touched journeys of a service with its own funnel. */
export interface TouchedService extends Touched {
  readonly own: OwnFunnel
}

export const dayMs = 86_400_000

/** Of a journey that never started. */
export const noVerdict = sql`CAST((0, 0, 0, 0, 0, [], 0, 0, -1), ${raw(`'${verdictType}'`)})`

export const noFunnel: OwnFunnel = {
  version: 0,
  windowMs: 0,
  verdict: noVerdict,
  key: '',
  chars: 0,
  timeZone: 'UTC',
  gapped: false,
}

/**
 * Step events of a journey that is judged with the others of its batch. A nasty funnel takes up to 2 ms of one
 * core for each step event (10 s for 5,000): longer journeys, which are few, are judged beside the batches.
 */
export const stepEventsAtOnceMax = 200

const isShort = sql`length(at) <= ${param('UInt32', stepEventsAtOnceMax)}`

/**
 * The facts of these journeys, from their whole trails, but for the long ones.
 *
 * Reads   trail, the rows of these journeys.
 * Cost    one granule of 512 rows a journey and part, then a sort a journey; each different funnel adds what
 *         the engine needs to understand its verdict.
 * Agrees  with any other order, number of copies or grouping of the same events: tests/integration/processor-idempotence.test.ts
 */
export const factsOf = (touched: readonly TouchedService[], revision: number, trailEventsMax: number): Sql => sql`
  SELECT ${packedColumns(touched, revision)}, ${versionOf(touched)} AS version, ${verdictsOf(touched)} AS verdict
  FROM (${packedTrails(touched, trailEventsMax)})
  WHERE ${isShort}`

/** The same, the long journeys too, with an empty verdict and `judged` 0. */
export const comparableFactsOf = (
  touched: readonly TouchedService[],
  revision: number,
  trailEventsMax: number,
): Sql => sql`
  SELECT ${packedColumns(touched, revision)}, ${versionOf(touched)} AS version, ${isShort} AS judged,
    if(judged, ${verdictsOf(touched)}, ${noVerdict}) AS verdict
  FROM (${packedTrails(touched, trailEventsMax)})`

/** The facts of these journeys, long or not, as if none had ever started. */
export const factsWithoutVerdict = (
  touched: readonly TouchedService[],
  revision: number,
  trailEventsMax: number,
): Sql => sql`
  SELECT ${packedColumns(touched, revision)}, ${versionOf(touched)} AS version, ${noVerdict} AS verdict
  FROM (${packedTrails(touched, trailEventsMax)})`

/**
 * The facts of these journeys, long or not, to be judged later: the verdict that stands is kept while steps and
 * outcomes are the same, else there is none and the version is 0, so that answers compute it themselves.
 *
 * Reads   trail and facts, the rows of these journeys.
 */
export const unjudgedFactsOf = (
  touched: readonly TouchedService[],
  revision: number,
  trailEventsMax: number,
): Sql => sql`
  SELECT fresh.service, fresh.journey, fresh.revision, fresh.arrivedDay, fresh.at, fresh.seq, fresh.step,
    fresh.outcomeAt, fresh.outcomeSeq, fresh.outcome, fresh.firstAt, fresh.lastAt, fresh.events, fresh.eventsDropped,
    fresh.dimensions, if(${sameTrail}, stood.version, 0) AS version, if(${sameTrail}, stood.verdict, ${noVerdict}) AS verdict
  FROM (SELECT ${packedColumns(touched, revision)} FROM (${packedTrails(touched, trailEventsMax)})) AS fresh
  LEFT JOIN (
    SELECT service, journey, version, ${packedArrays}, verdict FROM facts FINAL ${whereTouched(touched)}
  ) AS stood ON fresh.service = stood.service AND fresh.journey = stood.journey`

/** Facts as they stand, but for their verdict. */
export const factsOfFacts = (facts: {
  readonly revision: number
  readonly version: number
  readonly verdict: Sql
  readonly where: Sql
}): Sql => sql`
  SELECT service, journey, ${param('UInt64', facts.revision)}, arrivedDay, at, seq, step, outcomeAt, outcomeSeq, outcome,
    firstAt, lastAt, events, eventsDropped, dimensions, ${param('UInt32', facts.version)}, ${facts.verdict}
  FROM facts FINAL WHERE ${facts.where}`

/** What a verdict is computed from. */
export const packedArrays = raw('at, seq, step, outcomeAt, outcomeSeq, outcome')

/** Of `fresh` and `stood`; a journey that does not stand has no version. */
export const sameTrail = sql`(stood.at = fresh.at AND stood.seq = fresh.seq AND stood.step = fresh.step
  AND stood.outcomeAt = fresh.outcomeAt AND stood.outcomeSeq = fresh.outcomeSeq AND stood.outcome = fresh.outcome)`

const packedColumns = (touched: readonly Touched[], revision: number): Sql => sql`service, journey,
    ${param('UInt64', revision)} AS revision, ${arrivedDayOf(touched, revision)} AS arrivedDay,
    at, seq, step, outcomeAt, outcomeSeq, outcome, firstAt, lastAt, events, eventsDropped, dimensions`

/** The day of the revision, but for journeys that are written without anything of them having arrived. */
function arrivedDayOf(touched: readonly Touched[], revision: number): Sql {
  const day = sql`toUInt16(${param('UInt32', Math.floor(revision / dayMs))})`
  const known = touched.flatMap(({ arrivedDays }) => [...(arrivedDays ?? [])])
  if (known.length === 0) return day
  const journeys = known.map(([journey]) => journey)
  const days = known.map(([, arrived]) => arrived)
  return sql`transform(journey, ${param('Array(UInt64)', journeys)}, ${param('Array(UInt16)', days)}, ${day})`
}

const versionOf = (touched: readonly TouchedService[]): Sql =>
  sql`transform(service, ${param('Array(String)', services(touched))}, ${param(
    'Array(UInt32)',
    touched.map(({ own }) => own.version),
  )}, toUInt32(0))`

/** Each service's own verdict; services whose funnels read the same share one expression. */
function verdictsOf(touched: readonly TouchedService[]): Sql {
  const expressions = new Map<string, { verdict: Sql; services: string[] }>()
  for (const { service, own } of touched) {
    const same = expressions.get(own.key)
    if (same === undefined) expressions.set(own.key, { verdict: own.verdict, services: [service] })
    else same.services.push(service)
  }
  const [first, ...others] = expressions.values()
  if (first === undefined) return noVerdict
  if (others.length === 0) return first.verdict
  const branches = others.map(
    ({ verdict, services }) => sql`service IN ${param('Array(String)', services)}, ${verdict}`,
  )
  return sql`multiIf(${join(branches, ', ')}, ${first.verdict})`
}

/**
 * One row a journey: its smallest events, in the columns that a funnel reads. A dimension has the value of the
 * first event that has it, of equals the smallest; the channel is one of them. Nearly always a journey is short
 * and all its events say the same dimensions: only for others are the events looked through.
 */
const packedTrails = (touched: readonly TouchedService[], trailEventsMax: number): Sql => sql`
  SELECT service, journey, total <= ${param('UInt32', trailEventsMax)} AS whole,
    arraySlice(arraySort(e -> (e.1, e.2, e.3), if(whole AND length(sayings) = 1, [], trail)), 1, ${param('UInt32', trailEventsMax)}) AS kept,
    arraySort(if(whole, stepEvents, arrayMap(e -> (e.1, e.2, e.4), arrayFilter(e -> e.5 = ${typeDigit('step')}, kept)))) AS steps,
    steps.1 AS at, steps.2 AS seq, steps.3 AS step,
    arraySort(if(whole, endEvents, arrayMap(e -> (e.1, e.2, e.4), arrayFilter(e -> e.5 = ${typeDigit('outcome')}, kept)))) AS ends,
    ends.1 AS outcomeAt, ends.2 AS outcomeSeq, CAST(ends.3, 'Array(UInt8)') AS outcome,
    earliest AS firstAt, if(whole, latest, kept[-1].1) AS lastAt,
    toUInt32(least(total, ${param('UInt32', trailEventsMax)})) AS events, toUInt32(total - events) AS eventsDropped,
    arraySort(if(length(sayings) = 1,
      arrayMap(pair -> splitByChar('\\x02', pair), splitByChar('\\x03', sayings[1])),
      ${firstOfEachDimension})) AS pairs,
    mapFromArrays(arrayMap(pair -> pair[1], pairs), arrayMap(pair -> pair[2], pairs)) AS dimensions
  FROM (
    SELECT service, journey, count() AS total, min(at) AS earliest, max(at) AS latest,
      groupUniqArray(toString(dimensions)) AS sayings,
      ${arraysOf(['at', 'seq', 'what'], 'step')} AS stepEvents,
      ${arraysOf(['at', 'seq', 'what'], 'outcome')} AS endEvents,
      ${arraysOf(['at', 'seq', 'identity', 'what', 'type', 'saying'])} AS trail
    FROM (${readEvents(touched)})
    GROUP BY service, journey
  )`

/** [name, value] of each dimension that a kept event has, from the smallest (at, seq, value) that has it. */
const firstOfEachDimension = sql`arrayMap(first -> [first.1, first.4], arrayFilter(
  (each, before) -> each.1 != before,
  arraySort(arrayFlatten(arrayMap(e -> arrayMap(
    pair -> (splitByChar('\\x02', pair)[1], e.1, e.2, splitByChar('\\x02', pair)[2]),
    splitByChar('\\x03', arrayFirst(s -> xxh3(s) = e.6, sayings))), kept))) AS seen,
  arrayPushFront(arrayPopBack(seen.1), '')))`

/**
 * One row an event, its content taken apart; the channel is put among the dimensions. There are few different
 * contents: as LowCardinality each is taken apart once.
 */
const readEvents = (touched: readonly TouchedService[]): Sql => sql`
  SELECT service, journey, identity, at, toLowCardinality(merged) AS content,
    toUInt8(ascii(content)) AS type,
    position(content, '\\x01') AS stepEnd,
    toUInt32(reinterpretAsUInt32(reverse(unhex(substring(content, stepEnd + 1, 8))))) AS seq,
    substring(content, stepEnd + 10) AS rest,
    position(rest, '\\x01') AS carriedEnd,
    toUInt64(if(type = ${typeDigit('step')}, xxh3(substring(content, 2, stepEnd - 2)),
      toUInt64(indexOf(${param('Array(String)', outcomes)}, substring(rest, 1, carriedEnd - 1))))) AS what,
    concat('channel\\x02', replaceOne(trimRight(substring(rest, carriedEnd + 1), '\\x01'), '\\x01', '\\x03')) AS dimensions,
    toUInt64(xxh3(dimensions)) AS saying
  FROM (${mergedEvents(touched)})`

/** One row an event: its copies merged, whether or not the engine has merged their rows. */
const mergedEvents = (touched: readonly TouchedService[]): Sql => sql`
  SELECT service, journey, identity, min(trail.at) AS at, min(trail.content) AS merged
  FROM trail ${whereTouched(touched)}
  GROUP BY service, journey, identity`

/** Journeys of several services, by their key. */
export const inTouched = (touched: readonly Touched[], all = allJourneys(touched)): Sql => sql`(service, journey) IN (
    SELECT each.1, each.2 FROM (
      SELECT arrayJoin(arrayZip(
        arrayFlatten(arrayMap((service, count) -> arrayWithConstant(count, service), ${param('Array(String)', services(touched))}, ${param(
          'Array(UInt32)',
          touched.map(({ journeys }) => journeys.length),
        )})),
        ${all})) AS each))`

/**
 * Where a SELECT from trail or facts, FINAL or not, is about these journeys only.
 *
 * The hash alone is looked at first, in a set of numbers: that takes a fifth of looking at pairs, and no other column is
 * read where it finds nothing. With FINAL the engine does not do this by itself; the hash is of the key, so that rows of one
 * journey go or stay together.
 */
export function whereTouched(touched: readonly Touched[]): Sql {
  const all = allJourneys(touched)
  return sql`PREWHERE journey IN ${all} WHERE ${inTouched(touched, all)}`
}

const allJourneys = (touched: readonly Touched[]): SqlParam =>
  param(
    'Array(UInt64)',
    touched.flatMap(({ journeys }) => journeys),
  )

const services = (touched: readonly Touched[]): string[] => touched.map(({ service }) => service)

/** An array of tuples, gathered a column at a time: the engine gathers numbers many times faster than tuples. */
function arraysOf(columns: readonly string[], type?: EventType): Sql {
  const gathered = columns.map((column) =>
    type === undefined ? raw(`groupArray(${column})`) : sql`groupArrayIf(${raw(column)}, type = ${typeDigit(type)})`,
  )
  return sql`arrayZip(${join(gathered, ', ')})`
}

/** How the content of an event of this type begins. */
const typeDigit = (type: EventType): Sql => raw(String(eventTypes.indexOf(type) + 1 + '0'.charCodeAt(0)))

export const writeFacts = (facts: Sql, { held }: Pick<Lease, 'held'>): Sql =>
  sql`INSERT INTO facts (${raw(factsColumns.join(', '))}) SELECT * FROM (${facts}) WHERE ${held}`
