import { join, param, raw, sql, type Sql, type SqlParam } from '../../domain/sql.ts'
import { binOf, binsMax } from '../../domain/tally/bins.ts'
import { timeKeysOf } from '../../domain/tally/keys.ts'
import { labelled } from '../../domain/tally/labels.ts'
import { signedUnsealed } from '../../domain/tally/unsealed.ts'
import type { Sealed } from '../ground.ts'
import type { Subject } from '../subject.ts'
import { conditions, judged, stateCodes, storedJourneys } from '../verdicts.ts'
import { hourMs, hourOf, within, type Cover, type Range } from './cover.ts'
import type { Standing } from './standing.ts'
import { clocked } from './sums.ts'

/** Services that are answered together, since the same hours, days and weeks are their period: each with its own layers. */
export interface Scope {
  readonly services: readonly Sealed[]
  readonly cover: Cover
  /** Journeys that started before this (ms) have elapsed, and open ones started at or after it: now less the window. */
  readonly split: number
}

const idsOf = ({ services }: Scope): SqlParam =>
  param(
    'Array(String)',
    services.map(({ id }) => id),
  )

/** Layers are numbered across services, and services that were sealed together share one: each has those that its seal names. */
function inLayers(scope: Scope, of: 'layers' | 'edgeLayers'): Sql {
  const [only, ...others] = scope.services
  if (only !== undefined && others.length === 0)
    return sql`service = ${param('String', only.id)} AND layer IN ${param('Array(UInt64)', only[of])}`
  const own = scope.services.map((service) => service[of])
  return sql`service IN ${idsOf(scope)} AND layer IN ${param('Array(UInt64)', [...new Set(own.flat())])}
    AND has(${param('Array(Array(UInt64))', own)}[indexOf(${idsOf(scope)}, service)], layer)`
}

/** What was noted of these services since their seals, under the version that was sealed. */
function changedSince(scope: Scope): Sql {
  const place = sql`indexOf(${idsOf(scope)}, service)`
  const seals = param(
    'Array(UInt64)',
    scope.services.map(({ seal }) => seal),
  )
  const versions = param(
    'Array(UInt32)',
    scope.services.map(({ version }) => version),
  )
  return sql`SELECT * FROM (${signedUnsealed(sql`service IN ${idsOf(scope)} AND seal >= ${seals}[${place}]`)})
    WHERE version = ${versions}[${place}]`
}

/**
 * Rows of rollups that a cover names. Columns: service, dimension, value, bucket, those of the table, and `side`: 0 the tally is of journeys
 * that have elapsed, 2 of others, 1 of the hour in which the window passes now.
 */
export const sealedRows = (scope: Scope, cover: Cover, dimensions: readonly string[], columns: string): Sql => {
  const hour = param('Int64', hourOf(scope.split))
  const grains = [
    ['week', cover.weeks],
    ['day', cover.days],
    ['hour', cover.hours],
  ] as const
  const named = grains
    .filter(([, ranges]) => ranges.length > 0)
    .map(([grain, ranges]) => sql`(grain = ${raw(`'${grain}'`)} AND ${within('bucket', ranges)})`)
  return sql`
  SELECT service, dimension, value, bucket, (bucket >= ${hour}) + (bucket > ${hour}) AS side, ${raw(columns)}
  FROM rollups
  WHERE ${inLayers(scope, 'layers')} AND dimension IN ${param('Array(String)', dimensions)}
    AND (${named.length === 0 ? raw('0') : join(named, ' OR ')})`
}

/** Of all journeys, and of each value of a dimension. */
export const dimensionsOf = ({ dimension }: Standing): readonly string[] =>
  dimension === null ? [''] : ['', dimension]

const journeyColumns = raw(
  'service, seenAt, start, latestStart, lastAt, depth, entered, times, completionMs, dimensions, state, elapsed, sign',
)

/** Where tallies have no times: those of journeys that started there are counted one by one. */
const untimed = ({ dimension, took }: Standing): readonly Range[] => [
  ...took.cuts,
  // Of a value there are none by the hour.
  ...(dimension === null ? [] : took.hours),
]

/** Whether there can be single journeys that tallies do not have: where there are none, nothing need be asked of them. */
export const hasSingle = (standing: Standing, times: boolean): boolean =>
  standing.hasChanged || standing.cover.cuts.length > 0 || (times && untimed(standing).length > 0)

/**
 * Single journeys that tallies do not have, as rows of judged() with `sign`: what changed since the seal, and all
 * those of hours that the period cuts. `isCounted`: they are to be counted; `isTimed`: their times are, where these are asked. The two
 * are not the same where a day begins within an hour: the day in which the window passes now is cut for the one, and not for the other.
 *
 * Reads   unsealed of one service; facts of it where an hour is cut, or where times of values are asked by the hour.
 * Cost    the journeys touched since the seal; with such an hour, one pass over the times of the service's journeys.
 */
function singleJourneys(subject: Subject, standing: Standing, times: boolean): Sql {
  const { cuts } = standing.cover
  const untold = times ? untimed(standing) : []
  const changed = sql`SELECT *, NOT ${within('seenAt', cuts)} AS isCounted, NOT ${within('seenAt', untold)} AS isTimed
    FROM (${changedJourneys(standing, subject, subject.funnel.windowMs)})`
  const ranges = [...cuts, ...untold]
  if (ranges.length === 0) return changed
  return sql`${changed} UNION ALL
    SELECT ${journeyColumns}, ${within('seenAt', cuts)} AS isCounted, ${within('seenAt', untold)} AS isTimed
    FROM (SELECT *, 1 AS sign FROM (${storedJourneys(subject, ranges)}))`
}

