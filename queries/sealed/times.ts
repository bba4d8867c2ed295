import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import type { Cover } from './cover.ts'
import type { Standing } from './standing.ts'
import { sealedRows } from './statements.ts'
import { addSum, addTime, emptySum, type Sum } from './sums.ts'
import type { Ask } from './tallies.ts'

/** Keys of times that are asked for: from the first to before the second. */
export type KeyRange = readonly [from: number, to: number]

interface TimesRow {
  readonly label: number
  readonly keys: readonly number[]
  readonly numbers: readonly number[]
}

/**
 * A row a label: keys and journeys as two lists, since they are thousands.
 * @param label of a row of rollups, a whole number
 */
const timesStatement = (rows: Sql, label: Sql, [from, to]: KeyRange): Sql => sql`
  SELECT label, groupArray(key) AS keys, groupArray(toInt32(number)) AS numbers
  FROM (
    SELECT label, key, sum(added) AS number
    FROM (SELECT toUInt16(${label}) AS label, timeKeys, timeCounts FROM (${rows}))
    ARRAY JOIN timeKeys AS key, timeCounts AS added
    WHERE key >= ${param('UInt32', from)} AND key < ${param('UInt32', to)}
    GROUP BY label, key HAVING number != 0
  )
  GROUP BY label
  SETTINGS max_threads = 1`

/** Values have no times by the hour: those are counted journey by journey (singleCounts()). */
const coverOf = ({ took, dimension }: Standing): Cover => (dimension === null ? took : { ...took, hours: [] })

/**
 * Sealed times of all journeys, whatever their value.
 * Reads   rollups, a row for each hour, day or week of the period.
 */
export async function timesOfAll(ask: Ask, standing: Standing, keys: KeyRange): Promise<Sum> {
  const rows = sealedRows(standing, coverOf(standing), [''], 'timeKeys, timeCounts')
  const sum = emptySum()
  for (const row of await ask<TimesRow>(timesStatement(rows, raw('0'), keys))) addTimes(sum, row)
  return sum
}

function addTimes(sum: Sum, { keys, numbers }: TimesRow): void {
  for (let index = 0; index < keys.length; index += 1) addTime(sum, keys[index] ?? 0, numbers[index] ?? 0)
}

/** The label of all admitted values that have none of their own. No value has a control character. */
export const otherLabel = '\x01'

/** Labels of a statement: the place of a kept value, from 1; these; 0 for a value that is not admitted. */
const otherNumber = 65_535
const outLabel = '\x02'

/**
 * Sealed times of each of these values, of the other admitted ones together, and (null) of journeys without a value,
 * which are what all others leave of the whole.
 * Reads   rollups, a row for each day or week of the period and value.
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
    /** all: whatever is not kept is admitted. */
    readonly others: readonly string[] | 'all'
    readonly all: Sum
    readonly keys: KeyRange
  },
): Promise<(label: string | null) => Sum> {
  const byLabel = new Map<string | null, Sum>()
  if (standing.dimension !== null) {
    const rows = sealedRows(standing, coverOf(standing), [standing.dimension], 'timeKeys, timeCounts')
    const place = sql`indexOf(${param('Array(String)', kept)}, value)`
    const isOther = others === 'all' ? sql`${place} = 0` : sql`value IN ${param('Array(String)', others)}`
    const label = sql`if(${isOther}, ${raw(String(otherNumber))}, ${place})`
    for (const row of await ask<TimesRow>(timesStatement(rows, label, keys))) {
      const sum = emptySum()
      addTimes(sum, row)
      byLabel.set(row.label === otherNumber ? otherLabel : (kept[row.label - 1] ?? outLabel), sum)
    }
  }
  const without = emptySum()
  addSum(without, all, 1)
  for (const sum of byLabel.values()) addSum(without, sum, -1)
  byLabel.set(null, without)
  return (label) => byLabel.get(label) ?? emptySum()
}
