import { cochranMantelHaenszel, commonOddsRatio, fittedExposedEvents, type Estimate } from './mantel-haenszel.ts'
import { studentBound, studentTwoSided } from './student.ts'

/** Journeys that started in one hour of one day, on one side of a change. */
export interface HourCount {
  readonly after: boolean
  /** Any number of the local calendar day; the next day has the next. */
  readonly day: number
  /** Hour of the week, 0 to 167: only equal hours are compared. */
  readonly hour: number
  readonly started: number
  readonly completed: number
}

export interface BeforeAfter {
  /** Completion rates over the hours that both sides have, each hour weighted as in `difference`; so they differ by it. */
  readonly before: number
  readonly after: number
  /** Rate after less rate before. */
  readonly difference: Estimate
  /** Odds of completing, after against before; null when nobody or everybody completes on one side. */
  readonly oddsRatio: Estimate | null
  /** Two-sided. */
  readonly pValue: number
  /** How many times the variance is that of journeys which do not depend on one another; at least 1. */
  readonly dispersion: number
  readonly degreesOfFreedom: number
  /** Hours of the week that both sides have. */
  readonly hours: number
}

export type NotComparable = 'no-common-hours' | 'all-alike' | 'too-few-days'

const significance = 0.05
/** Fewer say too little of how much days differ by themselves. */
const degreesMin = 5

/**
 * Cochran, Mantel and Haenszel's comparison of completion before and after a change, over the hours of the week,
 * with over-dispersion: days differ by more than chance (a partner is down, a letter goes out), and what one day's
 * journeys share does not average out among them.
 *
 * Completed journeys after the change, less those expected from the hours' margins, over their standard error,
 * are compared to Student's t. The variance is that of binomial counts plus that of a random effect of each day on
 * the log odds (model III of Williams 1982). The effect's variance is that which makes the squared residuals of
 * the days as large as they should be (Paule and Mandel 1982), never less than none; its correlation from one day to
 * the next is estimated by moments, never less than none (Box 1954 for the degrees of freedom that remain). Residuals are
 * those around the common odds ratio, so that a true drop is not taken for dispersion. A day's share of
 * each hour's margin is taken off its variance, so sparse hours are not taken for quiet ones.
 */
export function beforeAfter(counts: readonly HourCount[]): BeforeAfter | NotComparable {
  const hours = commonHours(counts)
  const tables = [...hours.values()]
  const { excess, weight } = cochranMantelHaenszel(tables)
  if (weight === 0) return 'no-common-hours'
  const fitted = fit(hours)
  const binomial = [...fitted.values()].reduce((sum, hour) => sum + hour.variance, 0)
  if (binomial === 0) return 'all-alike'
  const days = daysOf(counts, fitted)
  const effect = dayEffect(days)
  if (effect.degrees < degreesMin) return 'too-few-days'
  const variance = binomial + effect.variance * correlatedSquare(days, effect.correlation)
  const bound = studentBound(significance, effect.degrees)
  const value = excess / weight
  const half = (bound * Math.sqrt(variance)) / weight
  const before = standardised(tables, ({ otherEvents: c, otherOthers: d }) => c / (c + d))
  return {
    before,
    after: Math.min(1, Math.max(0, before + value)),
    difference: { value, low: Math.max(-1, value - half), high: Math.min(1, value + half) },
    oddsRatio: commonOddsRatio(tables, bound * Math.sqrt(variance / binomial)),
    pValue: studentTwoSided(excess / Math.sqrt(variance), effect.degrees),
    dispersion: variance / binomial,
    degreesOfFreedom: effect.degrees,
    hours: tables.length,
  }
}

export const isSignificant = ({ pValue }: BeforeAfter): boolean => pValue < significance

interface HourTable {
  exposedEvents: number
  exposedOthers: number
  otherEvents: number
  otherOthers: number
}

