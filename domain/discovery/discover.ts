import { shape } from '../limits.ts'
import type { FunnelInput } from '../service.ts'
import { isExcluded, placesOf, runsOf, type Runs } from './choices.ts'
import { certainties, type Confidence } from './confidence.ts'
import { relationsOf, type DiscoveryLog, type Relations } from './log.ts'
import { conflicts, endsOf, withoutForeign } from './outside.ts'
import { kemenyOrder } from './order.ts'
import { discoveryReasonCodes, type DiscoveryReason, type NoSuggestion, type Outside } from './reasons.ts'
import { shareOf, usageOf, usagesOf, type Usage } from './usage.ts'

/** Journeys that a name needs, whatever their share. */
const supportMin = 5
const supportShareMin = 0.001
/** Journeys without which nothing is suggested. */
const journeysMin = 20

export interface DiscoveredPosition {
  readonly names: readonly number[]
  readonly optional: boolean
  /** Of those who passed; null where nobody did. */
  readonly usage: Usage
  readonly confidence: number
  readonly reasons: readonly DiscoveryReason[]
}

export interface Discovery {
  readonly relations: Relations
  /** Empty when nothing is suggested. */
  readonly positions: readonly DiscoveredPosition[]
  readonly noSuggestion: NoSuggestion | null
  readonly outside: ReadonlyMap<number, Outside>
  readonly confidence: Confidence
  readonly reasons: readonly DiscoveryReason[]
}

/**
 * A funnel out of traffic: order of first occurrences (Kemeny), without names that have no place of their own, cut at its ends,
 * choices found by mutual exclusion, and steps that those who pass by may leave out marked.
 * @param positionsMax at least 2
 */
export function discover(log: DiscoveryLog, positionsMax: number = shape.stepsMax): Discovery {
  const relations = relationsOf(log)
  const outside = new Map<number, Outside>()
  const least = Math.max(supportMin, supportShareMin * relations.journeys)
  const supported = log.names.map((_, name) => name).filter((name) => relations.count(name) >= least)
  for (const [name] of log.names.entries()) if (!supported.includes(name)) outside.set(name, 'rare')
  const withEnd = relations.count(relations.completed) >= least ? [...supported, relations.completed] : supported
  const { order, foreign } = withoutForeign(relations, withEnd)
  for (const name of foreign) outside.set(name, 'foreign')
  const ends = endsOf(relations, order)
  for (const name of ends.deadEnds) outside.set(name, 'dead-end')
  for (const name of ends.afterEnd) outside.set(name, 'after-end')
  const places = placesIn(relations, kemenyOrder(relations, ends.order), outside)
  return assembled(relations, { places, outside, endIsKnown: ends.isKnown, positionsMax })
}

interface Place {
  readonly names: readonly number[]
  readonly usage: Usage
  /** Share of those who pass from which on it is needed. */
  readonly needed: number
  readonly optional: boolean
  readonly anyOrder: boolean
}

/** The order as places: what nearly all who pass take, and between two such the cuts of `placesOf`. */
function placesIn(relations: Relations, order: readonly number[], outside: Map<number, Outside>): Place[] {
  const usage = usagesOf(relations, order)
  const runs = runsOf(relations, order)
  const limit = neededUsage([...usage.values()])
  const isNeeded = (own: Usage) => (shareOf(own) ?? 0) >= limit(own.passed)
  const needed = new Set(order.filter((name) => isNeeded(usage.get(name) ?? { passed: 0, took: 0 })))
  const grouped = stretches(order, neededAfterChoices(runs, needed)).flatMap((stretch) =>
    placesOf(relations, runs, stretch),
  )
  const anyOrder = (names: readonly number[]) =>
    order.some((other) => names.some((name) => conflicts(relations, name, other)))
  const places = grouped.map((names): Place => {
    const own = usageOf(relations, order, names)
    const isLoose = anyOrder(names)
    return { names, usage: own, needed: limit(own.passed), optional: isLoose || !isNeeded(own), anyOrder: isLoose }
  })
  return withEnds(relations, places, outside)
}

/**
 * From which share on a step is one that everybody needs, by how many passed. Events are lost at all steps alike, so the
 * median loss of the steps that nearly all take says what a loss is; twice and a half of it, and the error of so few, is granted.
 */
function neededUsage(usages: readonly Usage[]): (passed: number) => number {
  const losses = usages
    .flatMap((usage) => shareOf(usage) ?? [])
    .filter((share) => share >= 0.85)
    .map((share) => 1 - share)
    .sort((a, b) => a - b)
  const loss = Math.min(0.05, Math.max(0.01, losses[Math.floor(losses.length / 2)] ?? 0.02))
  return (passed) => 1 - Math.max(0.05, 2.5 * loss) - Math.sqrt((loss * (1 - loss)) / Math.max(1, passed))
}

