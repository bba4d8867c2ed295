import type { Trials } from './beta-binomial.ts'

/**
 * Where densities of true rates are held: on the scale of angle = asin(sqrt(rate)), from 0 to pi/2, where what
 * `trials` show is about as wide everywhere: 1 / (2 sqrt(trials)). A density is piecewise linear between knots.
 */
export interface AngleGrid {
  readonly knots: Float64Array
  /** Every knot interval in equal cuts, the knots among them. */
  readonly angles: Float64Array
  /** Of each angle, the knot below and how far it is to the next: 3.25 is a quarter past knot 3. */
  readonly places: Float64Array
  /** Width of the trapezoid rule at each angle. */
  readonly widths: Float64Array
  readonly rates: Float64Array
  readonly logRates: Float64Array
  readonly logRests: Float64Array
}

const cuts = 4
/** Knots to a `scale` near the centre of the grid. */
const knotsPerScale = 8

/**
 * Knots close to each other near `centre`, and further apart the further from it: an even step of
 * asinh((angle - centre) / scale). So one grid holds a narrow population and its outliers: 20 to 250 knots.
 * @param centre,scale of the population's rates, radians
 */
export function angleGrid(centre: number, scale: number): AngleGrid {
  const from = Math.asinh(-centre / scale)
  const to = Math.asinh((Math.PI / 2 - centre) / scale)
  const intervals = Math.ceil((to - from) * knotsPerScale)
  const knots = Float64Array.from({ length: intervals + 1 }, (_, index) => {
    if (index === 0) return 0
    if (index === intervals) return Math.PI / 2
    return centre + scale * Math.sinh(from + ((to - from) * index) / intervals)
  })
  const places = Float64Array.from({ length: intervals * cuts + 1 }, (_, index) => index / cuts)
  const angles = places.map((place) => between(knots, place))
  const widths = angles.map((angle, index) => ((angles[index + 1] ?? angle) - (angles[index - 1] ?? angle)) / 2)
  return { knots, angles, places, widths, ...ratesAt(angles) }
}

function ratesAt(angles: Float64Array): Pick<AngleGrid, 'rates' | 'logRates' | 'logRests'> {
  const rates = angles.map((angle) => Math.sin(angle) ** 2)
  return { rates, logRates: rates.map(Math.log), logRests: rates.map((rate) => Math.log1p(-rate)) }
}

/** What a member's trials say of its true rate: the likelihood at some angles. */
export interface Evidence {
  readonly angles: Float64Array
  readonly places: Float64Array
  readonly rates: Float64Array
  /** Likelihood, the greatest as 1, times the width of the trapezoid rule: a density times this sums to an integral. */
  readonly weights: Float64Array
}

/** Standard errors to either side of the observed rate beyond which a likelihood counts as 0. */
const reach = 8
/** Angles of its own for who is known more closely than the grid tells apart, over 2 * reach standard errors. */
const ownAngles = 49
/** Grid steps in a standard error below which the grid is too coarse. */
const stepsPerError = 3

/** @param member with trials */
export function evidenceOf(grid: AngleGrid, member: Trials): Evidence {
  const error = 1 / (2 * Math.sqrt(member.trials))
  const observed = Math.asin(Math.sqrt(member.successes / member.trials))
  const [low, high] = [Math.max(0, observed - reach * error), Math.min(Math.PI / 2, observed + reach * error)]
  const { angles } = grid
  const here = Math.min(angles.length - 2, Math.max(0, firstFrom(angles, observed) - 1))
  const step = (angles[here + 1] ?? 0) - (angles[here] ?? 0)
  if (error < stepsPerError * step) return ownEvidence(grid, member, low, high)
  const [first, last] = [Math.max(0, firstFrom(angles, low) - 1), Math.min(angles.length, firstFrom(angles, high) + 1)]
  return {
    angles: angles.subarray(first, last),
    places: grid.places.subarray(first, last),
    rates: grid.rates.subarray(first, last),
    weights: likelihood(member, grid, first, last),
  }
}

function ownEvidence({ knots }: AngleGrid, member: Trials, low: number, high: number): Evidence {
  const step = (high - low) / (ownAngles - 1)
  const angles = new Float64Array(ownAngles)
  const places = new Float64Array(ownAngles)
  let knot = Math.max(0, firstFrom(knots, low) - 1)
  for (let index = 0; index < ownAngles; index += 1) {
    const angle = index === ownAngles - 1 ? high : low + step * index
    while (knot < knots.length - 2 && (knots[knot + 1] ?? 0) <= angle) knot += 1
    const from = knots[knot] ?? 0
    angles[index] = angle
    places[index] = knot + Math.min(1, Math.max(0, (angle - from) / ((knots[knot + 1] ?? 0) - from)))
  }
  const widths = new Float64Array(ownAngles).fill(step)
  widths[0] = widths[ownAngles - 1] = step / 2
  const own = { widths, ...ratesAt(angles) }
  return { angles, places, rates: own.rates, weights: likelihood(member, own, 0, ownAngles) }
}

function likelihood(
  { successes, trials }: Trials,
  { widths, logRates, logRests }: Pick<AngleGrid, 'widths' | 'logRates' | 'logRests'>,
  first: number,
  last: number,
): Float64Array {
  const failures = trials - successes
  const weights = new Float64Array(last - first)
  let greatest = -Infinity
  for (let index = first; index < last; index += 1) {
    // None of nothing: 0 times the logarithm of 0 is 0 here.
    const succeeding = successes === 0 ? 0 : successes * (logRates[index] ?? 0)
    const log = failures === 0 ? succeeding : succeeding + failures * (logRests[index] ?? 0)
    weights[index - first] = log
    if (log > greatest) greatest = log
  }
  for (let index = first; index < last; index += 1)
    weights[index - first] = Math.exp((weights[index - first] ?? 0) - greatest) * (widths[index] ?? 0)
  return weights
}

/** What is known of a member's true rate: its probability at and about each of these angles. */
export interface Posterior {
  readonly angles: Float64Array
  readonly rates: Float64Array
  readonly masses: Float64Array
  /** Probability below each angle: half of its own mass is. */
  readonly below: Float64Array
}

/** By the rule of Bayes. @param density at the knots of the grid, of any scale */
export function posteriorOf({ angles, places, rates, weights }: Evidence, density: Float64Array): Posterior {
  const masses = new Float64Array(weights.length)
  let sum = 0
  for (let index = 0; index < masses.length; index += 1) {
    const mass = (weights[index] ?? 0) * between(density, places[index] ?? 0)
    masses[index] = mass
    sum += mass
  }
  const below = new Float64Array(masses.length)
  let passed = 0
  for (let index = 0; index < masses.length; index += 1) {
    const mass = (masses[index] ?? 0) / sum
    masses[index] = mass
    below[index] = Math.min(1, passed + mass / 2)
    passed += mass
  }
  return { angles, rates, masses, below }
}

/** Posterior mean of the true rate. */
export function meanRate({ rates, masses }: Posterior): number {
  let sum = 0
  for (let index = 0; index < rates.length; index += 1) sum += (masses[index] ?? 0) * (rates[index] ?? 0)
  return Math.min(1, Math.max(0, sum))
}

/** Linear between the values at the whole numbers around `place`. */
export function between(values: Float64Array, place: number): number {
  const index = Math.min(values.length - 2, Math.floor(place))
  const from = values[index] ?? 0
  return from + ((values[index + 1] ?? 0) - from) * (place - index)
}

/** Index of the first value that is not below `wanted`, the length when all are. @param values in order */
export function firstFrom(values: Float64Array, wanted: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
