import { param, raw, sql } from '../domain/sql.ts'
import { binAt, binsMax } from '../domain/tally/bins.ts'
import type { QueryContext } from './context.ts'
import { openAt, stoppedAt } from './counts.ts'
import { groupingOf, type Group } from './grouping.ts'
import type { Groups } from './groups.ts'
import { openJourneys } from './sealed/statements.ts'
import type { Standing } from './sealed/standing.ts'
import type { Subject } from './subject.ts'

/** So many must have gone on from a step before anyone there is called silent. */
const wentOnMin = 20

/**
 * By position - 1: how long one may be quiet (ms) before being silent; null while too few have gone on to say.
 * The measure is how long those who went on waited there, from reaching the step to reaching the next one. It is
 * taken over all journeys of the answer, or of a longer stretch, so that the rows of a breakdown add up.
 */
export type Thresholds = readonly (number | null)[]

/** @param judges all journeys whose waits count */
export function thresholdsOf({ counts, until }: Group): Thresholds {
  return counts.entered.map((entered, index) =>
    entered - stoppedAt(counts, index + 1) < wentOnMin ? null : (until[index] ?? null),
  )
}

interface Row {
  readonly whole: number
  readonly value: string | null
  readonly other: number
  /** By position. */
  readonly silent: readonly string[]
}

/**
 * Counts provisional leavers: open, and without an event of any type for longer than the threshold.
 *
 * Reads   the open journeys of a seal; nothing when none is open, no threshold is known, or journeys were counted one by one.
 * Cost    one pass over the open journeys.
 * @returns how many of a group are silent at a position; null where there is no threshold
 */
export async function silentCounter(
  context: QueryContext,
  subject: Subject,
  ask: { thresholds: Thresholds; groups: Groups },
): Promise<(group: Group, position: number) => number | null> {
  const { standing, whole } = ask.groups
  const worthAsking = ask.thresholds.some((ms, index) => ms !== null && openAt(whole.counts, index + 1) > 0)
  const rows = worthAsking && standing !== null ? await silentRows(context, subject, { ...ask, standing }) : []
  return (group, position) => {
    // Nobody is open at the last position: reaching it completes.
    if (position === subject.funnel.positions.length) return 0
    const threshold = ask.thresholds[position - 1] ?? null
    if (threshold === null) return null
    if (group.quiet !== undefined) return longerQuiet(group.quiet, position, threshold)
    const row = rows.find(
      ({ whole, value, other }) =>
        (whole === 1) === group.whole && value === group.value && (other === 1) === group.other,
    )
    // Events that came between the two statements must not make more silent than open.
    return Math.min(Number(row?.silent[position] ?? 0), openAt(group.counts, position))
  }
}

/** Thresholds are the last of a bin, so bins tell who has been quiet for longer. */
function longerQuiet(quiet: ReadonlyMap<number, number>, position: number, threshold: number): number {
  const last = position * binsMax + binAt(threshold)
  return [...quiet].reduce((sum, [key, count]) => (key > last && key < (position + 1) * binsMax ? sum + count : sum), 0)
}

function silentRows(
  context: QueryContext,
  subject: Subject,
  { thresholds, groups: { grouping }, standing }: { thresholds: Thresholds; groups: Groups; standing: Standing },
): Promise<Row[]> {
  const { columns, group, groupBy } = groupingOf(grouping)
  return context.reads.select<Row>(
    sql`
      SELECT ${group},
        sumIfResample(0, ${raw(String(thresholds.length + 1))}, 1)(toInt64(sign), ${isSilent(subject, thresholds)}, depth) AS silent
      FROM (SELECT *, ${columns} FROM (${openJourneys(subject, standing)}))
      ${groupBy}`,
    { secondsMax: context.limits.querySecondsMax },
  )
}

/** No quiet is longer than this, in ms. */
const never = Number.MAX_SAFE_INTEGER

/** Whether a row of journeysOf() that is open is silent. */
export function isSilent({ now }: Subject, thresholds: Thresholds) {
  const limits = param(
    'Array(Int64)',
    thresholds.map((ms) => ms ?? never),
  )
  return sql`${param('Int64', now)} - lastAt > ${limits}[depth]`
}
