import { raw, sql, type Sql } from '../sql.ts'
import { binOf, binRange, binsMax } from './bins.ts'

/**
 * A tally is what a set of journeys comes to under their service's funnel, as numbers of journeys by key: how far
 * they came and how they ended, which positions they entered, how long it took. It says nothing of the clock, and
 * tallies of disjoint sets add up. A journey that is taken out again counts -1.
 *
 *   0 unstarted   1 excluded   2 + depth * 3 + ending   512 + position (it entered)
 *   (measure * 64 + position) * 8192 + bin, from 524,288: how long it took
 */
export const endings = { completed: 0, failed: 1, pending: 2 } as const
export type Ending = keyof typeof endings

/** since: from the position reached before. until: to the one reached next. whole: from the start to completion. */
export const measures = { since: 1, until: 2, whole: 3 } as const
export type Measure = keyof typeof measures

const unstarted = 0
const excluded = 1
const cells = 2
const entries = 512
const positionsMax = 64
const times = positionsMax * binsMax

const perDepth = Object.keys(endings).length

export type TallyKey =
  | { readonly what: 'unstarted' }
  | { readonly what: 'excluded' }
  | { readonly what: 'cell'; readonly depth: number; readonly ending: Ending }
  | { readonly what: 'entered'; readonly position: number }
  | { readonly what: 'time'; readonly measure: Measure; readonly position: number; readonly bin: number }

const endingNames: readonly Ending[] = ['completed', 'failed', 'pending']
const measureNames: readonly (Measure | undefined)[] = [undefined, 'since', 'until', 'whole']

export function readKey(key: number): TallyKey {
  if (key >= times) {
    const place = Math.floor(key / binsMax)
    const measure = measureNames[Math.floor(place / positionsMax)]
    if (measure === undefined) throw new Error(`no tally has the key ${key}`)
    return { what: 'time', measure, position: place % positionsMax, bin: key % binsMax }
  }
  if (key >= entries) return { what: 'entered', position: key - entries }
  if (key === unstarted) return { what: 'unstarted' }
  if (key === excluded) return { what: 'excluded' }
  const cell = key - cells
  return { what: 'cell', depth: Math.floor(cell / perDepth), ending: endingNames[cell % perDepth] ?? 'pending' }
}

/** A key in words. */
export function tellKey(key: number): string {
  const read = readKey(key)
  if (read.what === 'cell') return `depth ${read.depth}, ${read.ending}`
  if (read.what === 'entered') return `entered position ${read.position}`
  if (read.what !== 'time') return read.what
  const [from] = binRange(read.bin)
  if (read.measure === 'whole') return `time to complete, from ${from} ms`
  return `time at position ${read.position}, ${read.measure === 'since' ? 'since the one before' : 'until the next'}, from ${from} ms`
}

/** Whether a key is of a time: those are many, and kept apart. */
export const isTimeKey = (key: string): Sql => raw(`${key} >= ${times}`)

/** Of the first bin at a position. */
export const keyOfTime = (measure: Measure, position: number): number =>
  (measures[measure] * positionsMax + position) * binsMax

/** Keys of one measure, from the first to before the second. */
export function keysOfMeasure(measure: Measure): readonly [from: number, to: number] {
  const from = measures[measure] * positionsMax * binsMax
  return [from, from + positionsMax * binsMax]
}

/**
 * How a journey ended and what it entered, one row of the columns of a verdict: Array(UInt32).
 * @param gapped condition: the funnel has optional positions, so that its depth does not say what was entered
 */
export const countKeysOf = (gapped: Sql): Sql => sql`arrayConcat(
    [toUInt32(multiIf(excluded = 1, ${raw(String(excluded))}, depth = 0, ${raw(String(unstarted))},
      ${raw(String(cells))} + depth * ${raw(String(perDepth))} + multiIf(completed = 1, 0, failed = 1, 1, 2)))],
    if(${gapped}, arrayMap(p -> toUInt32(${raw(String(entries + 1))} + p), bitPositionsToArray(entered)), []))`

/** How long it took, from `times`, `entered` and `completionMs`: Array(UInt32). */
export const timeKeysOf = (gapped: Sql): Sql => {
  const place = (measure: Measure) => raw(String(measures[measure] * positionsMax))
  const key = (measure: Measure, position: string, ms: string) =>
    sql`toUInt32((${place(measure)} + ${raw(position)}) * ${raw(String(binsMax))} + ${binOf(ms)})`
  const gaps = raw('arrayPopFront(arrayDifference(times))')
  const since = sql`arrayMap((g, p) -> ${key('since', '(p + 1)', 'toUInt64(g)')}, ${gaps}, arrayPopFront(bitPositionsToArray(entered)))`
  const until = sql`arrayMap((g, p) -> ${key('until', '(p + 1)', 'toUInt64(g)')}, ${gaps}, arrayPopBack(bitPositionsToArray(entered)))`
  const whole = sql`if(completionMs < 0, [], [${key('whole', '0', 'toUInt64(greatest(completionMs, 0))')}])`
  return sql`arrayConcat(${since}, if(${gapped}, ${until}, []), ${whole})`
}
