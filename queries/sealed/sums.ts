import { binsMax, quantileBin, timeOfBin } from '../../domain/tally/bins.ts'
import { keyOfTime, readKey, type Measure } from '../../domain/tally/keys.ts'
import type { Funnel } from '../../domain/service.ts'
import { cell, countsOf, isContiguous, type Counts, type StartedState } from '../counts.ts'
import { lastOfBin } from '../times.ts'

/**
 * Keys as a statement on single journeys gives them, which knows the clock: 0 unstarted, 1 excluded, 2 + cell of counts.ts,
 * 1024 + position * 2 + elapsed, and times as in a tally.
 */
export const clocked = { unstarted: 0, excluded: 1, cells: 2, entries: 1024, times: 4096 } as const

/** A tally at a moment: a sum of what statements gave, by key. */
export interface Sum {
  unstarted: number
  excluded: number
  readonly cells: number[]
  readonly entered: number[]
  readonly elapsedEntered: number[]
  /** Journeys by key of the time that they took. */
  readonly times: Map<number, number>
}

export function emptySum(): Sum {
  return { unstarted: 0, excluded: 0, cells: [], entered: [], elapsedEntered: [], times: new Map() }
}

const add = (counts: number[], index: number, number: number): void => {
  while (counts.length <= index) counts.push(0)
  counts[index] = (counts[index] ?? 0) + number
}

/** Adds sealed journeys; those that are neither completed nor failed count as abandoned until the edge says otherwise. */
export function addSealed(sum: Sum, key: number, number: number, elapsed: 0 | 1): void {
  const read = readKey(key)
  if (read.what === 'unstarted') sum.unstarted += number
  else if (read.what === 'excluded') sum.excluded += number
  else if (read.what === 'time') sum.times.set(key, (sum.times.get(key) ?? 0) + number)
  else if (read.what === 'entered') {
    add(sum.entered, read.position - 1, number)
    if (elapsed === 1) add(sum.elapsedEntered, read.position - 1, number)
  } else {
    const state: StartedState = read.ending === 'pending' ? 'abandoned' : read.ending
    add(sum.cells, cell(read.depth, state, elapsed), number)
  }
}

export function addClocked(sum: Sum, key: number, number: number): void {
  if (key >= clocked.times) sum.times.set(key, (sum.times.get(key) ?? 0) + number)
  else if (key >= clocked.entries) {
    const entry = key - clocked.entries
    add(sum.entered, Math.floor(entry / 2) - 1, number)
    if (entry % 2 === 1) add(sum.elapsedEntered, Math.floor(entry / 2) - 1, number)
  } else if (key === clocked.unstarted) sum.unstarted += number
  else if (key === clocked.excluded) sum.excluded += number
  else add(sum.cells, key - clocked.cells, number)
}

/** Adds another sum so many times: once, or -1 to take it away. */
export function addSum(sum: Sum, other: Sum, times: 1 | -1): void {
  sum.unstarted += times * other.unstarted
  sum.excluded += times * other.excluded
  for (const name of ['cells', 'entered', 'elapsedEntered'] as const)
    for (const [index, number] of other[name].entries()) add(sum[name], index, times * number)
  for (const [key, number] of other.times) sum.times.set(key, (sum.times.get(key) ?? 0) + times * number)
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
  const byPlace = new Map<number, Map<number, number>>()
  for (const [key, number] of sum.times) {
    if (number === 0) continue
    const place = Math.floor(key / binsMax)
    const bins = byPlace.get(place)
    if (bins === undefined) byPlace.set(place, new Map([[key % binsMax, number]]))
    else bins.set(key % binsMax, number)
  }
  const bins = (measure: Measure, position: number) =>
    byPlace.get(Math.floor(keyOfTime(measure, position) / binsMax)) ?? new Map<number, number>()
  return {
    since: positions.map((position) => {
      const some = bins('since', position)
      return { median: timeOfBin(quantileBin(some, 0.5) ?? 0), p90: timeOfBin(quantileBin(some, 0.9) ?? 0) }
    }),
    until: positions.map((position) =>
      lastOfBin(
        quantileBin(isContiguous(funnel) ? bins('since', position + 1) : bins('until', position), silenceLevel) ?? 0,
      ),
    ),
  }
}

/** A hair under 0.95: of n waits the one of rank 0.95 n, from 1, so that longer than it is longer than 95 %. */
export const silenceLevel = 0.949999999

export const hasAny = (sum: Sum): boolean => sum.unstarted + sum.excluded > 0 || sum.cells.some((count) => count !== 0)
