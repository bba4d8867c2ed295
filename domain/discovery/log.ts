/**
 * Traffic as discovery reads it: journeys that saw the same names in the same order are one variant, as in
 * process mining (van der Aalst 2016, Process Mining, ch. 5).
 */
export interface DiscoveryLog {
  readonly names: readonly string[]
  readonly variants: readonly Variant[]
}

export interface Variant {
  /** Indexes of `names` in order, no two alike side by side; `names.length` stands for a completed outcome. */
  readonly path: readonly number[]
  /** By place in `path`: 1 when it has the same time as the place before it, so that the two have no order. */
  readonly tied: readonly number[]
  readonly journeys: number
}

/** What of a variant discovery counts with: each name where it is first met. */
export interface Firsts {
  /** Distinct, in order of first occurrence. */
  readonly order: readonly number[]
  /** By place in `order`: names of equal group have no order. */
  readonly group: readonly number[]
  readonly journeys: number
}

/** Counts of journeys over names; the completed outcome is the last, after all names. */
export interface Relations {
  readonly names: readonly string[]
  /** Number of the completed outcome: `names.length`. */
  readonly completed: number
  readonly journeys: number
  readonly firsts: readonly Firsts[]
  readonly variants: readonly Variant[]
  /** That have the name. */
  count(name: number): number
  /** That have both. */
  both(one: number, other: number): number
  /** That have both, the first occurrence of `one` before that of `other`; a tie is neither's. */
  before(one: number, other: number): number
  /** Median place (from 1, the lower of two) of the name among the different names of the journeys that have it; null when none has. */
  medianPlace(name: number): number | null
  /** In which the name first stands between two occurrences of one other name: a page left by going back. */
  detours(name: number): number
}

/**
 * First occurrences, since a loop back to correct an answer shows pages again, but never earlier than they were first met.
 * Cost: variants × the square of their different names.
 */
export function relationsOf({ names, variants }: DiscoveryLog): Relations {
  const size = names.length + 1
  const before = new Float64Array(size * size)
  const both = new Float64Array(size * size)
  const detours = new Float64Array(size)
  const places = Array.from({ length: size }, (): number[] => [])
  const add = (counts: Float64Array, at: number, journeys: number) => {
    counts[at] = (counts[at] ?? 0) + journeys
  }
  const firsts = variants.map((variant) => firstsOf(variant))
  for (const { order, group, journeys } of firsts)
    for (const [place, one] of order.entries()) {
      const mine = places[one] ?? []
      mine[place] = (mine[place] ?? 0) + journeys
      add(both, one * size + one, journeys)
      for (let later = place + 1; later < order.length; later += 1) {
        const other = order[later] ?? 0
        add(both, one * size + other, journeys)
        add(both, other * size + one, journeys)
        if (group[place] !== group[later]) add(before, one * size + other, journeys)
      }
    }
  for (const { path, journeys } of variants) {
    const met = new Set<number>()
    for (const [place, name] of path.entries()) {
      const previous = path[place - 1]
      if (!met.has(name) && previous !== undefined && previous === path[place + 1]) add(detours, name, journeys)
      met.add(name)
    }
  }
  return {
    names,
    completed: names.length,
    journeys: variants.reduce((sum, { journeys }) => sum + journeys, 0),
    firsts,
    variants,
    count: (name) => both[name * size + name] ?? 0,
    both: (one, other) => both[one * size + other] ?? 0,
    before: (one, other) => before[one * size + other] ?? 0,
    medianPlace: (name) => medianOf(places[name] ?? []),
    detours: (name) => detours[name] ?? 0,
  }
}

function firstsOf({ path, tied, journeys }: Variant): Firsts {
  const order: number[] = []
  const group: number[] = []
  const met = new Set<number>()
  let current = 0
  for (const [place, name] of path.entries()) {
    if (tied[place] !== 1) current = place
    if (met.has(name)) continue
    met.add(name)
    order.push(name)
    group.push(current)
  }
  return { order, group, journeys }
}

/** @param places how many journeys, by place from 0 */
function medianOf(places: readonly number[]): number | null {
  const counts = Array.from(places, (journeys: number | undefined) => journeys ?? 0)
  const all = counts.reduce((sum, journeys) => sum + journeys, 0)
  let passed = 0
  for (const [place, journeys] of counts.entries()) {
    passed += journeys
    if (all > 0 && passed * 2 >= all) return place + 1
  }
  return null
}
