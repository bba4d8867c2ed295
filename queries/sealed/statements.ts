import { join, param, raw, sql, type Sql, type SqlParam } from '../../domain/sql.ts'
import { timeKeysOf } from '../../domain/tally/keys.ts'
import { signedUnsealed } from '../../domain/tally/unsealed.ts'
import type { Subject } from '../subject.ts'
import { conditions, journeysOf, judged, stateCodes } from '../verdicts.ts'
import type { Cover, Range } from './cover.ts'
import type { Standing } from './standing.ts'
import { clocked } from './sums.ts'

const hourMs = 3_600_000

const within = (column: string, ranges: readonly Range[]): Sql =>
  ranges.length === 0
    ? raw('0')
    : sql`(${join(
        ranges.map(
          ({ from, to }) => sql`(${raw(column)} >= ${param('Int64', from)} AND ${raw(column)} < ${param('Int64', to)})`,
        ),
        ' OR ',
      )})`

/** Services that are answered together, since the same hours and days are their period: each with its own layers. */
export interface Scope {
  readonly services: readonly SealedService[]
  readonly cover: Cover
  /** Journeys that started before this (ms) have elapsed, and open ones started at or after it: now less the window. */
  readonly split: number
}

export interface SealedService {
  readonly id: string
  readonly version: number
  readonly seal: string
  readonly layers: readonly string[]
  readonly edgeLayers: readonly string[]
}

const idsOf = ({ services }: Scope): SqlParam =>
  param(
    'Array(String)',
    services.map(({ id }) => id),
  )

/** Layers are numbered across services, and services that were sealed together share one: each has those that its seal names. */
function inLayers(scope: Scope, of: 'layers' | 'edgeLayers'): Sql {
  const own = scope.services.map((service) => service[of].map(BigInt))
  const all = sql`service IN ${idsOf(scope)} AND layer IN ${param('Array(UInt64)', [...new Set(own.flat())])}`
  return own.length === 1
    ? all
    : sql`${all} AND has(${param('Array(Array(UInt64))', own)}[indexOf(${idsOf(scope)}, service)], layer)`
}

/** What was noted of these services since their seals, under the version that was sealed. */
function changedSince(scope: Scope): Sql {
  const place = sql`indexOf(${idsOf(scope)}, service)`
  const seals = param(
    'Array(UInt64)',
    scope.services.map(({ seal }) => BigInt(seal)),
  )
  const versions = param(
    'Array(UInt32)',
    scope.services.map(({ version }) => version),
  )
  return sql`SELECT * FROM (${signedUnsealed(sql`service IN ${idsOf(scope)} AND seal >= ${seals}[${place}]`)})
    WHERE version = ${versions}[${place}]`
}

/** Rows of rollup that the cover names. Columns: dimension, value, bucket, elapsed, and those of the table. */
export const sealedRows = (scope: Scope, dimension: string | null, columns: string): Sql => sql`
  SELECT service, dimension, value, bucket, bucket < ${param('Int64', Math.floor(scope.split / hourMs) * hourMs)} AS elapsed, ${raw(columns)}
  FROM rollup
  WHERE ${inLayers(scope, 'layers')}
    AND dimension IN ${param('Array(String)', dimension === null ? [''] : ['', dimension])}
    AND ((grain = 'day' AND ${within('bucket', scope.cover.days)}) OR (grain = 'hour' AND ${within('bucket', scope.cover.hours)}))`

const journeyColumns = raw(
  'service, seenAt, start, latestStart, lastAt, depth, entered, times, completionMs, dimensions, state, elapsed, sign',
)

/** Whether there can be single journeys that tallies do not have: where there are none, nothing need be asked of them. */
export const hasSingle = ({ hasChanged, cover }: Standing): boolean => hasChanged || cover.cuts.length > 0

/**
 * Single journeys that tallies do not have, as rows of judged() with `sign`: what changed since the seal, and all
 * those of hours that the period cuts.
 *
 * Reads   unsealed of one service; facts of it where an hour is cut.
 * Cost    the journeys touched since the seal; with a cut hour, one pass over the starts of the service's journeys.
 */
