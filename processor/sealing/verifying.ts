import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import { labelsOf } from '../../domain/tally/labels.ts'
import { countedColumns, signedUnsealed } from '../../domain/tally/unsealed.ts'
import { comparableFactsOf, packedArrays, whereTouched, type OwnFunnel, type TouchedService } from '../facts.ts'
import { inChunk, talliesOf, type LayerOf } from './layers.ts'
import type { Seal } from './seals.ts'

/** Hashes of journeys of a service, both inclusive. */
export interface Hashes {
  readonly service: string
  readonly from: bigint
  readonly to: bigint
}

/** Half-open, ms. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * Journeys that facts or the trail have in a span.
 * Reads   facts and trail of the hashes: key and times.
 */
export const journeysWithin = (hashes: Hashes, { from, to }: Span): Sql => sql`
  SELECT DISTINCT journey FROM (
    SELECT journey FROM facts
    WHERE ${inChunk(hashes)} AND lastAt >= ${param('Int64', from)} AND firstAt < ${param('Int64', to)}
    UNION ALL
    SELECT journey FROM trail
    WHERE ${inChunk(hashes)} AND at >= ${param('Int64', from)} AND at < ${param('Int64', to)}
  )`

/** How many journeys reach into a span, about. Reads facts: the times of the service's journeys. */
export const countWithin = (service: string, { from, to }: Span): Sql => sql`
  SELECT count() AS journeys FROM facts
  WHERE service = ${param('String', service)} AND lastAt >= ${param('Int64', from)} AND firstAt < ${param('Int64', to)}`

/** What facts and trail of a journey disagree on. */
export interface FactRow {
  readonly journey: string
  readonly columns: readonly string[]
  /** 1: it is to be counted as the trail has it. */
  readonly recounted: 0 | 1
  /** When something of it last arrived, days since 1970; 0 when it has no facts. */
  readonly arrivedDay: number
}

const compared = ['at', 'seq', 'step', 'outcomeAt', 'outcomeSeq', 'outcome', 'firstAt', 'lastAt', 'events'] as const
const pairs = (column: string) => `arraySort(CAST(${column}, 'Array(Tuple(String, String))'))`

/**
 * Journeys whose facts are not those of their trail. A verdict is compared where facts have one of this version, and the
 * journey is short. `eventsDropped` is not: deletions of what is past the last event change it.
 *
 * Reads   trail and facts, the rows of these journeys.
 * Cost    as a batch that touches them.
 */
export const factsThatDiffer = (touched: TouchedService, trailEventsMax: number): Sql => sql`
  SELECT if(stood.present = 1, stood.journey, fresh.journey) AS journey, stood.arrivedDay AS arrivedDay,
    multiIf(stood.present = 0, ['missing'], fresh.present = 0, ['trail'], arrayFilter(name -> name != '', [
      ${raw(compared.map((name) => `if(fresh.${name} = stood.${name}, '', '${name}')`).join(', '))},
      if(${raw(pairs('fresh.dimensions'))} = ${raw(pairs('stood.dimensions'))}, '', 'dimensions'),
      if(fresh.judged = 0 OR stood.version != ${param('UInt32', touched.own.version)}
        OR toString(fresh.verdict) = toString(stood.verdict), '', 'verdict')])) AS columns,
    fresh.present = 0 OR (fresh.judged = 1 AND (stood.present = 0 OR stood.version = ${param('UInt32', touched.own.version)})) AS recounted
  FROM (SELECT *, 1 AS present FROM (${comparableFactsOf([touched], 0, trailEventsMax)})) AS fresh
  FULL JOIN (
    SELECT journey, arrivedDay, version, ${packedArrays}, firstAt, lastAt, events, dimensions, verdict, 1 AS present
    FROM facts FINAL ${whereTouched([touched])}
  ) AS stood ON fresh.journey = stood.journey
  WHERE notEmpty(columns)`

/** Journeys of these that factsOf() leaves to be judged late. Reads facts, the rows of these journeys. */
export const longAmong = (touched: TouchedService, stepEventsMax: number): Sql => sql`
  SELECT count() AS journeys FROM facts FINAL
  ${whereTouched([touched])} AND length(step) > ${param('UInt32', stepEventsMax)}`

