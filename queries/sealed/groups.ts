import { param, sql } from '../../domain/sql.ts'
import type { QueryContext } from '../context.ts'
import type { Group } from '../grouping.ts'
import { byStarted, type Groups } from '../groups.ts'
import type { Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { sealedRows } from './statements.ts'
import { addSealed, addSum, countsOfSum, emptySum, hasAny, timesOfSum, type Sum } from './sums.ts'
import { askOf, sealedTallies, type Ask, type SealedRow } from './tallies.ts'

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
  const [sums = new Map<string | null, Sum>()] = (
    await sealedTallies(ask, subject, standing, { starts: null, times: true })
  ).values()
  const kept = keptValues(context.limits.breakdownRowsMax, subject, sums)
  const others = [...sums.keys()].flatMap((value) => (value === null || kept.includes(value) ? [] : [value]))
  const times = await timesByLabel(ask, standing, { kept, others })
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

/**
 * Sealed times of each value with a row of its own, of the other admitted ones together, and (null) of journeys without a value,
 * which are what all others leave of the whole.
 */
async function timesByLabel(
  ask: Ask,
  standing: Standing,
  { kept, others }: { readonly kept: readonly string[]; readonly others: readonly string[] },
): Promise<(label: string | null) => Sum> {
  const rows = await ask<SealedRow>(sql`
    SELECT dimension, multiIf(dimension = '', '', has(${param('Array(String)', kept)}, value), value,
        has(${param('Array(String)', others)}, value), ${param('String', labels.other)}, ${param('String', labels.out)}) AS label,
      label AS value, key, sum(added) AS number
    FROM (${sealedRows(standing, standing.dimension, 'timeKeys, timeCounts')}) ARRAY JOIN timeKeys AS key, timeCounts AS added
    GROUP BY dimension, label, key`)
  const byLabel = new Map<string | null, Sum>([[null, emptySum()]])
  for (const row of rows) {
    const label = row.dimension === '' ? null : row.value
    const sum = byLabel.get(label) ?? emptySum()
    byLabel.set(label, sum)
    addSealed(sum, row.key, Number(row.number), 0)
  }
  const without = byLabel.get(null) ?? emptySum()
  for (const [label, sum] of byLabel) if (label !== null) addSum(without, sum, -1)
  return (label) => byLabel.get(label) ?? emptySum()
}
