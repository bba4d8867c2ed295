import { logGamma } from '../statistics/special.ts'
import type { Relations } from './log.ts'
import { byMargins } from './order.ts'

/** Who takes one does not take the other: both are met in at most this share of what chance would have. */
const exclusiveLift = 0.15
/** How improbable so few meetings must be if the two had nothing to do with each other; of pairs there are many. */
const pairProbability = 0.002
const blockProbability = 0.005
/** Pages along one way of a choice are met together by at least this share of the rarer. */
const togetherShare = 0.2

/** Places of a stretch of the order: names at the same place exclude one another. */
export type Places = readonly (readonly number[])[]

/**
 * The stretch as a sequence of places. What is bound together by mutual exclusion is one choice, the rest stands in sequence, and
 * a choice is cut into ways of pages that go together: the exclusive and the sequence cut of the inductive miner (Leemans, Fahland
 * and van der Aalst 2013), with the exclusion itself measured rather than read off directly-follows pairs, as the heuristics miner
 * does it for noise (Weijters and van der Aalst 2003). Ways are laid side by side from their first page. Where no cut is found,
 * every name has a place of its own in the order.
 */
export function placesOf(relations: Relations, runs: Runs, stretch: readonly number[]): Places {
  if (stretch.length === 1) return [stretch]
  const passages = passagesOf(runs, stretch)
  return inOrder(relations, blocksOf(passages, stretch)).flatMap((block) => {
    if (block.length === 1) return [block]
    const ways = components(block, (one, other) => areTogether(passages, one, other))
    if (ways.length === 1) return block.map((name) => [name])
    const longest = Math.max(...ways.map(({ length }) => length))
    return Array.from({ length: longest }, (_, place) => ways.flatMap((way) => way[place] ?? []))
  })
}

/** Whether some of these names exclude the first. */
export function isExcluded(runs: Runs, names: readonly number[]): boolean {
  const passages = passagesOf(runs, names)
  const [first, ...others] = names
  return first !== undefined && others.some((other) => areExclusive(passages, [first], [other], pairProbability))
}

/** Names bound by exclusion, pairs first, then what excludes a whole block: a rare way shows beside all the others together. */
function blocksOf(passages: Passages, stretch: readonly number[]): number[][] {
  let blocks = components(stretch, (one, other) => areExclusive(passages, [one], [other], pairProbability))
  for (;;) {
    const joined = blocks.flatMap((block, index) =>
      block.length === 1
        ? []
        : blocks
            .filter((other, place) => place !== index && areExclusive(passages, block, other, blockProbability))
            .slice(0, 1)
            .map((other) => [block, other] as const),
    )[0]
    if (joined === undefined) return blocks
    const [one, other] = joined
    const together = stretch.filter((name) => one.includes(name) || other.includes(name))
    blocks = [...blocks.filter((block) => block !== one && block !== other), together]
  }
}

/**
 * Far fewer passages with both than the product of the shares (Poisson, one-sided). None at all is not asked for: noise
 * moves events.
 */
function areExclusive(
  passages: Passages,
  some: readonly number[],
  others: readonly number[],
  probability: number,
): boolean {
  const met = passages.count(some, others)
  const expected = (passages.count(some) * passages.count(others)) / Math.max(1, passages.all)
  return met <= exclusiveLift * expected && poissonAtMost(met, expected) < probability
}

function areTogether(passages: Passages, one: number, other: number): boolean {
  const rarer = Math.min(passages.count([one]), passages.count([other]))
  return rarer > 0 && passages.count([one], [other]) >= togetherShare * rarer
}

interface Passages {
  readonly all: number
  /** Passages with one of these names, and one of the others too. */
  count(some: readonly number[], others?: readonly number[]): number
}

/** Paths cut wherever they go back in the order, as places in it. */
export interface Runs {
  readonly order: readonly number[]
  readonly runs: readonly { readonly places: readonly number[]; readonly journeys: number }[]
}

/**
 * The passages of a stretch: a journey that goes back passes it again, and may choose anew, so each run of its path that goes
 * forward in the order is counted for itself. Who left within the stretch says nothing: a page where many leave would
 * seem to exclude all that follow. Where the stretch has nothing before or after it, that side is not asked for.
 */
function passagesOf({ order, runs }: Runs, stretch: readonly number[]): Passages {
  const wanted = new Set(stretch.map((name) => order.indexOf(name)))
  const [first, last] = [Math.min(...wanted), Math.max(...wanted)]
  // Equal ones are counted together: there are few different ways through a stretch.
  const passages = new Map<string, { readonly met: readonly number[]; journeys: number }>()
  for (const { places, journeys } of runs) {
    const [begun, ended] = [places[0] ?? 0, places.at(-1) ?? 0]
    if ((first > 0 && begun >= first) || (last < order.length - 1 && ended <= last)) continue
    const met = places.filter((place) => wanted.has(place))
    const key = met.join(' ')
    const known = passages.get(key)
    if (known === undefined) passages.set(key, { met: met.map((place) => order[place] ?? 0), journeys })
    else known.journeys += journeys
  }
  return {
    all: [...passages.values()].reduce((sum, { journeys }) => sum + journeys, 0),
    count: (some, others) => {
      let sum = 0
      for (const { met, journeys } of passages.values())
        if (
          met.some((name) => some.includes(name)) &&
          (others === undefined || met.some((name) => others.includes(name)))
        )
          sum += journeys
      return sum
    },
  }
}

export function runsOf(relations: Relations, order: readonly number[]): Runs {
  const rank = new Map(order.map((name, place) => [name, place]))
  const runs: { places: number[]; journeys: number }[] = []
  for (const { path, journeys } of relations.variants) {
    let last = Number.POSITIVE_INFINITY
    for (const name of path) {
      const place = rank.get(name)
      if (place === undefined || place === last) continue
      if (place < last) runs.push({ places: [place], journeys })
      else runs.at(-1)?.places.push(place)
      last = place
    }
  }
  return { order, runs }
}

/** P(X ≤ count) for a Poisson variable. */
function poissonAtMost(count: number, mean: number): number {
  if (mean <= 0) return 1
  let sum = 0
  for (let k = 0; k <= Math.floor(count); k += 1) sum += Math.exp(k * Math.log(mean) - mean - logGamma(k + 1))
  return Math.min(1, sum)
}

/** Connected components, each in the order of the names. */
function components(names: readonly number[], areLinked: (one: number, other: number) => boolean): number[][] {
  const left = new Set(names)
  const result: number[][] = []
  for (const name of names) {
    if (!left.delete(name)) continue
    const found = [name]
    for (const one of found)
      for (const other of left)
        if (areLinked(one, other)) {
          left.delete(other)
          found.push(other)
        }
    result.push(names.filter((other) => found.includes(other)))
  }
  return result
}

/** Blocks of bound names may reach over others in the order of names, so they are ordered as blocks. */
function inOrder(relations: Relations, blocks: readonly number[][]): number[][] {
  return byMargins(blocks, (some, others) =>
    some.reduce(
      (sum, one) =>
        sum + others.reduce((part, other) => part + relations.before(one, other) - relations.before(other, one), 0),
      0,
    ),
  )
}
