const hourMs = 3_600_000

/** Half-open, ms. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** A period as disjoint pieces: whole days and whole hours that tallies answer, and what cuts an hour. */
export interface Cover {
  readonly days: readonly Range[]
  readonly hours: readonly Range[]
  /** Less than an hour each: answered from facts. */
  readonly cuts: readonly Range[]
}

/**
 * The fewest tallies that are a period. The hour in which a window passes now is an hour by itself, never within a day,
 * so that each tally is of journeys whose window has passed, or of others.
 * @param held tallies hold journeys between these; outside there is nothing to read
 * @param days starts of the days of the service's zone around the period, ascending
 * @param split ms: journeys that started before it have elapsed
 */
export function coverOf(period: Range, held: Range, days: readonly number[], split: number): Cover {
  const from = Math.max(period.from, held.from)
  const to = Math.min(period.to, held.to)
  const hour = Math.floor(split / hourMs) * hourMs
  const cover = { days: [] as Range[], hours: [] as Range[], cuts: [] as Range[] }
  if (from >= to) return cover
  let at = from
  for (const [index, start] of days.entries()) {
    const end = days[index + 1]
    if (end === undefined || end <= from || start >= to) continue
    const isWhole = start >= period.from && end <= period.to && (start >= hour + hourMs || end <= hour)
    if (!isWhole) continue
    if (start > at) byHours(cover, { from: at, to: start })
    append(cover.days, { from: start, to: end })
    at = end
  }
  if (at < to) byHours(cover, { from: at, to })
  return cover
}

function byHours(cover: { hours: Range[]; cuts: Range[] }, { from, to }: Range): void {
  const first = Math.ceil(from / hourMs) * hourMs
  const last = Math.floor(to / hourMs) * hourMs
  if (first > last) {
    append(cover.cuts, { from, to })
    return
  }
  if (from < first) append(cover.cuts, { from, to: first })
  if (first < last) append(cover.hours, { from: first, to: last })
  if (last < to) append(cover.cuts, { from: last, to })
}

/** Ranges that touch are one. */
function append(ranges: Range[], range: Range): void {
  const last = ranges.at(-1)
  if (last?.to === range.from) ranges[ranges.length - 1] = { from: last.from, to: range.to }
  else ranges.push(range)
}

/**
 * Whether each of these moments is where a tally of the cover begins: then no tally lies on both sides of one. A day of a zone
 * may begin within an hour, and that day not be whole in the period: then the hour is one tally.
 */
export function cutsNoTally(starts: readonly number[], days: readonly number[], cover: Cover): boolean {
  const known = new Set(days)
  const isInside = (start: number) => (range: Range) => start > range.from && start < range.to
  return starts.every(
    (start) =>
      (start % hourMs === 0 || !cover.hours.some(isInside(start))) &&
      (known.has(start) || !cover.days.some(isInside(start))),
  )
}
