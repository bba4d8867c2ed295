import { param, raw, sql } from '../domain/sql.ts'
import type { QueryContext } from './context.ts'
import { openAt, stoppedAt } from './counts.ts'
import { groupingOf, type Group } from './grouping.ts'
import type { Groups } from './groups.ts'
import { sealedSilent } from './sealed/silent.ts'
import { askOf } from './sealed/tallies.ts'
import type { Subject } from './subject.ts'
import { onVerdicts, stateCodes } from './verdicts.ts'

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
  readonly anyStale: number
  /** By position. */
  readonly silent: readonly string[]
}

/**
 * Counts provisional leavers: open, and without an event of any type for longer than the threshold.
 *
 * Reads   sealedSilent(), or journeysOf(), its open ones; nothing when none is open or no threshold is known.
 * Cost    as sealedSilent(); else one pass over the period's journeys.
 * @returns how many of a group are silent at a position; null where there is no threshold
 */
export async function silentCounter(
  context: QueryContext,
  subject: Subject,
  ask: { thresholds: Thresholds; groups: Groups },
): Promise<(group: Group, position: number) => number | null> {
  const { whole, sealed } = ask.groups
  const { counts } = whole
  const worthAsking = ask.thresholds.some((ms, index) => ms !== null && openAt(counts, index + 1) > 0)
  if (worthAsking && sealed !== null) {
    const silent = await sealedSilent(askOf(context), subject, { ...sealed, ...ask })
    return (group, position) => silentAt(group, position, silent(group, position))
  }
  const rows = worthAsking ? await countedSilent(context, subject, ask) : []
  return (group, position) =>
    silentAt(
      group,
      position,
      rows.find(
        ({ whole: isWhole, value, other }) =>
          (isWhole === 1) === group.whole && value === group.value && (other === 1) === group.other,
      )?.silent[position],
    )

  function silentAt(group: Group, position: number, silent: string | number | undefined): number | null {
    // Nobody is open at the last position: reaching it completes.
    if (position === subject.funnel.positions.length) return 0
    if ((ask.thresholds[position - 1] ?? null) === null) return null
    // Events that came between the two statements must not make more silent than open.
    return Math.max(0, Math.min(Number(silent ?? 0), openAt(group.counts, position)))
  }
}

function countedSilent(
  context: QueryContext,
  subject: Subject,
  { thresholds, groups: { grouping } }: { thresholds: Thresholds; groups: Groups },
): Promise<Row[]> {
  const { columns, group, groupBy } = groupingOf(grouping)
  return onVerdicts(subject, async (journeys) => {
    const rows = await context.reads.select<Row>(
      sql`
      SELECT ${group}, max(stale) AS anyStale,
        countIfResample(0, ${raw(String(thresholds.length + 1))}, 1)(${isSilent(subject, thresholds)}, depth) AS silent
      FROM (SELECT *, ${columns} FROM (${journeys}) WHERE state = ${raw(String(stateCodes.open))} OR stale = 1)
      ${groupBy}`,
      { secondsMax: context.limits.querySecondsMax },
    )
    return { result: rows, stale: rows.some(({ anyStale }) => anyStale > 0) }
  })
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
