import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import type { Cover } from './cover.ts'
import type { Standing } from './standing.ts'
import { sealedRows } from './statements.ts'
import { addSum, emptySum, type Sum } from './sums.ts'
import type { Ask } from './tallies.ts'

/** Keys of times that are asked for: from the first to before the second. */
export type KeyRange = readonly [from: number, to: number]

interface TimesRow {
  readonly label: string
  readonly keys: readonly number[]
  readonly numbers: readonly number[]
}

/** A row a label: keys and journeys as two lists, since they are thousands. */
const timesStatement = (rows: Sql, label: Sql, [from, to]: KeyRange): Sql => sql`
  SELECT label, groupArray(key) AS keys, groupArray(toInt32(number)) AS numbers
  FROM (
    SELECT ${label} AS label, key, sum(added) AS number
    FROM (${rows}) ARRAY JOIN timeKeys AS key, timeCounts AS added
    WHERE key >= ${param('UInt32', from)} AND key < ${param('UInt32', to)}
    GROUP BY label, key HAVING number != 0
  )
  GROUP BY label`

/** Values have no times by the hour: those are counted journey by journey (singleCounts()). */
const coverOf = ({ took, dimension }: Standing): Cover => (dimension === null ? took : { ...took, hours: [] })

/**
 * Sealed times of all journeys, whatever their value.
 * Reads   rollup, a row for each hour, day or week of the period.
 */
export async function timesOfAll(ask: Ask, standing: Standing, keys: KeyRange): Promise<Sum> {
  const rows = sealedRows(standing, coverOf(standing), [''], 'timeKeys, timeCounts')
  const sum = emptySum()
  for (const row of await ask<TimesRow>(timesStatement(rows, raw("''"), keys))) addTimes(sum, row)
  return sum
}

function addTimes({ times }: Sum, { keys, numbers }: TimesRow): void {
  for (const [index, key] of keys.entries()) times.set(key, (times.get(key) ?? 0) + (numbers[index] ?? 0))
}

/** No value has a control character. */
const labels = { other: '\x01', out: '\x02' } as const

/**
 * Sealed times of each of these values, of the other admitted ones together, and (null) of journeys without a value,
 * which are what all others leave of the whole.
 * Reads   rollup, a row for each day or week of the period and value.
 */
export async function timesByLabel(
  ask: Ask,
  standing: Standing,
  {
    kept,
    others,
    all,
    keys,
  }: {
    readonly kept: readonly string[]
    readonly others: readonly string[]
    readonly all: Sum
    readonly keys: KeyRange
  },
): Promise<(label: string | null) => Sum> {
  const byLabel = new Map<string | null, Sum>()
  if (standing.dimension !== null) {
    const rows = sealedRows(standing, coverOf(standing), [standing.dimension], 'timeKeys, timeCounts')
    const label = sql`multiIf(has(${param('Array(String)', kept)}, value), value,
      has(${param('Array(String)', others)}, value), ${param('String', labels.other)}, ${param('String', labels.out)})`
    for (const row of await ask<TimesRow>(timesStatement(rows, label, keys))) {
      const sum = emptySum()
      addTimes(sum, row)
      byLabel.set(row.label, sum)
    }
  }
  const without = emptySum()
  addSum(without, all, 1)
  for (const sum of byLabel.values()) addSum(without, sum, -1)
  byLabel.set(null, without)
  return (label) => byLabel.get(label) ?? emptySum()
}

/** The label of all values that have none of their own. */
export const otherLabel = labels.other