/** Hours of the week with journeys on both sides; exposed are those after the change. */
function commonHours(counts: readonly HourCount[]): ReadonlyMap<number, HourTable> {
  const hours = new Map<number, HourTable>()
  for (const { after, hour, started, completed } of counts) {
    const table = hours.get(hour) ?? { exposedEvents: 0, exposedOthers: 0, otherEvents: 0, otherOthers: 0 }
    table[after ? 'exposedEvents' : 'otherEvents'] += completed
    table[after ? 'exposedOthers' : 'otherOthers'] += started - completed
    hours.set(hour, table)
  }
  return new Map(
    [...hours].filter(
      ([, { exposedEvents: a, exposedOthers: b, otherEvents: c, otherOthers: d }]) => a + b > 0 && c + d > 0,
    ),
  )
}

interface Side {
  /** Fitted completion rate. */
  readonly rate: number
  /** Variance of one journey, without the bias of a rate that was estimated from so few. */
  readonly unit: number
  /** What a journey of this side counts in the excess, less its expectation. */
  readonly share: number
}

interface FittedHour {
  readonly started: number
  readonly before: Side
  readonly after: Side
  /** Of the hour's part of the excess, were journeys independent. */
  readonly variance: number
}

/** Each hour's rates, with one odds ratio between the sides. */
function fit(hours: ReadonlyMap<number, HourTable>): ReadonlyMap<number, FittedHour> {
  const ratio = commonOddsRatio([...hours.values()])?.value ?? 1
  return new Map(
    [...hours].map(([hour, table]) => {
      const { exposedEvents: a, exposedOthers: b, otherEvents: c, otherOthers: d } = table
      const [after, before] = [a + b, c + d]
      const started = after + before
      const events = fittedExposedEvents(table, ratio)
      const side = (rate: number, share: number): Side => ({
        rate,
        unit: Math.max(0, rate * (1 - rate)) * (started / (started - 1)),
        share,
      })
      const sides = {
        after: side(events / after, before / started),
        before: side((a + c - events) / before, -after / started),
      }
      const variance =
        sides.after.share ** 2 * after * sides.after.unit + sides.before.share ** 2 * before * sides.before.unit
      return [hour, { started, ...sides, variance }]
    }),
  )
}

interface Day {
  readonly day: number
  readonly after: boolean
  /** Completed, less fitted. */
  readonly residual: number
  /** Variance of the residual, were journeys independent. */
  readonly binomial: number
  /** How far the residual's variance rises with that of the day effect. */
  readonly effect: number
  /** What the day's effect moves in the excess. */
  readonly pull: number
  /** Part of the day that its own hours' rates have taken up. */
  readonly leverage: number
}

/** A day that a change divides is two, one on each side. */
function daysOf(counts: readonly HourCount[], hours: ReadonlyMap<number, FittedHour>): Day[] {
  const groups = new Map<string, HourCount[]>()
  for (const row of counts) {
    if (row.started === 0 || !hours.has(row.hour)) continue
    const key = `${row.day} ${row.after}`
    const rows = groups.get(key)
    if (rows === undefined) groups.set(key, [row])
    else rows.push(row)
  }
  const all = [...groups.values()]
  const byHour = all.map((rows) => startedByHour(rows))
  return all.map((rows, index) => {
    const shares = byHour.map((other) => shareOf(rows, other, hours))
    const own = shares[index] ?? 0
    let [residual, binomial, information, pull] = [0, 0, 0, 0]
    for (const { after, hour, started, completed } of rows) {
      const fitted = hours.get(hour)
      if (fitted === undefined) continue
      const side = after ? fitted.after : fitted.before
      residual += completed - started * side.rate
      binomial += ((started * (fitted.started - started)) / fitted.started) * side.unit
      information += started * side.unit
      pull += side.share * started * side.unit
    }
    return {
      day: rows[0]?.day ?? 0,
      after: rows[0]?.after ?? false,
      residual,
      binomial,
      effect: shares.reduce((sum, share, other) => sum + (other === index ? (information - own) ** 2 : share ** 2), 0),
      pull,
      leverage: information === 0 ? 1 : own / information,
    }
  })
}

