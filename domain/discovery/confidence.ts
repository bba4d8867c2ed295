import { regularisedBeta } from '../statistics/regularised-beta.ts'
import type { DiscoveredPosition } from './discover.ts'
import type { Relations } from './log.ts'
import { meetOften } from './outside.ts'
import type { DiscoveryReason } from './reasons.ts'
import type { Usage } from './usage.ts'

export interface Confidence {
  /** That no two neighbours stand the wrong way round. */
  readonly order: number
  /** That besides every step is rightly called optional or not, and the end is the end. */
  readonly overall: number
}

interface Place {
  readonly names: readonly number[]
  readonly usage: Usage
  readonly needed: number
  readonly optional: boolean
  readonly anyOrder: boolean
}

/** Where the end is taken from the traffic alone, it may be that people merely leave there. */
const unknownEnd = 0.9
const fewJourneys = 30
const unsureBelow = 0.95

/** @param places in order, at least two */
export function certainties(
  relations: Relations,
  places: readonly Place[],
  endIsKnown: boolean,
): { readonly positions: DiscoveredPosition[]; readonly confidence: Confidence } {
  const orders = places.map((_, index) => orderCertainty(relations, places, index))
  const roles = places.map((place, index) => {
    const isLast = index === places.length - 1
    const role = index === 0 || isLast ? 1 : roleCertainty(place)
    return role * (isLast && !endIsKnown ? unknownEnd : 1) * (place.anyOrder ? 0.5 : 1)
  })
  const positions = places.map(({ names, usage, optional, anyOrder }, index): DiscoveredPosition => {
    const isLast = index === places.length - 1
    const role = roles[index] ?? 1
    const order = Math.min(orders[index] ?? 1, orders[index + 1] ?? 1)
    const seen = names.reduce((sum, name) => sum + relations.count(name), 0)
    const reasons: (DiscoveryReason | false)[] = [
      seen < fewJourneys && 'few-journeys',
      order < unsureBelow && 'order-unsure',
      anyOrder && 'any-order',
      !isLast && !anyOrder && role < unsureBelow && 'usage-near-limit',
      isLast && !endIsKnown && 'end-unsure',
      index === 0 && seen < 0.5 * relations.journeys && 'start-unsure',
    ]
    return {
      names,
      optional,
      usage,
      confidence: order * role,
      reasons: reasons.filter((reason) => reason !== false),
    }
  })
  const order = orders.reduce((product, one) => product * one, 1)
  const overall = roles.reduce((product, one) => product * one, order)
  return { positions, confidence: { order, overall } }
}

/**
 * Probability that a place comes after the one before it: that of those who have both, more have them so (Beta with Jeffreys' prior,
 * Jeffreys 1946). Of two that nobody has together the nearest earlier place is asked with which there are some.
 */
function orderCertainty(relations: Relations, places: readonly Place[], index: number): number {
  const names = places[index]?.names ?? []
  for (let earlier = index - 1; earlier >= 0; earlier -= 1) {
    let before = 0
    let both = 0
    for (const one of places[earlier]?.names ?? [])
      for (const other of names) {
        if (!meetOften(relations, one, other)) continue
        before += relations.before(one, other)
        both += relations.before(one, other) + relations.before(other, one)
      }
    if (both >= 3) return 1 - regularisedBeta(0.5, before + 0.5, both - before + 0.5)
  }
  return index === 0 ? 1 : 0.5
}

/** Probability that the share of those who pass and take it lies on this side of the limit. */
function roleCertainty({ usage: { passed, took }, needed, optional }: Place): number {
  const below = regularisedBeta(needed, took + 0.5, passed - took + 0.5)
  return optional ? below : 1 - below
}
