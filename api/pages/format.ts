import type { Rate } from '../../queries/answers.ts'

/** How figures and times are written for people: British English, times in the zone that the answer names. */

const whole = new Intl.NumberFormat('en-GB')
const twoDecimals = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const oneDecimal = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** 1434 → `1,434`. */
export function count(value: number): string {
  return whole.format(value)
}

/**
 * 0.54672 → `54.7%`. What is not all and not none is never written as if it were: 0.9999 is `over 99.9%`.
 */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return 'under 0.1%'
  if (share < 1 && share >= 0.9995) return 'over 99.9%'
  return `${oneDecimal.format(share * 100)}%`
}

/** 0.54672 → `54.67%`: where the figure itself is wanted beside its rounded form. What is not all and not none is never written as if it were. */
export function exactPercent(share: number): string {
  const shown = share < 1 ? Math.min(0.9999, share) : 1
  return `${twoDecimals.format((shown > 0 ? Math.max(0.0001, shown) : 0) * 100)}%`
}

/** What stands for a figure about which nothing can be said. */
export const unknown = '–'

export function percentOf(part: number, all: number): string {
  return all === 0 ? unknown : percent(part / all)
}

/** `52.1 to 57.2%`: the unit once, for columns have little room. */
export function interval({ low, high }: Rate): string {
  return `${oneDecimal.format(low * 100)} to ${oneDecimal.format(high * 100)}%`
}

/** `1 journey`, `2 journeys`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** The two largest units that matter: `45 seconds`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const rounded = Math.round(seconds)
  if (rounded < 60) return `${rounded} s`
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const
  const first = units.findIndex(([, size]) => rounded >= size)
  const parts: string[] = []
  let rest = rounded
  for (const [unit, size] of units.slice(first, first + 2)) {
    const value = Math.floor(rest / size)
    rest -= value * size
    if (value > 0) parts.push(`${value} ${unit}`)
  }
  return parts.join(' ')
}

interface LocalTime {
  /** `2026-11-23` */
  readonly date: string
  /** `07:05:00` */
  readonly time: string
}

function localTime(instantMs: number, tz: string): LocalTime {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: tz,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(instantMs)
  const part = (type: string): string => parts.find((candidate) => candidate.type === type)?.value ?? ''
  return {
    date: `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`,
    time: `${part('hour')}:${part('minute')}:${part('second')}`,
  }
}

/** The day that it is there: `2026-11-23`. */
export function localDate(instantMs: number, tz: string): string {
  return localTime(instantMs, tz).date
}

/** The day after a day, both `YYYY-MM-DD`. */
export function dayAfter(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
}

/** The day so many days before one, both `YYYY-MM-DD`. */
export function daysBefore(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10)
}

function longDate(instantMs: number, tz: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone: tz, day: 'numeric', month: 'long', year: 'numeric' }).format(
    instantMs,
  )
}

/** `23 November 2026 at 07:05`. */
export function longTime(instantMs: number, tz: string): string {
  return `${longDate(instantMs, tz)} at ${localTime(instantMs, tz).time.slice(0, 5)}`
}

/**
 * A period as people say it: its last day is the last one inside it, `26 October 2026 to 22 November 2026`; with
 * times where it is not whole days of the zone.
 * @param from ISO 8601 instant, inclusive
 * @param to ISO 8601 instant, exclusive
 */
export function period({ from, to, tz }: { from: string; to: string; tz: string }): string {
  const fromMs = Date.parse(from)
  const toMs = Date.parse(to)
  const midnight = '00:00:00'
  if (localTime(fromMs, tz).time !== midnight || localTime(toMs, tz).time !== midnight)
    return `${longTime(fromMs, tz)} until ${longTime(toMs, tz)}`
  const first = longDate(fromMs, tz)
  const last = longDate(toMs - 1, tz)
  return first === last ? first : `${first} to ${last}`
}