const columns = countedColumns.join(', ')
const fromVerdict = [
  'start',
  'latestStart',
  'excluded',
  'depth',
  'entered',
  'times',
  'completed',
  'failed',
  'completionMs',
]
/** Of an expression over the trail, as facts have them: rows of both stand in one union. */
const freshColumns = countedColumns
  .map((name) => {
    if (name === 'dimensions')
      return `CAST(dimensions, 'Map(LowCardinality(String), LowCardinality(String))') AS dimensions`
    return fromVerdict.includes(name) ? `verdict.${name} AS ${name}` : `toInt64(${name}) AS ${name}`
  })
  .join(', ')

export interface StateAsked {
  readonly hashes: Hashes
  readonly span: Span
  readonly own: OwnFunnel
  readonly seal: Seal
  /** Journeys that are counted as the trail has them, not as facts do. */
  readonly recounted: readonly bigint[]
  readonly trailEventsMax: number
}

/**
 * The journeys of a seal as the present says that they were: as they are now, less what was noted since (the other way around:
 * `sign` -1 of what a journey has become, 1 of what it was). Added up it is what the seal's layers should have, when nothing is being
 * written, and nothing has been noted against a later seal.
 *
 * Reads   facts of the hashes, what the span needs; unsealed; the trails of `recounted`.
 */
const stateNow = ({ hashes, span, own, seal, recounted, trailEventsMax }: StateAsked): Sql => {
  const version = param('UInt32', own.version)
  const others = recounted.length === 0 ? sql`` : sql` AND journey NOT IN ${param('Array(UInt64)', recounted)}`
  const touched = [{ service: hashes.service, own, journeys: recounted }]
  const fresh =
    recounted.length === 0
      ? sql``
      : sql`
    UNION ALL
    SELECT service, journey, ${raw(freshColumns)}, toInt64(1) AS sign
    FROM (${comparableFactsOf(touched, 0, trailEventsMax)})`
  return sql`
  SELECT * FROM (
    SELECT service, journey, ${raw(columns)}, toInt64(1) AS sign FROM facts FINAL
    WHERE ${inChunk(hashes)} AND version = ${version}${others}
      AND lastAt >= ${param('Int64', span.from)} AND firstAt < ${param('Int64', span.to)}${fresh}
    UNION ALL
    SELECT service, journey, ${raw(columns)}, toInt64(-sign) AS sign
    FROM (${signedUnsealed(sql`${inChunk(hashes)} AND seal >= ${param('UInt64', seal.seal)}`)})
    WHERE version = ${version}
  )
  WHERE if(depth > 0 OR excluded = 1, start, firstAt) >= ${param('Int64', span.from)}
    AND if(depth > 0 OR excluded = 1, start, firstAt) < ${param('Int64', span.to)}`
}

export interface TallyRow {
  readonly dimension: string
  readonly value: string
  /** 1 hour, 2 day, 3 week. */
  readonly grain: number
  readonly bucket: string
  readonly key: number
  readonly number: string
}

/** What the rollup should have of the hashes and span. Cost: talliesOf() of their journeys. */
export const countedTallies = (state: StateAsked, of: Omit<LayerOf, 'layer'>): Sql => sql`
  SELECT dimension, value, grain, bucket, key, number FROM (${talliesOf(stateNow(state), of)})`

/** What the rollup has. Reads rollups, the layers of one service. */
export const sealedTallies = ({ service, layers }: Seal, { from, to }: Span): Sql => sql`
  SELECT dimension, value, toInt8(grain) AS grain, bucket, key, sum(added) AS number
  FROM rollups
  ARRAY JOIN arrayConcat(arrayMap(k -> toUInt32(k), keys), timeKeys) AS key, arrayConcat(counts, timeCounts) AS added
  WHERE service = ${param('String', service)} AND layer IN ${param(
    'Array(UInt64)',
    layers.map(({ layer }) => layer),
  )} AND bucket >= ${param('Int64', from)} AND bucket < ${param('Int64', to)}
  GROUP BY dimension, value, grain, bucket, key
  HAVING number != 0`

