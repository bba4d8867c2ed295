import { keysOfMeasure } from '../../domain/tally/keys.ts'
import type { QueryContext } from '../context.ts'
import type { Group } from '../grouping.ts'
import { byStarted, type Groups } from '../groups.ts'
import { admits, type Subject } from '../subject.ts'
import type { Standing } from './standing.ts'
import { addSum, countsOfSum, emptySum, hasAny, timesOfSum, type Sum } from './sums.ts'
import { askOf, sealedTallies } from './tallies.ts'
import { otherLabel, timesByLabel, timesOfAll, type KeyRange } from './times.ts'

/** Of steps; of the whole way they are asked by time-to-complete only. */
const stepKeys: KeyRange = [0, keysOfMeasure('whole')[0]]

/**
 * What groupsOf() says, from sealed tallies.
 *
 * Reads   sealedTallies() and timesOfAll() at once; for values timesByLabel().
 * Cost    hours, days and weeks of the period x values x (steps, and bins of their times); journeys touched since the seal; open ones.
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
    timesOfAll(ask, standing, stepKeys),
  ])
  const [sums = new Map<string | null, Sum>()] = tallies.values()
  const kept = keptValues(context.limits.breakdownRowsMax, subject, sums)
  const others = [...sums.keys()].flatMap((value) => (value === null || kept.includes(value) ? [] : [value]))
  let asked: ReturnType<typeof timesByLabel> | undefined
  const labelled = () =>
    (asked ??= timesByLabel(ask, standing, {
      kept,
      // Without conditions every value is admitted, and there may be thousands.
      others: subject.where.length === 0 ? 'all' : others,
      all,
      keys: stepKeys,
    }))

  const wholeOf = async (): Promise<Sum> => {
    const whole = emptySum()
    for (const sum of sums.values()) addSum(whole, sum, 1)
    // Without conditions every value is admitted: what the values are does not matter.
    if (subject.where.length === 0) addSum(whole, all, 1)
    else {
      const times = await labelled()
      const isNullIn = admits(subject, standing.dimension, null)
      for (const label of [...kept, otherLabel, ...(isNullIn ? [null] : [])]) addSum(whole, times(label), 1)
    }
    return whole
  }
  const valuesOf = async (): Promise<readonly Group[]> => {
    const times = await labelled()
    const row = (value: string | null, other: boolean, some: readonly (Sum | undefined)[]) => {
      const sum = emptySum()
      for (const one of [...some, times(other ? otherLabel : value)]) if (one !== undefined) addSum(sum, one, 1)
      return { whole: false, value, other, sum }
    }
    const own = [...sums.keys()].filter((value) => value === null || kept.includes(value))
    return [
      ...own.map((value) => row(value, false, [sums.get(value)])),
      row(
        null,
        true,
        others.map((value) => sums.get(value)),
      ),
    ]
      .filter(({ sum }) => hasAny(sum))
      .map((one) => groupOf(subject, one))
      .sort(byStarted)
  }
  return {
    whole: groupOf(subject, { whole: true, value: null, other: false, sum: await wholeOf() }),
    values: breakdown === undefined ? () => Promise.resolve([]) : valuesOf,
    grouping: breakdown === undefined ? null : { dimension: breakdown, kept },
    sealed: { standing, sums },
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
