import { Temporal } from 'temporal-polyfill'
import { InvalidParameter } from '../domain/errors.ts'
import { shape } from '../domain/limits.ts'
import type { Interval } from './answers.ts'
import type { PeriodInput } from './context.ts'

/** A half-open stretch of time as a zone sees it. */
export interface Period {
  /** Inclusive, ms since 1970. */
  readonly from: number
  /** Exclusive, ms since 1970; after `from`. */
  readonly to: number
  readonly tz: string
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const defaultDays = 28

const instantAllowed = 'an ISO 8601 date, such as 2026-03-29, or an instant with Z or an offset'

/**
 * The period that a caller asks for. A date is the start of that day in the zone. Without `to`, it ends with
 * the last whole day, or with today when `from` is today; without `from`, it has 28 days.
 * @throws {InvalidParameter} naming `from`, `to` or `tz`
 */
export function resolvePeriod(input: PeriodInput, defaultTz: string, nowMs: number): Period {
  const tz = input.tz === undefined ? defaultTz : knownZone(input.tz)
  const today = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(tz).startOfDay()
  const givenFrom = input.from === undefined ? undefined : moment('from', input.from, tz)
  const to = input.to === undefined ? defaultTo(today, givenFrom) : moment('to', input.to, tz)
  const from = givenFrom ?? zoned(to, tz).subtract({ days: defaultDays }).epochMilliseconds
  if (from >= to) throw new InvalidParameter('from', 'a moment before `to`')
  if (to - from > shape.periodDaysMax * dayMs)
    throw new InvalidParameter('from', `at most ${shape.periodDaysMax} days before \`to\``)
  return { from, to, tz }
}

function defaultTo(today: Temporal.ZonedDateTime, from: number | undefined): number {
  if (from === undefined || from < today.epochMilliseconds) return today.epochMilliseconds
  return today.add({ days: 1 }).startOfDay().epochMilliseconds
}

function knownZone(tz: string): string {
  const refused = new InvalidParameter('tz', 'an IANA time zone, such as Europe/London')
  // Offsets such as +01:00 are no IANA zones, though Intl takes them.
  if (tz.length > 64 || !/^[A-Za-z]/.test(tz)) throw refused
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: tz })
    zoned(0, tz)
    return tz
  } catch {
    throw refused
  }
}

const dateOnly = /^\d{4}-\d{2}-\d{2}$/
const withOffset = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}(?::?\d{2})?)$/i

function moment(parameter: 'from' | 'to', text: string, tz: string): number {
  try {
    if (dateOnly.test(text)) return Temporal.PlainDate.from(text).toZonedDateTime(tz).epochMilliseconds
    // A plus sign in a query string arrives as a space unless it was escaped; nothing else can be meant.
    const instant = text.replace(/ (?=\d{2}(?::?\d{2})?$)/, '+')
    if (withOffset.test(instant)) return Temporal.Instant.from(instant).epochMilliseconds
  } catch {
    // Such as 30 February: of the right form, and still no day.
  }
  throw new InvalidParameter(parameter, instantAllowed)
}

function zoned(ms: number, tz: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(tz)
}

/** As answers show an instant in a zone: ISO 8601 with the offset that holds there and then. */
export function isoInZone(ms: number, tz: string): string {
  return isoClock(tz)(ms)
}

/** The same for many instants, in ascending order best: the zone is asked again only where its clock changes. */
export function isoClock(tz: string): (ms: number) => string {
  let offset = { from: Infinity, until: -Infinity, ms: 0, text: '' }
  return (ms) => {
    if (ms < offset.from || ms >= offset.until) {
      const time = zoned(ms, tz)
      offset = {
        from: ms,
        until: time.getTimeZoneTransition('next')?.epochMilliseconds ?? Infinity,
        ms: time.offsetNanoseconds / 1e6,
        text: time.offset,
      }
    }
    // An offset with seconds (before 1972 there were some) has no ISO 8601 form.
    if (offset.ms % 60_000 !== 0) return new Date(ms).toISOString()
    return new Date(ms + offset.ms).toISOString().replace(/(?:\.000)?Z$/, '') + offset.text
  }
}

/**
 * Starts of the periods of a trend, ascending; the first is `period.from`, and each ends where the next begins,
 * the last at `period.to`. Weeks begin on Monday; days, weeks and months where the zone has them begin, so
 * that a day may have 23 or 25 hours. Hours begin at the zone's full hours and where its clock changes.
 * @throws {InvalidParameter} naming `interval`, when there are more than `periodsMax`
 */
export function trendStarts(period: Period, interval: Interval, periodsMax: number): number[] {
  // What can hold so many full intervals holds more than allowed; asked first, so that nothing long is begun.
  const shortestMs = { hour: hourMs, day: dayMs, week: 7 * dayMs, month: 28 * dayMs }[interval]
  const tooMany = new InvalidParameter('interval', `one of which the period has at most ${periodsMax}`)
  if ((period.to - period.from) / shortestMs > periodsMax * 1.2) throw tooMany
  const next = interval === 'hour' ? hourAfter(period) : (ms: number) => calendarAfter(ms, period.tz, interval)
  const starts: number[] = []
  for (let start = period.from; start < period.to; start = next(start)) {
    if (starts.length === periodsMax) throw tooMany
    starts.push(start)
  }
  return starts
}

function calendarAfter(ms: number, tz: string, interval: 'day' | 'week' | 'month'): number {
  const date = zoned(ms, tz).toPlainDate()
  let next =
    interval === 'day'
      ? date.add({ days: 1 })
      : interval === 'week'
        ? date.add({ days: 8 - date.dayOfWeek })
        : date.with({ day: 1 }).add({ months: 1 })
  let start = next.toZonedDateTime(tz).epochMilliseconds
  // A zone that moved across the date line has a date twice, or not at all.
  while (start <= ms) {
    next = next.add({ days: 1 })
    start = next.toZonedDateTime(tz).epochMilliseconds
  }
  return start
}

/**
 * The next full hour of the zone, or the change of its clock where that comes first.
 * Asking the zone costs more than adding, so it is asked once a day while the clock does not change.
 */
function hourAfter(period: Period): (ms: number) => number {
  let steadyUntil = -Infinity
  return (ms) => {
    if (ms + hourMs <= steadyUntil) return ms + hourMs
    const time = zoned(ms, period.tz)
    const change = time.getTimeZoneTransition('next')?.epochMilliseconds ?? Infinity
    const intoHour = (time.minute * 60 + time.second) * 1000 + time.millisecond
    const next = Math.min(ms - intoHour + hourMs, change)
    // From a full hour on, hours are full until the clock changes.
    steadyUntil = next < change ? Math.min(next + dayMs, change) : -Infinity
    return next
  }
}

/** Starts of the days of a zone, ms, ascending: the first at or before `from`, the last after `to`. */
export function dayStarts(tz: string, from: number, to: number): number[] {
  const starts = [zoned(from, tz).startOfDay().epochMilliseconds]
  for (let last = starts[0] ?? from; last <= to; starts.push(last)) last = calendarAfter(last, tz, 'day')
  return starts
}

/** Starts of its weeks, Mondays, the same way. */
export function weekStarts(tz: string, from: number, to: number): number[] {
  const date = zoned(from, tz).toPlainDate()
  const monday = date.subtract({ days: date.dayOfWeek - 1 }).toZonedDateTime(tz).epochMilliseconds
  const starts = [monday]
  for (let last = monday; last <= to; starts.push(last)) last = calendarAfter(last, tz, 'week')
  return starts
}

export const calendar = { days: dayStarts, weeks: weekStarts }
