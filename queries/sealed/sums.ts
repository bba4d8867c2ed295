import { binsMax, noBins, quantileBins, timeOfBin, type BinCounts } from '../../domain/tally/bins.ts'
import { keyOfTime, readKey, type Measure } from '../../domain/tally/keys.ts'
import type { Funnel } from '../../domain/service.ts'
import { cell, countsOf, isContiguous, type Counts, type StartedState } from '../counts.ts'
import { lastOfBin } from '../times.ts'

/**
 * Keys as a statement on single journeys gives them, which knows the clock: 0 unstarted, 1 excluded, 2 + cell of counts.ts,
 * 1024 + position * 2 + elapsed, times as in a tally, and, of an open one, 2^24 + depth * 8192 + bin of how long it has been quiet.
 */
export const clocked = { unstarted: 0, excluded: 1, cells: 2, entries: 1024, times: 4096, quiet: 1 << 24 } as const

/** Of which journeys a tally is: their first start + window has passed, passes in this hour, or passes later. */
export const sides = { elapsed: 0, passing: 1, later: 2 } as const

/** A tally at a moment: a sum of what statements gave, by key. */
export interface Sum {
  unstarted: number
  excluded: number
  readonly cells: number[]
  readonly entered: number[]
  readonly elapsedEntered: number[]
  /** Journeys by bin of the time that they took, by what it is of: the measure and position of its keys. */
  readonly times: Map<number, BinCounts>
  /** Open journeys by depth * 8192 + bin of how long they have been quiet: only those that no tally has. */
  readonly quiet: Map<number, number>
}

export function emptySum(): Sum {
  return { unstarted: 0, excluded: 0, cells: [], entered: [], elapsedEntered: [], times: new Map(), quiet: new Map() }
}

const add = (counts: number[], index: number, number: number): void => {
  while (counts.length <= index) counts.push(0)
  counts[index] = (counts[index] ?? 0) + number
}

const addTo = (counts: Map<number, number>, key: number, number: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + number)

/** @param key of a time */
export function addTime({ times }: Pick<Sum, 'times'>, key: number, number: number): void {
  const place = Math.floor(key / binsMax)
  let bins = times.get(place)
  if (bins === undefined) times.set(place, (bins = noBins()))
  const bin = key % binsMax
  bins[bin] = (bins[bin] ?? 0) + number
}

/** Journeys by bin of one measure at one position. */
export const binsOf = ({ times }: Pick<Sum, 'times'>, measure: Measure, position: number): BinCounts =>
  times.get(Math.floor(keyOfTime(measure, position) / binsMax)) ?? noBins()

/**
 * Adds sealed journeys. Of those that are neither completed nor failed, later ones are open, and others count as abandoned until
 * the edge says otherwise.
 */
export function addSealed(sum: Sum, key: number, number: number, side: number): void {
  const read = readKey(key)
  const elapsed = side === sides.elapsed ? 1 : 0
  if (read.what === 'unstarted') sum.unstarted += number
  else if (read.what === 'excluded') sum.excluded += number
  else if (read.what === 'time') addTime(sum, key, number)
  else if (read.what === 'entered') {
    add(sum.entered, read.position - 1, number)
    if (elapsed === 1) add(sum.elapsedEntered, read.position - 1, number)
  } else {
    const pending: StartedState = side === sides.later ? 'open' : 'abandoned'
    add(sum.cells, cell(read.depth, read.ending === 'pending' ? pending : read.ending, elapsed), number)
  }
}

export function addClocked(sum: Sum, key: number, number: number): void {
  if (key >= clocked.quiet) addTo(sum.quiet, key - clocked.quiet, number)
  else if (key >= clocked.times) addTime(sum, key, number)
  else if (key >= clocked.entries) {
    const entry = key - clocked.entries
    add(sum.entered, Math.floor(entry / 2) - 1, number)
    if (entry % 2 === 1) add(sum.elapsedEntered, Math.floor(entry / 2) - 1, number)
  } else if (key === clocked.unstarted) sum.unstarted += number
  else if (key === clocked.excluded) sum.excluded += number
  else add(sum.cells, key - clocked.cells, number)
}

/** Journeys as movedCounts() gives them. */
export interface MovedRow {
  readonly depth: number
  /** A bit for each position, the first lowest; a whole number of 64 bits. */
  readonly entered: string
  readonly completed: 0 | 1
  readonly failed: 0 | 1
  readonly inHour: 0 | 1
  readonly hasElapsed: 0 | 1
  readonly isLate: 0 | 1
  readonly number: string
}

/** Takes journeys from where their tally counts them to where the clock has them. */
export function addMoved(sum: Sum, row: MovedRow): void {
  const { depth, completed, failed, hasElapsed } = row
  const number = Number(row.number)
  const ended: StartedState = completed === 1 ? 'completed' : failed === 1 ? 'failed' : 'abandoned'
  const state: StartedState = ended === 'abandoned' && row.isLate === 1 ? 'open' : ended
  const wasElapsed = row.inHour === 1 ? 0 : 1
  add(sum.cells, cell(depth, ended, wasElapsed), -number)
  add(sum.cells, cell(depth, state, hasElapsed), number)
  if (wasElapsed === hasElapsed) return
  for (const [index, bit] of [...BigInt(row.entered).toString(2)].reverse().entries())
    if (bit === '1') add(sum.elapsedEntered, index, number)
}

/** Adds another sum so many times: once, or -1 to take it away. */
export function addSum(sum: Sum, other: Sum, times: 1 | -1): void {
  sum.unstarted += times * other.unstarted
  sum.excluded += times * other.excluded
  for (const name of ['cells', 'entered', 'elapsedEntered'] as const)
    for (const [index, number] of other[name].entries()) add(sum[name], index, times * number)
  for (const [key, number] of other.quiet) addTo(sum.quiet, key, times * number)
  for (const [place, bins] of other.times) {
    let into = sum.times.get(place)
    if (into === undefined) sum.times.set(place, (into = noBins()))
    for (let bin = 0; bin < bins.length; bin += 1) into[bin] = (into[bin] ?? 0) + times * (bins[bin] ?? 0)
  }
}

export function countsOfSum(sum: Sum, funnel: Funnel): Counts {
  // Whole depths, whichever was the last that anybody is in.
  const cells = Array.from(
    { length: cell(funnel.positions.length + 1, 'completed', 0) },
    (_, index) => sum.cells[index] ?? 0,
  )
  return countsOf({ ...sum, cells }, funnel, { entered: sum.entered, elapsed: sum.elapsedEntered })
}

/** By position - 1: median and 90 % of the time since the position before (ms), and 95 % of that until the next. */
export function timesOfSum(sum: Sum, funnel: Funnel): { since: { median: number; p90: number }[]; until: number[] } {
  const positions = funnel.positions.map((_, index) => index + 1)
  return {
    since: positions.map((position) => {
      const [median, p90] = quantileBins(binsOf(sum, 'since', position), [0.5, 0.9])
      return { median: timeOfBin(median ?? 0), p90: timeOfBin(p90 ?? 0) }
    }),
    until: positions.map((position) => {
      const waits = isContiguous(funnel) ? binsOf(sum, 'since', position + 1) : binsOf(sum, 'until', position)
      const [longest] = quantileBins(waits, [silenceLevel])
      return lastOfBin(longest ?? 0)
    }),
  }
}

/** A hair under 0.95: of n waits the one of rank 0.95 n, from 1, so that longer than it is longer than 95 %. */
export const silenceLevel = 0.949999999

export const hasAny = (sum: Sum): boolean => sum.unstarted + sum.excluded > 0 || sum.cells.some((count) => count !== 0)
