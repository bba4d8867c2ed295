import { fitBetaBinomial, type BetaPrior, type Trials } from './beta-binomial.ts'
import { angleGrid, evidenceOf, type AngleGrid, type Evidence } from './rate-posterior.ts'

/** The distribution of a population's true rates, and what each member shows of its own. */
export interface RatePrior {
  readonly grid: AngleGrid
  /** At the knots, by radian. */
  readonly density: Float64Array
  readonly evidence: readonly Evidence[]
}

/** The beta distribution is fitted to so many members: it is a first sketch, and its cost grows with them. */
const sketchedMax = 250
/** Members that the sketch counts as: it decides among a few, and says nothing among thousands. */
const sketchMembers = 10
const roundsMax = 60
/** Gain in log likelihood a member and round at which the fit ends. */
const gainMin = 1e-6

/**
 * The distribution that the true rates of a population follow, of any form, by greatest likelihood (Kiefer and
 * Wolfowitz 1956; Laird 1978), smoothed: a mixture of triangles between the knots of an angle grid, whose shares
 * are found by expectation and maximisation (Dempster, Laird and Rubin 1977). A beta distribution fitted to the
 * same counts places the knots and counts as ten more members, as the null of Stephens (False discovery rates: a
 * new deal, Biostatistics 18, 2017) does: so a few members are not taken for the whole population.
 * @param members each with trials
 * @returns `null` of nobody
 */
export function fitRatePrior(members: readonly Trials[]): RatePrior | null {
  const sketch = fitBetaBinomial(thinned(members))
  if (sketch === null) return null
  const precision = sketch.alpha + sketch.beta
  const grid = angleGrid(Math.asin(Math.sqrt(sketch.alpha / precision)), 1 / (2 * Math.sqrt(precision + 1)))
  const evidence = members.map((member) => evidenceOf(grid, member))
  const areas = grid.knots.map((knot, index) => ((grid.knots[index + 1] ?? knot) - (grid.knots[index - 1] ?? knot)) / 2)
  const shares = fitShares(likelihoods(evidence, areas), sketchShares(sketch, grid))
  return { grid, density: shares.map((share, index) => share / (areas[index] ?? 1)), evidence }
}

/** Evenly from all, by rate. */
function thinned(members: readonly Trials[]): readonly Trials[] {
  if (members.length <= sketchedMax) return members
  const rate = ({ successes, trials }: Trials) => successes / trials
  const byRate = [...members].sort((a, b) => rate(a) - rate(b) || a.trials - b.trials)
  return Array.from({ length: sketchedMax }, (_, index) => {
    const member = byRate[Math.floor(((index + 0.5) * byRate.length) / sketchedMax)]
    if (member === undefined) throw new RangeError('an index within')
    return member
  })
}

/** How likely each member's counts are under the triangles: of member i, from knot first[i], values from[i] to from[i + 1]. */
interface Likelihoods {
  readonly first: Int32Array
  readonly from: Int32Array
  readonly values: Float64Array
}

function likelihoods(evidence: readonly Evidence[], areas: Float64Array): Likelihoods {
  const lastKnot = areas.length - 1
  const first = Int32Array.from(evidence, ({ places }) => Math.floor(places[0] ?? 0))
  const from = new Int32Array(evidence.length + 1)
  for (const [member, { places }] of evidence.entries()) {
    const last = Math.min(lastKnot, Math.floor(places[places.length - 1] ?? 0) + 1)
    from[member + 1] = (from[member] ?? 0) + last - (first[member] ?? 0) + 1
  }
  const values = new Float64Array(from[evidence.length] ?? 0)
  for (const [member, { places, weights }] of evidence.entries()) {
    const offset = (from[member] ?? 0) - (first[member] ?? 0)
    for (let index = 0; index < places.length; index += 1) {
      const place = places[index] ?? 0
      const knot = Math.min(lastKnot - 1, Math.floor(place))
      const weight = weights[index] ?? 0
      values[offset + knot] = (values[offset + knot] ?? 0) + (weight * (1 - (place - knot))) / (areas[knot] ?? 1)
      values[offset + knot + 1] = (values[offset + knot + 1] ?? 0) + (weight * (place - knot)) / (areas[knot + 1] ?? 1)
    }
  }
  return { first, from, values }
}

/** Share of each triangle under the beta distribution. */
function sketchShares({ alpha, beta }: BetaPrior, { angles, places, widths, knots }: AngleGrid): Float64Array {
  // At the very ends the density may be infinite: half a step inside it is not.
  const inside = (index: number) =>
    index === 0
      ? (angles[1] ?? 0) / 2
      : index === angles.length - 1
        ? ((angles[index - 1] ?? 0) + Math.PI / 2) / 2
        : (angles[index] ?? 0)
  const logs = angles.map(
    (_, index) =>
      (2 * alpha - 1) * Math.log(Math.sin(inside(index))) + (2 * beta - 1) * Math.log(Math.cos(inside(index))),
  )
  const greatest = logs.reduce((a, b) => Math.max(a, b))
  const shares = new Float64Array(knots.length)
  let sum = 0
  for (const [index, log] of logs.entries()) {
    const mass = Math.exp(log - greatest) * (widths[index] ?? 0)
    const knot = Math.min(knots.length - 2, Math.floor(places[index] ?? 0))
    const past = (places[index] ?? 0) - knot
    shares[knot] = (shares[knot] ?? 0) + mass * (1 - past)
    shares[knot + 1] = (shares[knot + 1] ?? 0) + mass * past
    sum += mass
  }
  return shares.map((share) => share / sum)
}

function fitShares(of: Likelihoods, sketch: Float64Array): Float64Array {
  const members = of.first.length
  // A share that starts at 0 stays there, and the sketch may be wrong about the tails: half starts everywhere.
  let shares = sketch.map((share) => share / 2 + 0.5 / sketch.length)
  let before = -Infinity
  for (let round = 0; round < roundsMax; round += 1) {
    const { next, logLikelihood } = expected(of, shares)
    shares = next.map((count, knot) => (count + (sketch[knot] ?? 0) * sketchMembers) / (members + sketchMembers))
    if (logLikelihood - before < gainMin * members) break
    before = logLikelihood
  }
  return shares
}

/** How many members each triangle is expected to have. */
function expected(
  { first, from, values }: Likelihoods,
  shares: Float64Array,
): { next: Float64Array; logLikelihood: number } {
  const next = new Float64Array(shares.length)
  let logLikelihood = 0
  for (let member = 0; member < first.length; member += 1) {
    const start = from[member] ?? 0
    const end = from[member + 1] ?? 0
    const shift = (first[member] ?? 0) - start
    let sum = 0
    for (let index = start; index < end; index += 1) sum += (values[index] ?? 0) * (shares[index + shift] ?? 0)
    logLikelihood += Math.log(sum)
    const scale = 1 / sum
    for (let index = start; index < end; index += 1)
      next[index + shift] = (next[index + shift] ?? 0) + (values[index] ?? 0) * (shares[index + shift] ?? 0) * scale
  }
  return { next, logLikelihood }
}
