import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import type { QueryContext } from '../context.ts'
import { isContiguous } from '../counts.ts'
import type { Group } from '../grouping.ts'
import { byStarted, type Groups } from '../groups.ts'
import { admits, type Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { clockedKeys, edgeJourneys, sealedRows, singleJourneys, valueOf } from './statements.ts'
import { addClocked, addSealed, addSum, clocked, countsOfSum, emptySum, timesOfSum, type Sum } from './sums.ts'

interface Row {
  readonly value: string
  readonly key: number
  readonly number: string
}

interface SealedRow extends Row {
  /** Empty: of all journeys. */
  readonly dimension: string
}

interface CountRow extends SealedRow {
  readonly hasElapsed: 0 | 1
}

type Ask = <Some>(statement: Sql) => Promise<Some[]>

/**
 * What groupsOf() says, from sealed tallies.
 *
 * Reads   rollup, a row for each hour or day of the period and value, twice (counts; times); unsealed and edge, journeys.
 * Cost    hours and days of the period x values x (steps, and bins of their times); journeys touched since the seal; open ones.
 */
export async function sealedGroups(
  context: QueryContext,
  subject: Subject,
  standing: Standing,
  breakdown: string | undefined,
): Promise<Groups> {
  const ask: Ask = <Some>(statement: Sql) =>
    context.reads.select<Some>(statement, { secondsMax: context.limits.querySecondsMax })
  const [sealed, single, edge] = await Promise.all([
    ask<CountRow>(sealedCounts(subject, standing)),
    ask<Row>(singleCounts(subject, standing)),
    ask<Row>(edgeCounts(subject, standing)),
  ])
  const sums = new Map<string | null, Sum>()
  const sumOf = (value: string | null): Sum => {
    const sum = sums.get(value) ?? emptySum()
    sums.set(value, sum)
    return sum
  }
  const all = emptySum()
  const valued = emptySum()
  for (const row of sealed) {
    const into = row.dimension === '' ? [all] : [sumOf(row.value), valued]
    for (const sum of into) addSealed(sum, row.key, Number(row.number), row.hasElapsed)
  }
  // Those without a value have no tally of their own: they are what the others leave of all.
  addSum(sumOf(null), all, 1)
  addSum(sumOf(null), valued, -1)
  for (const row of [...single, ...edge])
    addClocked(sumOf(row.value === '' ? null : row.value), row.key, Number(row.number))
  for (const value of sums.keys()) if (!admits(subject, standing.dimension, value)) sums.delete(value)

  const kept = keptValues(context, subject, sums)
  const others = [...sums.keys()].filter((value) => value !== null && !kept.includes(value))
  const times = await timesByLabel(ask, subject, standing, { kept, others: others.flatMap((value) => value ?? []) })
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

const sealedCounts = (subject: Subject, standing: Standing): Sql => sql`
  SELECT dimension, value, elapsed AS hasElapsed, key, sum(added) AS number
  FROM (${sealedRows(subject, standing, 'keys, counts')}) ARRAY JOIN keys AS key, counts AS added
  GROUP BY dimension, value, elapsed, key`

const singleCounts = (subject: Subject, standing: Standing): Sql => sql`
  SELECT ${valueOf(standing)} AS value, arrayJoin(${clockedKeys(subject)}) AS key, sum(sign) AS number
  FROM (${singleJourneys(subject, standing)})
  GROUP BY value, key
  HAVING number != 0`

/** A journey goes from where the tally has it to where it is now. */
function edgeCounts(subject: Subject, standing: Standing): Sql {
  const cells = String(clocked.cells)
  const entries = String(clocked.entries)
  // Where positions may be skipped, those that it entered have elapsed with it.
  const entered = isContiguous(subject.funnel)
    ? ''
    : `, if(elapsed = counted % 2, [], arrayFlatten(arrayMap(p -> [(toUInt32(${entries} + (p + 1) * 2 + 1), 1), (toUInt32(${entries} + (p + 1) * 2), -1)], bitPositionsToArray(entered))))`
  return sql`
  SELECT ${valueOf(standing)} AS value, move.1 AS key, sum(sign * move.2) AS number
  FROM (${edgeJourneys(subject, standing)})
  ARRAY JOIN arrayConcat([(toUInt32(${raw(cells)} + isNow), 1), (toUInt32(${raw(cells)} + counted), -1)]${raw(entered)}) AS move
  WHERE isNow != counted
  GROUP BY value, key
  HAVING number != 0`
}

/** Values that have a row of their own: those that most journeys started with. */
function keptValues(context: QueryContext, subject: Subject, sums: ReadonlyMap<string | null, Sum>): readonly string[] {
  return [...sums]
    .flatMap(([value, sum]) =>
      value === null ? [] : [{ value, started: countsOfSum(sum, subject.funnel).entered[0] ?? 0, sum }],
    )
    .filter(({ sum }) => hasAny(sum))
    .sort((a, b) => b.started - a.started || (a.value < b.value ? -1 : 1))
    .slice(0, context.limits.breakdownRowsMax)
    .map(({ value }) => value)
}

const hasAny = (sum: Sum): boolean => sum.unstarted + sum.excluded > 0 || sum.cells.some((count) => count !== 0)

/** No value has a control character. */
const labels = { other: '\x01', out: '\x02' } as const

/**
 * Sealed times of each value with a row of its own, of the other admitted ones together, and (null) of journeys without a value,
 * which are what all others leave of the whole.
 */
async function timesByLabel(
  ask: Ask,
  subject: Subject,
  standing: Standing,
  { kept, others }: { readonly kept: readonly string[]; readonly others: readonly string[] },
): Promise<(label: string | null) => Sum> {
  const rows = await ask<SealedRow>(sql`
    SELECT dimension, multiIf(dimension = '', '', has(${param('Array(String)', kept)}, value), value,
        has(${param('Array(String)', others)}, value), ${param('String', labels.other)}, ${param('String', labels.out)}) AS label,
      label AS value, key, sum(added) AS number
    FROM (${sealedRows(subject, standing, 'timeKeys, timeCounts')}) ARRAY JOIN timeKeys AS key, timeCounts AS added
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
