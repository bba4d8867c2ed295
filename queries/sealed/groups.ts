import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import { keysOfMeasure } from '../../domain/tally/keys.ts'
import type { QueryContext } from '../context.ts'
import type { Group } from '../grouping.ts'
import { byStarted, type Groups } from '../groups.ts'
import type { Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { sealedRows } from './statements.ts'
import { addSum, countsOfSum, emptySum, hasAny, timesOfSum, type Sum } from './sums.ts'
import { askOf, sealedTallies, type Ask } from './tallies.ts'

/**
 * What groupsOf() says, from sealed tallies.
 *
 * Reads   sealedTallies(); rollup once more, for the times.
 * Cost    hours and days of the period x values x (steps, and bins of their times); journeys touched since the seal; open ones.
 */
export async function sealedGroups(
  context: QueryContext,
  subject: Subject,
  standing: Standing,
  breakdown: string | undefined,
): Promise<Groups> {
  const ask = askOf(context)
  const [tallies, all] = await Promise.all([
    sealedTallies(ask, subject, standing, { starts: null, times: true }),
    timesOfAll(ask, standing),
  ])
  const [sums = new Map<string | null, Sum>()] = tallies.values()
  const kept = keptValues(context.limits.breakdownRowsMax, subject, sums)
  const others = [...sums.keys()].flatMap((value) => (value === null || kept.includes(value) ? [] : [value]))
  const times = await timesByLabel(ask, standing, { kept, others, all })
  const groups = [...sums].flatMap(([value, sum]) =>
    value === null || kept.includes(value) ? [{ value, other: false, sum }] : [],
  )
  for (const { value, sum } of groups) addSum(sum, times(value), 1)
  const other = emptySum()
  for (const value of others) addSum(other, sums.get(value) ?? emptySum(), 1)
  addSum(other, times(labels.other), 1)
  const whole = emptySum()
  for (const { sum } of [...groups, { sum: other }]) addSum(whole, sum, 1)
  const rows = [...groups, { value: null, other: true, sum: other }].filter(({ sum }) => hasAny(sum))
  return {
    whole: groupOf(subject, { whole: true, value: null, other: false, sum: whole }),
    values:
      breakdown === undefined ? [] : rows.map((row) => groupOf(subject, { whole: false, ...row })).sort(byStarted),
    grouping: breakdown === undefined ? null : { dimension: breakdown, kept },
    standing,
  }
}

function groupOf(
  { funnel }: Subject,
  { sum, ...named }: Pick<Group, 'whole' | 'value' | 'other'> & { readonly sum: Sum },
): Group {
  return { ...named, counts: countsOfSum(sum, funnel), ...timesOfSum(sum, funnel) }
}

/** Values that have a row of their own: those that most journeys started with. */
export function keptValues(
  rowsMax: number,
  { funnel }: Subject,
  sums: ReadonlyMap<string | null, Sum>,
): readonly string[] {
  return [...sums]
    .flatMap(([value, sum]) =>
      value === null || !hasAny(sum) ? [] : [{ value, started: countsOfSum(sum, funnel).entered[0] ?? 0 }],
    )
    .sort((a, b) => b.started - a.started || (a.value < b.value ? -1 : 1))
    .slice(0, rowsMax)
    .map(({ value }) => value)
}

/** No value has a control character. */
const labels = { other: '\x01', out: '\x02' } as const

interface TimesRow {
  readonly label: string
  readonly keys: readonly number[]
  readonly numbers: readonly number[]
}

/** A row a label: keys and journeys as two lists, since they are thousands. */
const timesStatement = (standing: Standing, label: Sql, dimension: Sql): Sql => sql`
  SELECT label, groupArray(key) AS keys, groupArray(toInt32(number)) AS numbers
  FROM (
    SELECT ${label} AS label, key, sum(added) AS number
    FROM (${sealedRows(standing, standing.dimension, 'timeKeys, timeCounts')}) ARRAY JOIN timeKeys AS key, timeCounts AS added
    WHERE ${dimension} AND key < ${param('UInt32', keysOfMeasure('whole')[0])}
    GROUP BY label, key HAVING number != 0
  )
  GROUP BY label`

async function timesOfAll(ask: Ask, standing: Standing): Promise<Sum> {
  const rows = await ask<TimesRow>(timesStatement(standing, raw("''"), raw("dimension = ''")))
  const sum = emptySum()
  for (const row of rows) addTimes(sum, row)
  return sum
}

function addTimes({ times }: Sum, { keys, numbers }: TimesRow): void {
  for (const [index, key] of keys.entries()) times.set(key, (times.get(key) ?? 0) + (numbers[index] ?? 0))
}

/**
 * Sealed times of each value with a row of its own, of the other admitted ones together, and (null) of journeys without a value,
 * which are what all others leave of the whole.
 */
async function timesByLabel(
  ask: Ask,
  standing: Standing,
  { kept, others, all }: { readonly kept: readonly string[]; readonly others: readonly string[]; readonly all: Sum },
): Promise<(label: string | null) => Sum> {
  const byLabel = new Map<string | null, Sum>()
  if (standing.dimension !== null) {
    const label = sql`multiIf(has(${param('Array(String)', kept)}, value), value,
      has(${param('Array(String)', others)}, value), ${param('String', labels.other)}, ${param('String', labels.out)})`
    for (const row of await ask<TimesRow>(timesStatement(standing, label, raw("dimension != ''")))) {
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
