import { shape } from '../limits.ts'
import { raw, type Sql } from '../sql.ts'

/**
 * Times as counts by bin. Below 256 ms every millisecond is a bin; from there on each doubling has 128 of equal
 * width (the log-linear bins of HdrHistogram, Tene 2012), so that a bin is at most 1/128 of its smallest time wide
 * and any value of it is within 0.8 % of any other. Bins are whole numbers made by shifts: they are the same
 * wherever they are counted, and counts of them add up.
 */
const perDoubling = 128
const shiftFrom = 7

/** More than any bin of a time that can be: 100 years of milliseconds have bin 4,600. */
export const binsMax = 8192

/** The bin of a column or expression of whole milliseconds, 0 or more. */
export function binOf(ms: string): Sql {
  return raw(
    `toUInt32(if(${ms} < ${2 * perDoubling}, ${ms}, (toUInt8(log2(${ms})) - ${shiftFrom - 1}) * ${perDoubling} + bitShiftRight(${ms}, toUInt8(log2(${ms})) - ${shiftFrom}) - ${perDoubling}))`,
  )
}

/** The bin of a time, ms. */
export function binAt(ms: number): number {
  if (ms < 2 * perDoubling) return ms
  const doubling = Math.floor(Math.log2(ms))
  return (doubling - shiftFrom + 1) * perDoubling + Math.floor(ms / 2 ** (doubling - shiftFrom)) - perDoubling
}

/** The times of a bin, ms: from the first to before the second. */
export function binRange(bin: number): readonly [from: number, to: number] {
  if (bin < 2 * perDoubling) return [bin, bin + 1]
  const width = 2 ** (Math.floor(bin / perDoubling) - 1)
  const from = (perDoubling + (bin % perDoubling)) * width
  return [from, from + width]
}

/** Steps at which people and tests measure, ms, the roundest first. */
const round = [86_400_000, 3_600_000, 600_000, 60_000, 30_000, 10_000, 5_000, 1_000, 500, 100, 50, 10, 5, 2, 1]

/** The roundest time of a bin stands for it: whole minutes and seconds, which are common, come out as they went in. */
export function timeOfBin(bin: number): number {
  const [from, to] = binRange(bin)
  for (const step of round) {
    const ms = Math.ceil(from / step) * step
    if (ms < to) return ms
  }
  return from
}

/** How many have each bin, by bin: of times within the longest window that there can be. */
export type BinCounts = Float64Array

const binsHeld = binAt(shape.windowMsMax) + 1

export const noBins = (): BinCounts => new Float64Array(binsHeld)

/**
 * The bins in which the values of ranks lie: of n values in ascending order those at floor(level * n), from 0, as
 * ClickHouse's quantileExact takes them.
 * @param counts none is below 0
 * @param levels ascending, from 0 to below 1
 * @returns a bin for each level; null for each when there are no values
 */
export function quantileBins(counts: BinCounts, levels: readonly number[]): readonly (number | null)[] {
  let total = 0
  for (let bin = 0; bin < counts.length; bin += 1) total += counts[bin] ?? 0
  const found: (number | null)[] = []
  let below = 0
  for (let bin = 0; bin < counts.length && found.length < levels.length; bin += 1) {
    below += counts[bin] ?? 0
    while (found.length < levels.length && Math.floor((levels[found.length] ?? 0) * total) < below) found.push(bin)
  }
  while (found.length < levels.length) found.push(null)
  return found
}
