import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import type { QueryContext } from '../context.ts'
import { isContiguous } from '../counts.ts'
import { admits, type Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { hasSingle, clockedKeys, edgeJourneys, sealedRows, singleJourneys, valueOf, type Scope } from './statements.ts'
import { addClocked, addSealed, clocked, emptySum, type Sum } from './sums.ts'

interface Row {
  /** ms; 0 where the period is not divided. */
  readonly slot: string
  readonly value: string
  readonly key: number
  readonly number: string
}

export interface SealedRow extends Row {
  /** Empty: of all journeys. */
  readonly dimension: string
}

interface CountRow extends SealedRow {
  readonly hasElapsed: 0 | 1
}

export type Ask = <Some>(statement: Sql) => Promise<Some[]>

export const askOf =
  (context: QueryContext): Ask =>
  <Some>(statement: Sql) =>
    context.reads.select<Some>(statement, { secondsMax: context.limits.querySecondsMax })

export interface TalliesAsked {
  /** Where the pieces of the period begin, ms; null: it is one. No tally lies on both sides of one. */
  readonly starts: readonly number[] | null
  /** The times of single journeys too. Those that are sealed are not among them. */
  readonly times: boolean
}

/**
 * Sums of the subject's journeys by piece of the period and value of the dimension that is asked about (null: without one), as
 * they are now. Without a dimension there is one sum a piece, under null. Of a sealed journey the times are left out.
 *
 * Reads   rollup, a row for each hour or day of the period and value; unsealed and edge, journeys.
 * Cost    hours and days of the period x values x steps; journeys touched since the seal; open ones.
 */
export async function sealedTallies(
  ask: Ask,
  subject: Subject,
  standing: Standing,
  { starts, times }: TalliesAsked,
): Promise<ReadonlyMap<number, Map<string | null, Sum>>> {
  const slot = (column: string): Sql =>
    starts === null ? raw('0') : sql`roundDown(${raw(column)}, ${param('Array(Int64)', starts)})`
  const [sealed, single, edge] = await Promise.all([
    ask<CountRow>(sealedCounts(standing, slot('bucket'))),
    hasSingle(standing) ? ask<Row>(singleCounts(subject, standing, slot('seenAt'), times)) : [],
    ask<Row>(edgeCounts(subject, standing, slot('start'))),
  ])
  const pieces = new Map<number, Map<string | null, Sum>>()
  const sumOf = (at: number, value: string | null): Sum => {
    const sums = pieces.get(at) ?? new Map<string | null, Sum>()
    const sum = sums.get(value) ?? emptySum()
    pieces.set(at, sums.set(value, sum))
    return sum
  }
  for (const row of sealed) {
    const at = Number(row.slot)
    // Those without a value have no tally of their own: they are what the others leave of all.
    if (row.dimension === '') addSealed(sumOf(at, null), row.key, Number(row.number), row.hasElapsed)
    else {
      addSealed(sumOf(at, row.value), row.key, Number(row.number), row.hasElapsed)
      addSealed(sumOf(at, null), row.key, -Number(row.number), row.hasElapsed)
    }
  }
  for (const row of [...single, ...edge])
    addClocked(sumOf(Number(row.slot), row.value === '' ? null : row.value), row.key, Number(row.number))
  for (const sums of pieces.values())
    for (const value of [...sums.keys()]) if (!admits(subject, standing.dimension, value)) sums.delete(value)
  return pieces
}

const sealedCounts = (standing: Standing, slot: Sql): Sql => sql`
  SELECT ${slot} AS slot, dimension, value, elapsed AS hasElapsed, key, sum(added) AS number
  FROM (${sealedRows(standing, standing.dimension, 'keys, counts')}) ARRAY JOIN keys AS key, counts AS added
  GROUP BY slot, dimension, value, elapsed, key`

const singleCounts = (subject: Subject, standing: Standing, slot: Sql, times: boolean): Sql => sql`
  SELECT ${slot} AS slot, ${valueOf(standing)} AS value, arrayJoin(${clockedKeys(!isContiguous(subject.funnel), times)}) AS key, sum(sign) AS number
  FROM (${singleJourneys(subject, standing)})
  GROUP BY slot, value, key
  HAVING number != 0`

const edgeCounts = (subject: Subject, standing: Standing, slot: Sql): Sql => sql`
  SELECT ${slot} AS slot, ${valueOf(standing)} AS value, move.1 AS key, sum(sign * move.2) AS number
  FROM (${movedJourneys(standing, subject.where, !isContiguous(subject.funnel))})
  GROUP BY slot, value, key
  HAVING number != 0`

/**
 * Rows of edgeJourneys() by `move` (key, number): a journey goes from where the tally has it to where it is now.
 * @param entries of a funnel with optional positions: those that it entered elapse with it
 */
export function movedJourneys(scope: Scope, where: Subject['where'], entries: boolean): Sql {
  const cells = String(clocked.cells)
  const from = String(clocked.entries)
  const entered = !entries
    ? ''
    : `, if(elapsed = counted % 2, [], arrayFlatten(arrayMap(p -> [(toUInt32(${from} + (p + 1) * 2 + 1), 1), (toUInt32(${from} + (p + 1) * 2), -1)], bitPositionsToArray(entered))))`
  return sql`
  SELECT service, start, dimensions, sign, move FROM (${edgeJourneys(scope, where)})
  ARRAY JOIN arrayConcat([(toUInt32(${raw(cells)} + isNow), 1), (toUInt32(${raw(cells)} + counted), -1)]${raw(entered)}) AS move
  WHERE isNow != counted`
}
