import { Temporal } from 'temporal-polyfill'
import { newcombe } from '../domain/statistics/newcombe.ts'
import type { Compared, Difference } from './answers.ts'
import { dayStarts, type Period } from './period.ts'

const dayMs = 86_400_000

/**
 * The period that a period is compared with. `previous`: as many days of the zone just before it where it is whole days, else
 * as long. `year`: between the same dates and times of the zone a year before.
 */
export function comparedPeriod({ from, to, tz }: Period, compare: Compared): Period {
  const zoned = (ms: number) => Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(tz)
  if (compare === 'year') {
    const earlier = (ms: number) => zoned(ms).subtract({ years: 1 }).epochMilliseconds
    // The 29th of February and the 1st of March have the same day a year before.
    return { from: earlier(from), to: Math.max(earlier(to), earlier(from) + 1), tz }
  }
  const isMidnight = (ms: number) => dayStarts(tz, ms, ms)[0] === ms
  if (!isMidnight(from) || !isMidnight(to)) return { from: from - (to - from), to: from, tz }
  const days = Math.round((to - from) / dayMs)
  return { from: zoned(from).subtract({ days }).epochMilliseconds, to: from, tz }
}

/** How much a proportion differs from another; null where one of them says nothing. */
export function differenceOf(
  now: { readonly part: number; readonly of: number },
  before: { readonly part: number; readonly of: number },
): Difference | null {
  const interval = newcombe(now.part, now.of, before.part, before.of)
  return interval === null ? null : { value: now.part / now.of - before.part / before.of, ...interval }
}
