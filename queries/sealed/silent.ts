import { binAt, binsMax } from '../../domain/tally/bins.ts'
import { openAt } from '../counts.ts'
import type { Group } from '../grouping.ts'
import type { Groups } from '../groups.ts'
import type { Thresholds } from '../silent.ts'
import { admits, type Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { lateCounts } from './statements.ts'
import type { Sum } from './sums.ts'
import type { Ask } from './tallies.ts'

/**
 * How many of a group are silent at a position: the open ones, less those that were seen of late. Of single journeys the sums
 * say how long they have been quiet, by bins in which no threshold lies.
 *
 * Reads   lateCounts().
 * Cost    open journeys with an event within the longest threshold.
 */
export async function sealedSilent(
  ask: Ask,
  subject: Subject,
  {
    standing,
    sums,
    thresholds,
    groups,
  }: {
    readonly standing: Standing
    readonly sums: ReadonlyMap<string | null, Sum>
    readonly thresholds: Thresholds
    readonly groups: Pick<Groups, 'grouping'>
  },
): Promise<(group: Group, position: number) => number> {
  const since = thresholds.map((ms) => (ms === null ? Number.MAX_SAFE_INTEGER : subject.now - ms))
  const rows = await ask<{ value: string; depth: number; number: string }>(lateCounts(standing, since))
  const late = new Map<string | null, number[]>()
  const add = (value: string | null, depth: number, number: number) => {
    if (!admits(subject, standing.dimension, value)) return
    const counts = late.get(value) ?? []
    counts[depth] = (counts[depth] ?? 0) + number
    late.set(value, counts)
  }
  for (const { value, depth, number } of rows) add(value === '' ? null : value, depth, Number(number))
  for (const [value, { quiet }] of sums)
    for (const [key, number] of quiet) {
      const depth = Math.floor(key / binsMax)
      const threshold = thresholds[depth - 1] ?? null
      if (threshold !== null && key % binsMax <= binAt(threshold)) add(value, depth, number)
    }
  const kept = new Set<string | null>([...(groups.grouping?.kept ?? []), null])
  const isIn = (group: Group, value: string | null) =>
    group.whole || (group.other ? !kept.has(value) : value === group.value)
  return (group, position) => {
    let seen = 0
    for (const [value, counts] of late) if (isIn(group, value)) seen += counts[position] ?? 0
    return openAt(group.counts, position) - seen
  }
}
