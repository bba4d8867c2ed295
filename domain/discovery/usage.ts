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

export function shareOf({ passed, took }: Usage): number | null {
  return passed === 0 ? null : took / passed
}

/** Of the journeys with this name, the share that met another of these names later. */
export function continuationOf(relations: Relations, names: ReadonlySet<number>, name: number): number {
  let all = 0
  let went = 0
  for (const { order, journeys } of relations.firsts) {
    const place = order.indexOf(name)
    if (place === -1) continue
    all += journeys
    if (order.some((other, later) => later > place && names.has(other))) went += journeys
  }
  return all === 0 ? 0 : went / all
}