/** A step that nearly all take is a way of a choice all the same when the others who pass take another page instead. */
function neededAfterChoices(runs: Runs, needed: ReadonlySet<number>): ReadonlySet<number> {
  const { order } = runs
  const result = new Set(needed)
  for (const [place, name] of order.entries()) {
    if (!needed.has(name)) continue
    const near: number[] = [name]
    for (const step of [-1, 1])
      for (let at = place + step; order[at] !== undefined && !needed.has(order[at] ?? 0); at += step)
        near.push(order[at] ?? 0)
    if (near.length > 1 && isExcluded(runs, near)) result.delete(name)
  }
  return result
}

/** Each needed name alone, and what lies between two of them together. */
function stretches(order: readonly number[], needed: ReadonlySet<number>): number[][] {
  const result: number[][] = []
  let open = false
  for (const name of order) {
    const last = result.at(-1)
    if (!needed.has(name) && open && last !== undefined) last.push(name)
    else result.push([name])
    open = !needed.has(name)
  }
  return result
}

/** The first place and the last are needed by definition: what stands before the most used of the first, or is unsure, goes. */
function withEnds(relations: Relations, places: readonly Place[], outside: Map<number, Outside>): Place[] {
  const used = ({ names }: Place) => names.reduce((sum, name) => sum + relations.count(name), 0)
  const firstNeeded = places.findIndex(({ optional }) => !optional)
  const leading = places.slice(0, firstNeeded === -1 ? places.length : firstNeeded + 1)
  const most = Math.max(0, ...leading.map(used))
  const begin = leading.findIndex((place) => used(place) >= 0.5 * most)
  for (const { names } of places.slice(0, Math.max(0, begin)))
    for (const name of names) outside.set(name, 'before-start')
  return places
    .slice(Math.max(0, begin))
    .map((place, index, all) => (index === 0 || index === all.length - 1 ? { ...place, optional: false } : place))
}

function assembled(
  relations: Relations,
  found: {
    readonly places: readonly Place[]
    readonly outside: Map<number, Outside>
    readonly endIsKnown: boolean
    readonly positionsMax: number
  },
): Discovery {
  const { outside } = found
  const places = within(relations, found.places, found.positionsMax)
  for (const { names } of found.places)
    for (const name of names) if (!places.some((place) => place.names.includes(name))) outside.set(name, 'past-limit')
  const noSuggestion =
    relations.journeys < journeysMin ? 'too-few-journeys' : places.length < 2 ? 'too-few-steps' : null
  if (noSuggestion !== null)
    return { relations, positions: [], noSuggestion, outside, confidence: { order: 0, overall: 0 }, reasons: [] }
  const { positions, confidence } = certainties(relations, places, found.endIsKnown)
  const reasons = new Set(positions.flatMap((position) => position.reasons))
  if (places.length < found.places.length) reasons.add('past-limit')
  return {
    relations,
    positions,
    noSuggestion,
    outside,
    confidence,
    reasons: discoveryReasonCodes.filter((reason) => reasons.has(reason)),
  }
}

/** The first, the last, and of the others those that the funnel needs, then those most used. */
function within(relations: Relations, places: readonly Place[], positionsMax: number): Place[] {
  const weight = ({ names, optional }: Place) =>
    (optional ? 0 : relations.journeys) + names.reduce((sum, name) => sum + relations.count(name), 0)
  const inner = places.slice(1, -1)
  const kept = new Set([...inner].sort((a, b) => weight(b) - weight(a)).slice(0, Math.max(0, positionsMax - 2)))
  return places
    .filter((place, index) => index === 0 || index === places.length - 1 || kept.has(place))
    .map((place) => ({
      ...place,
      names: [...place.names]
        .sort((a, b) => relations.count(b) - relations.count(a) || a - b)
        .slice(0, shape.namesPerStepMax),
    }))
}

/** The suggestion as a service would be given it. */
export function funnelOf({ relations, positions }: Discovery, window: string): FunnelInput {
  return {
    steps: positions.map(({ names, optional }) => {
      const [first = '', ...others] = names.map((name) => relations.names[name] ?? '')
      if (others.length > 0) return { anyOf: [first, ...others], ...(optional ? { optional } : {}) }
      return optional ? { step: first, optional } : first
    }),
    order: 'ordered',
    window,
  }
}
