import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import type { QueryContext } from '../context.ts'
import { isContiguous } from '../counts.ts'
import { admits, type Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { dimensionsOf, hasSingle, movedCounts, sealedRows, singleCounts } from './statements.ts'
import { addClocked, addMoved, addSealed, emptySum, type MovedRow, type Sum } from './sums.ts'

interface Row {
  /** ms; 0 where the period is not divided. */
  readonly slot: string
  readonly value: string
}

interface SealedRow extends Row {
  /** Empty: of all journeys. */
  readonly dimension: string
  readonly side: number
  readonly key: number
  readonly number: string
}

interface SingleRow extends Row {
  readonly key: number
  readonly number: string
}

export type Ask = <Some>(statement: Sql) => Promise<Some[]>

export const askOf =
  (context: QueryContext): Ask =>
  <Some>(statement: Sql) =>
    context.reads.select<Some>(statement, { secondsMax: context.limits.querySecondsMax })

export interface TalliesAsked {
  /** Where the pieces of the period begin, ms; null: it is one. No tally lies on both sides of one. */
  readonly starts: readonly number[] | null
  /** What tallies do not have of times too: those of single journeys, and of hours by value. */
  readonly times: boolean
}

/**
 * Sums of the subject's journeys by piece of the period and value of the dimension that is asked about (null: without one), as
 * they are now. Without a dimension there is one sum a piece, under null. Of a sealed journey the times are left out.
 *
 * Reads   rollups, a row for each hour, day or week of the period and value; unsealed and edge_journeys.
 * Cost    hours, days and weeks of the period x values x steps; journeys touched since the seal; open ones.
 */
export async function sealedTallies(
  ask: Ask,
  subject: Subject,
  standing: Standing,
  { starts, times }: TalliesAsked,
): Promise<ReadonlyMap<number, Map<string | null, Sum>>> {
  const slot = (column: string): Sql =>
    starts === null ? raw('0') : sql`roundDown(${raw(column)}, ${param('Array(Int64)', starts)})`
  const entries = !isContiguous(subject.funnel)
  const [sealed, moved, single] = await Promise.all([
    ask<SealedRow>(sealedCounts(standing, slot('bucket'))),
    ask<Row & MovedRow>(movedCounts(standing, slot('start'), standing.dimension)),
    hasSingle(standing, times)
      ? ask<SingleRow>(singleCounts(subject, standing, { slot: slot('seenAt'), entries, times }))
      : [],
  ])
  const pieces = new Map<number, Map<string | null, Sum>>()
  const sumOf = (at: string, value: string): Sum => {
    const sums = pieces.get(Number(at)) ?? new Map<string | null, Sum>()
    pieces.set(Number(at), sums)
    const named = value === '' ? null : value
    const sum = sums.get(named) ?? emptySum()
    sums.set(named, sum)
    return sum
  }
  for (const { slot: at, dimension, value, key, side, number } of sealed) {
    addSealed(sumOf(at, value), key, Number(number), side)
    // Those without a value have no tally of their own: they are what the others leave of all.
    if (dimension !== '') addSealed(sumOf(at, ''), key, -Number(number), side)
  }
  for (const row of moved) addMoved(sumOf(row.slot, row.value), row)
  for (const { slot: at, value, key, number } of single) addClocked(sumOf(at, value), key, Number(number))
  for (const sums of pieces.values())
    for (const value of [...sums.keys()]) if (!admits(subject, standing.dimension, value)) sums.delete(value)
  return pieces
}

const sealedCounts = (standing: Standing, slot: Sql): Sql => sql`
  SELECT ${slot} AS slot, dimension, value, side, key, sum(added) AS number
  FROM (${sealedRows(standing, standing.cover, dimensionsOf(standing), 'keys, counts')}) ARRAY JOIN keys AS key, counts AS added
  GROUP BY slot, dimension, value, side, key`