/** Those of the period that changed since the seal. */
export const changedJourneys = (
  scope: Scope,
  { period, now, where }: Pick<Subject, 'period' | 'now' | 'where'>,
  windowMs: number,
): Sql => {
  const changed = sql`SELECT *, ${param('Int64', windowMs)} AS windowMs, 0 AS stale
    FROM (${changedSince(scope)}) WHERE 1${conditions({ where })}`
  return sql`SELECT ${journeyColumns} FROM (${judged(changed, [period], now)})`
}

/** How a single journey ended: key (sums.ts) of one row of judged(). */
export const endKey = raw(
  `toUInt32(multiIf(state = ${stateCodes.unstarted}, ${clocked.unstarted}, state = ${stateCodes.excluded}, ${clocked.excluded},
    ${clocked.cells} + (depth * 4 + state) * 2 + elapsed))`,
)

/** Positions that a journey entered: keys of one row of judged(). */
const entryKeys = raw(
  `arrayMap(p -> toUInt32(${clocked.entries} + (p + 1) * 2 + elapsed), if(depth > 0, bitPositionsToArray(entered), []))`,
)

/** How long an open journey has been quiet: key of one row of judged() with `quietMs`. */
const quietKeys = sql`if(state = ${raw(String(stateCodes.open))},
  [toUInt32(${raw(String(clocked.quiet))} + depth * ${raw(String(binsMax))} + ${binOf('quietMs')})], [])`

export interface SinglesAsked {
  /** Of what a row is counted for. */
  readonly slot: Sql
  /** Keys of the positions that it entered too: of a funnel with optional ones. */
  readonly entries: boolean
  /** Those of its times too, and of how long an open one has been quiet. */
  readonly times: boolean
}

/** Single journeys that tallies do not have, by slot, value and key. */
export const singleCounts = (subject: Subject, standing: Standing, { slot, entries, times }: SinglesAsked): Sql => {
  const counted = [sql`[${endKey}]`, ...(entries ? [entryKeys] : []), ...(times ? [quietKeys] : [])]
  const keys = [
    sql`if(isCounted, arrayConcat(${join(counted, ', ')}), [])`,
    ...(times ? [sql`if(isTimed, ${timeKeysOf(raw(entries ? '1' : '0'))}, [])`] : []),
  ]
  return sql`
  SELECT ${slot} AS slot, ${valueOf(standing)} AS value, arrayJoin(arrayConcat(${join(keys, ', ')})) AS key, sum(sign) AS number
  FROM (SELECT *, toUInt64(greatest(${param('Int64', subject.now)} - lastAt, 0)) AS quietMs
    FROM (${singleJourneys(subject, standing, times)}))
  GROUP BY slot, value, key
  HAVING number != 0`
}

/** The value by which journeys are told apart; empty for those without one. */
const valueOf = ({ dimension }: Standing): Sql =>
  dimension === null ? raw("''") : sql`dimensions[${param('String', dimension)}]`

/** The same of the edge. */
const edgeValueOf = (dimension: string | null): Sql => (dimension === null ? raw("''") : labelled('labels', dimension))

const inCover = (column: string, { weeks, days, hours }: Cover): Sql => within(column, [...weeks, ...days, ...hours])

/**
 * Journeys that the clock may have moved from where their tally counts them, by slot, value, depth, how they ended, and what of their
 * start and window has passed: those that started in the hour in which the window passes now, or started again after it.
 *
 * Columns: slot, service, value, depth, entered, completed, failed; `inHour`: they started in that hour, `hasElapsed`: by now;
 * `isLate`: their last start + window has not passed; number.
 * Reads   edge_journeys, the layers of the services.
 * Cost    one pass over the starts of their open journeys, and of those of a day.
 */
export const movedCounts = (scope: Scope, slot: Sql, dimension: string | null): Sql => {
  const hour = hourOf(scope.split)
  const split = param('Int64', scope.split)
  return sql`
  SELECT ${slot} AS slot, service, ${edgeValueOf(dimension)} AS value, depth, entered, completed, failed,
    start >= ${param('Int64', hour)} AS inHour, start < ${split} AS hasElapsed, latestStart >= ${split} AS isLate, sum(sign) AS number
  FROM edge_journeys
  WHERE ${inLayers(scope, 'edgeLayers')} AND start < ${param('Int64', hour + hourMs)} AND latestStart >= ${param('Int64', hour)}
    AND ${inCover('start', scope.cover)}
  GROUP BY slot, service, value, depth, entered, completed, failed, inHour, hasElapsed, isLate
  HAVING number != 0`
}

/**
 * Open journeys of the edge that were seen lately, by value and depth.
 *
 * Reads   edge_journeys, from the earliest of the moments on.
 * Cost    journeys with an event since then.
 * @param since by depth - 1: the moment (ms) from which on a last event is of late
 */
export const lateCounts = (standing: Standing, since: readonly number[]): Sql => sql`
  SELECT ${edgeValueOf(standing.dimension)} AS value, depth, sum(sign) AS number
  FROM edge_journeys
  WHERE ${inLayers(standing, 'edgeLayers')} AND lastAt >= ${param('Int64', Math.min(...since))}
    AND completed = 0 AND failed = 0 AND latestStart >= ${param('Int64', standing.split)}
    AND lastAt >= ${param('Array(Int64)', since)}[depth] AND ${inCover('start', standing.cover)}
  GROUP BY value, depth
  HAVING number != 0`
