/**
 * Periods of a zone's calendar, found by walking through time and asking Intl what the clock on the wall says.
 * Every offset of a zone in use, and every change of it, is a multiple of a quarter of an hour.
 * @param from milliseconds; the first period is cut to it
 * @param to milliseconds, exclusive; the last period is cut to it
 */
export function zonedPeriods(
  from: number,
  to: number,
  interval: 'hour' | 'day' | 'week' | 'month',
  tz: string,
): { start: number; end: number }[] {
  const wall = wallClock(tz)
  const label = (instant: number) => periodLabel(wall(instant), interval)
  const periods: { start: number; end: number }[] = []
  const quarterMs = 15 * 60 * 1000
  let start = from
  for (let instant = from; instant < to;) {
    const next = Math.min(to, (Math.floor(instant / quarterMs) + 1) * quarterMs)
    if (next === to || label(next) !== label(start)) {
      periods.push({ start, end: next })
      start = next
    }
    instant = next
  }
  return periods
}

interface Wall {
  readonly date: string
  readonly hour: string
  readonly offset: string
}

function wallClock(timeZone: string): (instant: number) => Wall {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    timeZoneName: 'longOffset',
  })
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]))
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? ''
    return {
      date: `${part('year')}-${part('month')}-${part('day')}`,
      hour: part('hour'),
      offset: part('timeZoneName'),
    }
  }
}

/** Equal for instants of the same period. The hour that the clock shows twice in autumn is two hours. */
function periodLabel({ date, hour, offset }: Wall, interval: 'hour' | 'day' | 'week' | 'month'): string {
  switch (interval) {
    case 'hour':
      return `${date} ${hour} ${offset}`
    case 'day':
      return date
    case 'week':
      return mondayOf(date)
    case 'month':
      return date.slice(0, 7)
  }
}

function mondayOf(date: string): string {
  const day = new Date(`${date}T00:00:00Z`)
  const sinceMonday = (day.getUTCDay() + 6) % 7
  return new Date(day.getTime() - sinceMonday * 24 * 60 * 60 * 1000).toISOString().slice(0, 10)
}