function startedByHour(rows: readonly HourCount[]): ReadonlyMap<number, number> {
  const started = new Map<number, number>()
  for (const row of rows) started.set(row.hour, (started.get(row.hour) ?? 0) + row.started)
  return started
}

/** How far the rates that a day is compared to follow the effect of another day (or its own). */
function shareOf(
  rows: readonly HourCount[],
  other: ReadonlyMap<number, number>,
  hours: ReadonlyMap<number, FittedHour>,
): number {
  return rows.reduce((sum, { after, hour, started }) => {
    const fitted = hours.get(hour)
    const others = other.get(hour)
    if (fitted === undefined || others === undefined) return sum
    return sum + started * (after ? fitted.after : fitted.before).unit * (others / fitted.started)
  }, 0)
}

interface DayEffect {
  /** Of the log odds. */
  readonly variance: number
  /** From one day to the next, 0 to `correlationMax`. */
  readonly correlation: number
  readonly degrees: number
}

/** Higher ones cannot be told from a trend in so few days. */
const correlationMax = 0.8

function dayEffect(all: readonly Day[]): DayEffect {
  const days = all.filter(({ binomial }) => binomial > 0)
  // One day's worth is spent on the difference between the sides.
  const expected = days.length - 1
  const variance = risingUntil(
    (effect) =>
      days.reduce((sum, day) => sum + day.residual ** 2 / (day.binomial + effect * day.effect), 0) <= expected,
  )
  const correlation = variance === 0 ? 0 : correlationOf(days, variance)
  const free = days.reduce((sum, { leverage }) => sum + 1 - leverage, 0) - 1
  return { variance, correlation, degrees: (free * (1 - correlation ** 2)) / (1 + correlation ** 2) }
}

/** The smallest value from 0 for which `enough` holds, by halving; it holds from there on. */
function risingUntil(enough: (value: number) => boolean): number {
  if (enough(0)) return 0
  let [low, high] = [0, 1e-6]
  while (!enough(high) && high < 1e6) high *= 4
  for (let halving = 0; halving < 50; halving += 1) {
    const middle = (low + high) / 2
    if (enough(middle)) high = middle
    else low = middle
  }
  return high
}

function correlationOf(days: readonly Day[], variance: number): number {
  const byDay = new Map(days.map((day) => [`${day.day} ${day.after}`, day]))
  let [seen, whole] = [0, 0]
  for (const day of days) {
    const next = byDay.get(`${day.day + 1} ${day.after}`)
    if (next === undefined) continue
    const scale = Math.sqrt((day.binomial + variance * day.effect) * (next.binomial + variance * next.effect))
    seen += (day.residual * next.residual) / scale
    whole += (variance * Math.sqrt(day.effect * next.effect)) / scale
  }
  if (whole === 0) return 0
  // Taking the mean off a short series takes off some of its correlation: Kendall 1954, here of each side.
  const after = days.filter((day) => day.after).length
  const length = (after ** 2 + (days.length - after) ** 2) / days.length
  const estimate = seen / whole
  // Half a standard error more: too low an estimate is paid with false alarms, too high a one with a little power.
  const careful = estimate + (1 + 3 * estimate) / length + 0.5 / Math.sqrt(length)
  return Math.min(correlationMax, Math.max(0, careful))
}

/** Variance of the sum of the days' effects, each as strong as it pulls, for effects of variance 1. */
function correlatedSquare(days: readonly Day[], correlation: number): number {
  let sum = 0
  for (const one of days)
    for (const other of days) sum += correlation ** Math.abs(one.day - other.day) * one.pull * other.pull
  return Math.max(0, sum)
}

function standardised(tables: readonly HourTable[], rate: (table: HourTable) => number): number {
  let [sum, weights] = [0, 0]
  for (const table of tables) {
    const { exposedEvents: a, exposedOthers: b, otherEvents: c, otherOthers: d } = table
    const weight = ((a + b) * (c + d)) / (a + b + c + d)
    sum += weight * rate(table)
    weights += weight
  }
  return sum / weights
}
