import { between, firstFrom, type Posterior } from './rate-posterior.ts'
import { normalCdf } from './special.ts'

/** Up to so many members the count of others below is exact. */
const exactMax = 40
/** Angles at which the members below are counted. */
const countedMax = 384
const quantilesMin = 5
const quantilesMax = 64

/**
 * Of each member, the probability that its true rate is among the `lowest` of all of these: that fewer than so many
 * of the others lie below it, over what is known of each (Lin, Louis, Paddock and Ridgeway, Loss function based
 * ranking in two-stage hierarchical models, Bayesian Analysis 1, 2006). How many of the others lie below is a sum of
 * unequal yes and no (Poisson-binomial): summed up exactly for few, for many by the refined normal approximation
 * (Hong, On computing the distribution function for the Poisson binomial distribution, CSDA 59, 2013).
 * They add up to `lowest`, as far as the approximation goes.
 */
export function probabilityAmongLowest(members: readonly Posterior[], lowest: number): number[] {
  if (lowest >= members.length) return members.map(() => 1)
  if (members.length <= exactMax) return members.map((member) => exact(members, member, lowest))
  const counted = countBelow(members, countedAngles(members, lowest))
  return members.map((member) => approximate(member, counted, lowest))
}

/**
 * Spread as the members are, all quantiles together, up to where surely more than `lowest` lie below: the variance
 * of such a count is below its mean, and its standard deviation so below sqrt(mean).
 */
function countedAngles(members: readonly Posterior[], lowest: number): Float64Array {
  const each = Math.min(quantilesMax, Math.max(quantilesMin, Math.floor(20_000 / members.length)))
  const all = new Float64Array(members.length * each)
  for (const [index, { angles, below }] of members.entries())
    for (let quantile = 0; quantile < each; quantile += 1)
      all[index * each + quantile] = angles[Math.min(angles.length - 1, firstFrom(below, (quantile + 0.5) / each))] ?? 0
  all.sort()
  const counted = Math.min(all.length, Math.ceil(each * (lowest + 10 * Math.sqrt(lowest) + 40)))
  const length = Math.min(counted, countedMax)
  return Float64Array.from({ length }, (_, index) => all[Math.round((index * (counted - 1)) / (length - 1))] ?? 0)
}

/** Of how many members lie below each angle: the mean, the variance and the third central moment. */
interface Counted {
  readonly angles: Float64Array
  readonly mean: Float64Array
  readonly variance: Float64Array
  readonly third: Float64Array
}

function countBelow(members: readonly Posterior[], angles: Float64Array): Counted {
  const [mean, variance, third] = [angles, angles, angles].map(() => new Float64Array(angles.length))
  const whole = new Float64Array(angles.length + 1)
  if (mean === undefined || variance === undefined || third === undefined) throw new RangeError('three arrays')
  for (const { angles: own, below } of members) {
    const last = own[own.length - 1] ?? 0
    let node = 0
    let index = firstFrom(angles, own[0] ?? 0)
    for (; index < angles.length && (angles[index] ?? 0) < last; index += 1) {
      const angle = angles[index] ?? 0
      while ((own[node + 1] ?? Infinity) <= angle) node += 1
      const from = own[node] ?? 0
      const share = between(below, node + (angle - from) / ((own[node + 1] ?? 0) - from))
      mean[index] = (mean[index] ?? 0) + share
      variance[index] = (variance[index] ?? 0) + share * (1 - share)
      third[index] = (third[index] ?? 0) + share * (1 - share) * (1 - 2 * share)
    }
    whole[index] = (whole[index] ?? 0) + 1
  }
  let passed = 0
  for (let index = 0; index < angles.length; index += 1) {
    passed += whole[index] ?? 0
    mean[index] = (mean[index] ?? 0) + passed
  }
  return { angles, mean, variance, third }
}

function approximate({ angles, masses, below }: Posterior, counted: Counted, lowest: number): number {
  let sum = 0
  let at = Math.max(0, firstFrom(counted.angles, angles[0] ?? 0) - 1)
  const last = counted.angles[counted.angles.length - 1] ?? 0
  for (let node = 0; node < angles.length; node += 1) {
    const mass = masses[node] ?? 0
    if (mass < 1e-12) continue
    const angle = angles[node] ?? 0
    if (angle > last) break
    while (at < counted.angles.length - 2 && (counted.angles[at + 1] ?? 0) <= angle) at += 1
    const from = counted.angles[at] ?? 0
    const width = (counted.angles[at + 1] ?? 0) - from
    const place = at + (width > 0 ? Math.min(1, Math.max(0, (angle - from) / width)) : 0)
    const own = below[node] ?? 0
    const spread = own * (1 - own)
    sum +=
      mass *
      fewer(
        lowest,
        between(counted.mean, place) - own,
        between(counted.variance, place) - spread,
        between(counted.third, place) - spread * (1 - 2 * own),
      )
  }
  return Math.min(1, Math.max(0, sum))
}

/** Probability that a count is below `lowest`, by its moments. */
function fewer(lowest: number, mean: number, variance: number, third: number): number {
  const deviation = Math.sqrt(Math.max(variance, 1e-12))
  const z = (lowest - 0.5 - mean) / deviation
  if (z > 6) return 1
  if (z < -6) return 0
  const skewness = third / deviation ** 3
  const correction = (skewness * (1 - z * z) * Math.exp((-z * z) / 2)) / (6 * Math.sqrt(2 * Math.PI))
  return Math.min(1, Math.max(0, normalCdf(z) + correction))
}

function exact(members: readonly Posterior[], member: Posterior, lowest: number): number {
  const others = members.filter((other) => other !== member)
  let sum = 0
  for (let node = 0; node < member.angles.length; node += 1) {
    const mass = member.masses[node] ?? 0
    if (mass < 1e-12) continue
    const angle = member.angles[node] ?? 0
    // counts[k]: probability that k of the others seen so far lie below, for k < lowest.
    const counts = new Float64Array(lowest)
    counts[0] = 1
    for (const other of others) {
      const share = shareBelow(other, angle)
      for (let count = lowest - 1; count >= 0; count -= 1)
        counts[count] = (counts[count] ?? 0) * (1 - share) + (count > 0 ? (counts[count - 1] ?? 0) * share : 0)
    }
    sum += mass * counts.reduce((a, b) => a + b, 0)
  }
  return Math.min(1, Math.max(0, sum))
}

/** Probability that the true angle of a member is below this one. */
export function shareBelow({ angles, below }: Posterior, angle: number): number {
  if (angle < (angles[0] ?? 0)) return 0
  if (angle >= (angles[angles.length - 1] ?? 0)) return 1
  const node = firstFrom(angles, angle)
  const index = angles[node] === angle ? node : node - 1
  const from = angles[index] ?? 0
  return between(below, index + (angle - from) / ((angles[index + 1] ?? 1) - from))
}
