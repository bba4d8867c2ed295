import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql, type SqlParam } from '../sql.ts'

/**
 * Hops: a run that stands at position p, after its event in one group, goes on with position f in a later one.
 *
 * Sets of positions are here masks in which bit p stands for position p, and bit 0 for a run that has not begun.
 */

/** For each f, from 1: the positions from which a hop to f leaves out optional positions only. */
export function hopsTo(funnel: Funnel): SqlParam {
  const masks = funnel.positions.map((_, index) => {
    let mask = 1n << BigInt(index)
    for (let before = index; before > 1 && funnel.positions[before - 1]?.optional === true; before -= 1)
      mask |= 1n << BigInt(before - 1)
    return mask
  })
  return param('Array(UInt64)', masks)
}

/** Longest time of a hop to f, for each f from 1, ms. */
export function hopsWithin(funnel: Funnel): SqlParam {
  return param(
    'Array(Int64)',
    funnel.positions.map(({ withinMs }) => withinMs ?? funnel.windowMs),
  )
}

export function hasWithin(funnel: Funnel): boolean {
  return funnel.positions.some(({ withinMs }) => withinMs !== null)
}

/** Exclusions whose `after` may be left out: they hit, too, a hop over it. Their numbers and positions. */
export function overOptional(funnel: Funnel): { number: number; after: number }[] {
  return funnel.exclusions.flatMap(({ after }, number) =>
    funnel.positions[after - 1]?.optional === true ? [{ number, after }] : [],
  )
}

/** Positions from `after` to short of `before`: a run that stands there when the excluded step comes is hit. */
function inside(after: number, before: number): bigint {
  return (1n << BigInt(before)) - (1n << BigInt(after))
}

/** Union of what the exclusions of the set `w_x` hold inside. */
export function heldBy(funnel: Funnel, set: string): Sql {
  const masks = param(
    'Array(UInt64)',
    funnel.exclusions.map(({ after, before }) => inside(after, before)),
  )
  return sql`arrayFold((w_u, w_i) -> bitOr(w_u, ${masks}[w_i + 1]), bitPositionsToArray(${raw(set)}), toUInt64(0))`
}

/** The exclusions that are still open for a run that ends at position `depth`, as a set. */
export function openAt(funnel: Funnel, depth: string): Sql {
  const bits = param(
    'Array(UInt64)',
    funnel.exclusions.map((_, index) => 1n << BigInt(index)),
  )
  const masks = param(
    'Array(UInt64)',
    funnel.exclusions.map(({ after, before }) => inside(after, before)),
  )
  return sql`arraySum((w_i, w_u) -> if(bitTest(w_u, ${raw(depth)}), w_i, 0), ${bits}, ${masks})`
}

/** Passages of the group that an excluded step of the same group, which has no order in it, does not hit. */
export function cleanPassages(funnel: Funnel): Sql {
  const columns = [
    param(
      'Array(UInt8)',
      funnel.exclusions.map(({ after }) => after),
    ),
    param(
      'Array(UInt8)',
      funnel.exclusions.map(({ before }) => before),
    ),
  ]
  return sql`if(w_x = 0, w_p, arrayFilter(w_p -> NOT arrayExists(w_i -> w_p.1 > ${columns[0] ?? raw('')}[w_i + 1] AND w_p.2 < ${columns[1] ?? raw('')}[w_i + 1], bitPositionsToArray(w_x)), w_p))`
}