export interface WeekRow {
  readonly dimension: string
  readonly value: string
  /** Its start. */
  readonly week: string
  readonly key: number
  /** As the week has it. */
  readonly sealed: string
  /** As its days do. */
  readonly counted: string
}

/**
 * Where a week is not the sum of its days. Reads rollups, the layers of one service.
 * @param weeks starts of weeks that follow one another; the last is where they end
 */
export const weeksThatDiffer = ({ service, layers }: Seal, weeks: readonly number[]): Sql => sql`
  SELECT dimension, value, roundDown(bucket, ${param('Array(Int64)', weeks)}) AS week, key,
    sumIf(added, grain = 'week') AS sealed, sumIf(added, grain = 'day') AS counted
  FROM (SELECT dimension, value, bucket, grain, key, added FROM rollups
    ARRAY JOIN arrayConcat(arrayMap(k -> toUInt32(k), keys), timeKeys) AS key, arrayConcat(counts, timeCounts) AS added
    WHERE service = ${param('String', service)} AND layer IN ${param(
      'Array(UInt64)',
      layers.map(({ layer }) => layer),
    )} AND grain IN ('day', 'week') AND bucket >= ${param('Int64', weeks[0] ?? 0)} AND bucket < ${param('Int64', weeks.at(-1) ?? 0)})
  GROUP BY dimension, value, week, key
  HAVING sealed != counted`

export interface EdgeRow {
  readonly journey: string
  /** More often in the edge than it should be; below 0, less often. */
  readonly surplus: string
  readonly start: string
}

/**
 * Journeys that the edge does not have as it should, of the hashes and of starts in the span.
 * Reads   edge, the layers of one service, by journey; what stateNow() reads.
 */
export const edgeThatDiffers = (state: StateAsked): Sql => {
  const { hashes, span, seal } = state
  const open = raw('completed = 0 AND failed = 0')
  const from = param('Int64', seal.edgeFrom)
  const held = raw('start, latestStart, lastAt, depth, entered, completed, failed')
  return sql`
  SELECT journey, start, sum(more) AS surplus FROM (
    SELECT journey, toInt64(-sign) AS more, ${held}, ${labelsOf('dimensions')} AS labels FROM (${stateNow(state)})
    WHERE depth > 0 AND latestStart >= ${from}
      AND ((${open}) OR (start >= ${from} AND start < ${param('Int64', seal.edgeTo)}))
    UNION ALL
    SELECT journey, toInt64(sign) AS more, ${held}, labels FROM edge_journeys
    WHERE ${inChunk(hashes)} AND layer IN ${param('Array(UInt64)', seal.edgeLayers)} AND latestStart >= ${from}
      AND start >= ${param('Int64', span.from)} AND start < ${param('Int64', span.to)}
  )
  GROUP BY journey, start, latestStart, lastAt, depth, entered, completed, failed, labels
  HAVING surplus != 0`
}

/** UTC days (since 1970) of which the trail or the tallies of a service have something. Reads one column of all its events. */
export const daysHeld = (service: string, layers: readonly number[]): Sql => sql`
  SELECT DISTINCT day FROM (
    SELECT intDiv(at, 86400000) AS day FROM trail WHERE service = ${param('String', service)}
    UNION ALL
    SELECT intDiv(firstAt, 86400000) AS day FROM facts WHERE service = ${param('String', service)}
    UNION ALL
    SELECT intDiv(bucket, 86400000) AS day FROM rollups
    WHERE service = ${param('String', service)} AND layer IN ${param('Array(UInt64)', layers)} AND grain = 'hour'
  ) ORDER BY day`

/** When (its revision: ms) journeys of the service were last removed because their time was over; 0: never. */
export const lastExpiry = (service: string): Sql => sql`
  SELECT max(revision) AS revision FROM removals
  WHERE service = ${param('String', service)} AND what IN ('expiring', 'expired')`
