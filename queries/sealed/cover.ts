import { join, param, raw, sql, type Sql } from '../../domain/sql.ts'

export const hourMs = 3_600_000

/** The cohort hour of a moment. */
export const hourOf = (ms: number): number => Math.floor(ms / hourMs) * hourMs

/** Half-open, ms. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** A period as disjoint pieces: whole weeks, days and hours that tallies answer, and what cuts an hour. */
export interface Cover {
  readonly weeks: readonly Range[]
  readonly days: readonly Range[]
  readonly hours: readonly Range[]
  /** Less than an hour each: answered from facts. */
  readonly cuts: readonly Range[]
}

/** Starts of the weeks and days of the zone that tallies are of, ascending; none of a grain that is not to be read. */
export interface Begins {
  readonly weeks: readonly number[]
  readonly days: readonly number[]
}

type Filled = { readonly [Grain in keyof Cover]: Range[] }

/**
 * The fewest tallies that are a period.
 * @param held tallies hold journeys between these; outside there is nothing to read
 * @param apart start of an hour that is to be read by itself, never within a day or a week; null: there is none
 */
export function coverOf(period: Range, held: Range, begins: Begins, apart: number | null): Cover {
  const cover: Filled = { weeks: [], days: [], hours: [], cuts: [] }
  const range = { from: Math.max(period.from, held.from), to: Math.min(period.to, held.to) }
  if (range.from < range.to)
    fill(cover, range, [['weeks', begins.weeks] as const, ['days', begins.days] as const], apart)
  return cover
}

/** By the coarsest grain as far as it fits, and what it leaves at both ends by the finer ones. */
function fill(
  cover: Filled,
  range: Range,
  grains: readonly (readonly [grain: 'weeks' | 'days', starts: readonly number[]])[],
  apart: number | null,
): void {
  const [coarsest, ...finer] = grains
  if (coarsest === undefined) {
    byHours(cover, range)
    return
  }
  const [grain, starts] = coarsest
  let at = range.from
  for (const [index, from] of starts.entries()) {
    const to = starts[index + 1]
    if (to === undefined || from < range.from || to > range.to) continue
    if (apart !== null && from < apart + hourMs && to > apart) continue
    if (from > at) fill(cover, { from: at, to: from }, finer, apart)
    append(cover[grain], { from, to })
    at = to
  }
  if (at < range.to) fill(cover, { from: at, to: range.to }, finer, apart)
}

function byHours(cover: Filled, { from, to }: Range): void {
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
export function cutsNoTally(starts: readonly number[], begins: Begins, cover: Cover): boolean {
  const days = new Set(begins.days)
  const weeks = new Set(begins.weeks)
  const isInside = (start: number) => (range: Range) => start > range.from && start < range.to
  return starts.every(
    (start) =>
      (start % hourMs === 0 || !cover.hours.some(isInside(start))) &&
      (days.has(start) || !cover.days.some(isInside(start))) &&
      (weeks.has(start) || !cover.weeks.some(isInside(start))),
  )
}

/** Whether a column (Int64, ms) lies in any of these. */
export const within = (column: string, ranges: readonly Range[]): Sql =>
  ranges.length === 0
    ? raw('0')
    : sql`(${join(
        ranges.map(
          ({ from, to }) => sql`(${raw(column)} >= ${param('Int64', from)} AND ${raw(column)} < ${param('Int64', to)})`,
        ),
        ' OR ',
      )})`
