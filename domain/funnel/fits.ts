import type { Funnel } from '../service.ts'
import { join, param, raw, sql, type Sql } from '../sql.ts'

/** Bit p-1 stands for position p. */
export function bit(position: number): bigint {
  return 1n << BigInt(position - 1)
}

/** Step names of the funnel with the positions that each fits. */
export function namePositions(funnel: Funnel): ReadonlyMap<string, bigint> {
  const masks = new Map<string, bigint>()
  for (const [index, { names }] of funnel.positions.entries())
    for (const name of names) masks.set(name, (masks.get(name) ?? 0n) | bit(index + 1))
  return masks
}

/** Excluded names; bit e stands for the e-th exclusion. */
export function nameExclusions(funnel: Funnel): ReadonlyMap<string, bigint> {
  const masks = new Map<string, bigint>()
  for (const [index, { step }] of funnel.exclusions.entries())
    masks.set(step, (masks.get(step) ?? 0n) | (1n << BigInt(index)))
  return masks
}

/** Whether two positions share a name. */
export function sharesNames(funnel: Funnel): boolean {
  return [...namePositions(funnel).values()].some((mask) => (mask & (mask - 1n)) !== 0n)
}

/** A mask (UInt64) for the hash of a step name: 0 for names that are not in the map. */
export function maskOf(hash: Sql, masks: ReadonlyMap<string, bigint>): Sql {
  if (masks.size === 0) return raw('toUInt64(0)')
  const names = [...masks.keys()].map((name) => sql`xxh3(${param('String', name)})`)
  const values = [...masks.values()].map((mask) => param('UInt64', mask))
  return sql`transform(${hash}, [${join(names, ', ')}], [${join(values, ', ')}], toUInt64(0))`
}

/** More of these would make one matching too dear. */
const tightSetsMax = 4_096

/**
 * Sets of positions that decide whether some positions can each have an event of their own (Hall 1935): of
 * every set, no more may be taken than there are events that fit one of the set. It is enough to look at the
 * sets "all positions whose names lie within a union of connected name sets". Positions that share no name
 * need none.
 * @returns masks of at least two positions; `null` when there are more than `tightSetsMax`
 */
export function tightSets(funnel: Funnel): readonly bigint[] | null {
  const numbers = new Map<string, bigint>()
  const nameMask = (name: string) => {
    const known = numbers.get(name) ?? 1n << BigInt(numbers.size)
    numbers.set(name, known)
    return known
  }
  const sets = funnel.positions.map(({ names }) => names.reduce((mask, name) => mask | nameMask(name), 0n))
  const unions = connectedUnions(sets)
  if (unions === null) return null
  const tight = [...unions].map((union) =>
    sets.reduce((mask, set, index) => ((set & ~union) === 0n ? mask | bit(index + 1) : mask), 0n),
  )
  return [...new Set(tight)].filter((mask) => (mask & (mask - 1n)) !== 0n)
}

/**
 * Sets of positions that decide whether some events can each have a position of their own: the unions of
 * connected sets of positions that a name fits.
 * @returns `null` when there are more than `tightSetsMax`
 */
export function unionsOfNames(funnel: Funnel): readonly bigint[] | null {
  const unions = connectedUnions([...namePositions(funnel).values()])
  return unions === null ? null : [...unions]
}

/** Unions of sets in which each overlaps another of them. */
function connectedUnions(sets: readonly bigint[]): ReadonlySet<bigint> | null {
  const unions = new Set(sets)
  for (const union of unions) {
    for (const other of sets) if ((union & other) !== 0n) unions.add(union | other)
    if (unions.size > tightSetsMax) return null
  }
  return unions
}

/** Why a funnel that means something cannot be compiled; `null` when it can. */
export function compileFault(funnel: Funnel): string | null {
  return (funnel.order === 'any' ? unionsOfNames(funnel) : tightSets(funnel)) === null
    ? `the names of anyOf steps overlap in more than ${tightSetsMax} ways: let fewer steps share some of their names`
    : null
}
