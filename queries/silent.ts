import { param, sql } from '../domain/sql.ts'
import { binAt, binsMax } from '../domain/tally/bins.ts'
import type { QueryContext } from './context.ts'
import { openAt, stoppedAt } from './counts.ts'
import type { Group } from './grouping.ts'
import type { Groups } from './groups.ts'
import { sealedSilent } from './sealed/silent.ts'
import { askOf } from './sealed/tallies.ts'
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

/**
 * Counts provisional leavers: open, and without an event of any type for longer than the threshold.
 *
 * Reads   sealedSilent(); nothing when none is open, no threshold is known, or journeys were counted one by one.
 * @returns how many of a group are silent at a position; null where there is no threshold
 */
export async function silentCounter(
  context: QueryContext,
  subject: Subject,
  ask: { thresholds: Thresholds; groups: Groups },
): Promise<(group: Group, position: number) => number | null> {
  const { sealed, whole } = ask.groups
  const isWorthAsking = ask.thresholds.some((ms, index) => ms !== null && openAt(whole.counts, index + 1) > 0)
  const silent =
    isWorthAsking && sealed !== null ? await sealedSilent(askOf(context), subject, { ...sealed, ...ask }) : longQuiet
  return (group, position) => {
    // Nobody is open at the last position: reaching it completes.
    if (position === subject.funnel.positions.length) return 0
    const threshold = ask.thresholds[position - 1] ?? null
    if (threshold === null) return null
    // Events that came between two statements must not make more silent than open, or fewer than none.
    return Math.max(0, Math.min(silent(group, position, threshold), openAt(group.counts, position)))
  }
}

/** Of journeys that were counted one by one. Thresholds are the last of a bin, so bins tell who has been quiet for longer. */
function longQuiet({ quiet }: Group, position: number, threshold: number): number {
  const last = position * binsMax + binAt(threshold)
  let sum = 0
  for (const [key, count] of quiet ?? []) if (key > last && key < (position + 1) * binsMax) sum += count
  return sum
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
