import { param, sql } from '../../domain/sql.ts'
import { binsMax } from '../../domain/tally/bins.ts'
import type { QueryContext } from '../context.ts'
import { admits, type Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { clockedKeys, hasSingle, sealedRows, singleJourneys, valueOf } from './statements.ts'
import { askOf } from './tallies.ts'

/**
 * Journeys by bin of one measure, from sealed tallies.
 *
 * Reads   rollup, a row for each hour or day of the period and value; unsealed, journeys.
 */
export async function sealedTimes(
  context: QueryContext,
  subject: Subject,
  standing: Standing,
  [from, to]: readonly [from: number, to: number],
): Promise<ReadonlyMap<number, number>> {
  interface Row {
    readonly dimension: string
    readonly value: string
    readonly key: number
    readonly number: string
  }
  const ask = askOf(context)
  const keys = sql`key >= ${param('UInt32', from)} AND key < ${param('UInt32', to)}`
  const sealed = await ask<Row>(sql`
    SELECT dimension, value, key, sum(added) AS number
    FROM (${sealedRows(standing, standing.dimension, 'timeKeys, timeCounts')}) ARRAY JOIN timeKeys AS key, timeCounts AS added
    WHERE ${keys} GROUP BY dimension, value, key`)
  const single = !hasSingle(standing)
    ? []
    : await ask<Row>(sql`
    SELECT '' AS dimension, value, key, sum(sign) AS number
    FROM (SELECT ${valueOf(standing)} AS value, sign, arrayJoin(${clockedKeys(false, true)}) AS key
      FROM (${singleJourneys(subject, standing)}))
    WHERE ${keys} GROUP BY value, key HAVING number != 0`)
  const bins = new Map<number, number>()
  const add = (value: string | null, key: number, number: number) => {
    if (admits(subject, standing.dimension, value)) bins.set(key % binsMax, (bins.get(key % binsMax) ?? 0) + number)
  }
  for (const { dimension, value, key, number } of sealed) {
    if (dimension !== '') add(value, key, Number(number))
    // Those without a value are what the others leave of all.
    add(null, key, dimension === '' ? Number(number) : -Number(number))
  }
  for (const { value, key, number } of single) add(value === '' ? null : value, key, Number(number))
  for (const [bin, number] of bins) if (number === 0) bins.delete(bin)
  return bins
}
