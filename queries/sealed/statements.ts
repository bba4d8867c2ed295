import { join, param, raw, sql, type Sql } from '../../domain/sql.ts'
import { timeKeysOf } from '../../domain/tally/keys.ts'
import { signedUnsealed } from '../../domain/tally/unsealed.ts'
import { isContiguous } from '../counts.ts'
import type { Subject } from '../subject.ts'
import { conditions, journeysOf, judged, stateCodes } from '../verdicts.ts'
import type { Range } from './cover.ts'
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

/** Rows of rollup that the cover names. Columns: dimension, value, bucket, elapsed, and those of the table. */
export const sealedRows = (
  subject: Subject,
  { layers, cover, split, dimension }: Standing,
  columns: string,
): Sql => sql`
  SELECT dimension, value, bucket, bucket < ${param('Int64', Math.floor(split / hourMs) * hourMs)} AS elapsed, ${raw(columns)}
  FROM rollup
  WHERE service = ${param('String', subject.service.id)}
    AND dimension IN ${param('Array(String)', dimension === null ? [''] : ['', dimension])}
    AND layer IN ${param('Array(UInt64)', layers.map(BigInt))}
    AND ((grain = 'day' AND ${within('bucket', cover.days)}) OR (grain = 'hour' AND ${within('bucket', cover.hours)}))`

const journeyColumns = raw(
  'seenAt, start, latestStart, lastAt, depth, entered, times, completionMs, dimensions, state, elapsed, sign',
)

/**
 * Single journeys that tallies do not have, as rows of judged() with `sign`: what changed since the seal, and all
 * those of hours that the period cuts.
 *
 * Reads   unsealed of one service; facts of it where an hour is cut.
 * Cost    the journeys touched since the seal; with a cut hour, one pass over the starts of the service's journeys.
 */
export function singleJourneys(subject: Subject, { seal, cover }: Standing): Sql {
  const { service, funnel, period, now } = subject
  const changed = sql`
    SELECT *, ${param('Int64', funnel.windowMs)} AS windowMs, 0 AS stale
    FROM (${signedUnsealed(sql`service = ${param('String', service.id)} AND seal >= ${param('UInt64', BigInt(seal))}`)})
    WHERE version = ${param('UInt32', service.version)}${conditions(subject)}`
  const rows = sql`SELECT ${journeyColumns} FROM (${judged(changed, period, now)}) WHERE NOT ${within('seenAt', cover.cuts)}`
  if (cover.cuts.length === 0) return rows
  const cut = cover.cuts.map((range) => {
    const part = { ...subject, period: { ...period, ...range } }
    return sql`SELECT ${journeyColumns} FROM (SELECT *, 1 AS sign FROM (${journeysOf(part, 'stored')}))`
  })
  return join([rows, ...cut], ' UNION ALL ')
}

/** The value by which journeys are told apart; empty for those without one. */
export const valueOf = ({ dimension }: Standing): Sql =>
  dimension === null ? raw("''") : sql`dimensions[${param('String', dimension)}]`

/** Keys of a judged journey (sums.ts), those of its times where they are wanted: Array(UInt32). */
export function clockedKeys({ funnel }: Subject, times: boolean): Sql {
  const gapped = raw(isContiguous(funnel) ? '0' : '1')
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
 * Columns: start, lastAt, depth, entered, dimensions, sign, `counted` and `isNow` (cells of counts.ts), `stateNow`, elapsed.
 * Reads   edge, the layers of one service.
 * Cost    its open journeys, and those of a day of starts.
 */
export function edgeJourneys(subject: Subject, { edgeLayers, cover, split }: Standing): Sql {
  const hour = Math.floor(split / hourMs) * hourMs
  const code = (state: keyof typeof stateCodes) => raw(String(stateCodes[state]))
  return sql`
  SELECT start, lastAt, depth, entered, dimensions, sign, start < ${param('Int64', split)} AS elapsed,
    multiIf(completed = 1, ${code('completed')}, failed = 1, ${code('failed')}, ${code('abandoned')}) AS state,
    if(completed = 0 AND failed = 0 AND latestStart >= ${param('Int64', split)}, ${code('open')}, state) AS stateNow,
    (depth * 4 + state) * 2 + (start < ${param('Int64', hour)}) AS counted, (depth * 4 + stateNow) * 2 + elapsed AS isNow
  FROM edge
  WHERE service = ${param('String', subject.service.id)} AND layer IN ${param('Array(UInt64)', edgeLayers.map(BigInt))}
    AND latestStart >= ${param('Int64', hour)} AND ${within('start', [...cover.days, ...cover.hours])}${conditions(subject)}`
}

/** Journeys that are open now. Columns: depth, lastAt, dimensions, sign, stale. */
export const openJourneys = (subject: Subject, standing: Standing): Sql => sql`
  SELECT depth, lastAt, dimensions, toInt64(sign) AS sign, 0 AS stale FROM (${edgeJourneys(subject, standing)})
  WHERE stateNow = ${raw(String(stateCodes.open))}
  UNION ALL
  SELECT depth, lastAt, dimensions, toInt64(sign) AS sign, 0 AS stale FROM (${singleJourneys(subject, standing)})
  WHERE state = ${raw(String(stateCodes.open))}`