export function singleJourneys(subject: Subject, standing: Standing): Sql {
  const { cover } = standing
  const rows = changedJourneys(standing, subject, subject.funnel.windowMs)
  if (cover.cuts.length === 0) return rows
  const cut = cover.cuts.map((range) => {
    const part = { ...subject, period: { ...subject.period, ...range } }
    return sql`SELECT ${journeyColumns} FROM (SELECT *, 1 AS sign FROM (${journeysOf(part, 'stored')}))`
  })
  return join([rows, ...cut], ' UNION ALL ')
}

/** Those of the period that changed since the seal, but for those of hours that it cuts. */
export const changedJourneys = (
  scope: Scope,
  { period, now, where }: Pick<Subject, 'period' | 'now' | 'where'>,
  windowMs: number,
): Sql => {
  const changed = sql`SELECT *, ${param('Int64', windowMs)} AS windowMs, 0 AS stale
    FROM (${changedSince(scope)}) WHERE 1${conditions({ where })}`
  return sql`SELECT ${journeyColumns} FROM (${judged(changed, period, now)}) WHERE NOT ${within('seenAt', scope.cover.cuts)}`
}

/** The value by which journeys are told apart; empty for those without one. */
export const valueOf = ({ dimension }: Standing): Sql =>
  dimension === null ? raw("''") : sql`dimensions[${param('String', dimension)}]`

/**
 * Keys of a judged journey (sums.ts): Array(UInt32).
 * @param entries those of the positions that it entered too: of a funnel with optional ones
 * @param times those of its times too
 */
export function clockedKeys(entries: boolean, times: boolean): Sql {
  const gapped = raw(entries ? '1' : '0')
  return sql`arrayConcat(
    [toUInt32(multiIf(state = ${raw(String(stateCodes.unstarted))}, ${raw(String(clocked.unstarted))},
      state = ${raw(String(stateCodes.excluded))}, ${raw(String(clocked.excluded))},
      ${raw(String(clocked.cells))} + (depth * 4 + state) * 2 + elapsed))],
    if(${gapped}, arrayMap(p -> toUInt32(${raw(String(clocked.entries))} + (p + 1) * 2 + elapsed), bitPositionsToArray(entered)), []),
    ${times ? timeKeysOf(gapped) : raw('[]')})`
}

/**
 * Journeys of the edge as the tallies have them and as the clock has them, where that is not the same: their
 * window passes within an hour that is one tally, or they are open.
 *
 * Columns: service, start, lastAt, depth, entered, dimensions, sign, `counted` and `isNow` (cells of counts.ts), `stateNow`, elapsed.
 * Reads   edge, the layers of one service.
 * Cost    its open journeys, and those of a day of starts.
 */
export function edgeJourneys(scope: Scope, where: Subject['where']): Sql {
  const { cover, split } = scope
  const hour = Math.floor(split / hourMs) * hourMs
  const code = (state: keyof typeof stateCodes) => raw(String(stateCodes[state]))
  return sql`
  SELECT service, start, lastAt, depth, entered, dimensions, sign, start < ${param('Int64', split)} AS elapsed,
    multiIf(completed = 1, ${code('completed')}, failed = 1, ${code('failed')}, ${code('abandoned')}) AS state,
    if(completed = 0 AND failed = 0 AND latestStart >= ${param('Int64', split)}, ${code('open')}, state) AS stateNow,
    (depth * 4 + state) * 2 + (start < ${param('Int64', hour)}) AS counted, (depth * 4 + stateNow) * 2 + elapsed AS isNow
  FROM edge
  WHERE ${inLayers(scope, 'edgeLayers')}
    AND latestStart >= ${param('Int64', hour)} AND ${within('start', [...cover.days, ...cover.hours])}${conditions({ where })}`
}

/** Journeys that are open now. Columns: depth, lastAt, dimensions, sign, stale. */
export function openJourneys(subject: Subject, standing: Standing): Sql {
  const open = raw(String(stateCodes.open))
  const columns = raw('depth, lastAt, dimensions, toInt64(sign) AS sign, 0 AS stale')
  const edge = sql`SELECT ${columns} FROM (${edgeJourneys(standing, subject.where)}) WHERE stateNow = ${open}`
  if (!hasSingle(standing)) return edge
  return sql`${edge} UNION ALL SELECT ${columns} FROM (${singleJourneys(subject, standing)}) WHERE state = ${open}`
}
