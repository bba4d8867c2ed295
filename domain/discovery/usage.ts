import type { Relations } from './log.ts'

/** Of the journeys that passed a place, how many took one of its names. */
export interface Usage {
  readonly passed: number
  readonly took: number
}

/**
 * Who passed the place of `names` in an order: journeys with a name before it and a name after it. That leaves out who left before,
 * who came in later and who stopped here, so that drop-off and entries in the middle do not make a step look optional.
 */
export function usageOf(relations: Relations, order: readonly number[], names: readonly number[]): Usage {
  const places = names.map((name) => order.indexOf(name))
  const [first, last] = [Math.min(...places), Math.max(...places)]
  const rank = new Map(order.map((name, place) => [name, place]))
  const wanted = new Set(names)
  let passed = 0
  let took = 0
  for (const { order: path, journeys } of relations.firsts) {
    let isBefore = false
    let isAfter = false
    let isTaken = false
    for (const name of path) {
      const place = rank.get(name)
      if (place === undefined) continue
      if (wanted.has(name)) isTaken = true
      else if (place < first) isBefore = true
      else if (place > last) isAfter = true
    }
    if (!isBefore || !isAfter) continue
    passed += journeys
    if (isTaken) took += journeys
  }
  return { passed, took }
}

/** The same for each name of an order alone, in one pass over the journeys. */
export function usagesOf(relations: Relations, order: readonly number[]): ReadonlyMap<number, Usage> {
  const rank = new Map(order.map((name, place) => [name, place]))
  const took = new Float64Array(order.length)
  // Who passed a place is kept as differences: one more from the second place of a journey on, one less from its last.
  const passing = new Float64Array(order.length + 1)
  for (const { order: path, journeys } of relations.firsts) {
    let [first, last] = [order.length, -1]
    for (const name of path) {
      const place = rank.get(name)
      if (place === undefined) continue
      if (place < first) first = place
      if (place > last) last = place
    }
    if (last <= first + 1) continue
    passing[first + 1] = (passing[first + 1] ?? 0) + journeys
    passing[last] = (passing[last] ?? 0) - journeys
    for (const name of path) {
      const place = rank.get(name) ?? -1
      if (place > first && place < last) took[place] = (took[place] ?? 0) + journeys
    }
  }
  let passed = 0
  return new Map(
    order.map((name, place) => {
      passed += passing[place] ?? 0
      return [name, { passed, took: took[place] ?? 0 }]
    }),
  )
}

export function shareOf({ passed, took }: Usage): number | null {
  return passed === 0 ? null : took / passed
}

/** Of the journeys with a name, which share met another of these names later, and which had met one before. */
export interface Surroundings {
  readonly wentOn: number
  readonly cameFrom: number
}

export function surroundingsOf(relations: Relations, names: readonly number[]): ReadonlyMap<number, Surroundings> {
  const wanted = new Set(names)
  const went = new Map<number, number>()
  const came = new Map<number, number>()
  for (const { order, journeys } of relations.firsts) {
    const path = order.filter((name) => wanted.has(name))
    for (const name of path.slice(0, -1)) went.set(name, (went.get(name) ?? 0) + journeys)
    for (const name of path.slice(1)) came.set(name, (came.get(name) ?? 0) + journeys)
  }
  return new Map(
    names.map((name) => {
      const all = Math.max(1, relations.count(name))
      return [name, { wentOn: (went.get(name) ?? 0) / all, cameFrom: (came.get(name) ?? 0) / all }]
    }),
  )
}
