import { z95, type Interval } from './wilson.ts'

/** A stratum: who was exposed and who was not, each by whether the event happened. Counts, none negative. */
export interface TwoByTwo {
  readonly exposedEvents: number
  readonly exposedOthers: number
  readonly otherEvents: number
  readonly otherOthers: number
}

export interface Estimate extends Interval {
  readonly value: number
}

/**
 * Common odds ratio of the event over strata (Mantel and Haenszel 1959), exposed against not exposed, with the
 * interval of Robins, Breslow and Greenland (1986): on the scale of the logarithm, good both for few large strata
 * and for many sparse ones. Of one stratum it is the sample odds ratio with Woolf's interval (1955).
 * @param z quantile for the confidence wanted, times what the standard error is to be inflated by
 * @returns `null` when the strata have no pair that speaks for the event or none that speaks against it: the
 *   ratio would be 0, infinite or nothing, and no interval could be given
 */
export function commonOddsRatio(strata: readonly TwoByTwo[], z = z95): Estimate | null {
  let [forIt, against, ofFor, mixed, ofAgainst] = [0, 0, 0, 0, 0]
  for (const { exposedEvents: a, exposedOthers: b, otherEvents: c, otherOthers: d } of strata) {
    const n = a + b + c + d
    if (n === 0) continue
    const [r, s] = [(a * d) / n, (b * c) / n]
    const [p, q] = [(a + d) / n, (b + c) / n]
    forIt += r
    against += s
    ofFor += p * r
    mixed += p * s + q * r
    ofAgainst += q * s
  }
  if (forIt === 0 || against === 0) return null
  const variance = ofFor / (2 * forIt * forIt) + mixed / (2 * forIt * against) + ofAgainst / (2 * against * against)
  const value = forIt / against
  const factor = Math.exp(z * Math.sqrt(variance))
  return { value, low: value / factor, high: value * factor }
}

/**
 * What Cochran (1954) and Mantel and Haenszel (1959) compare: events of the exposed less those expected were all
 * strata without effect, its variance given the margins, and the weights of the risk difference,
 * which is `excess / weight`.
 */
export function cochranMantelHaenszel(strata: readonly TwoByTwo[]): {
  readonly excess: number
  readonly variance: number
  readonly weight: number
} {
  let [excess, variance, weight] = [0, 0, 0]
  for (const { exposedEvents: a, exposedOthers: b, otherEvents: c, otherOthers: d } of strata) {
    const n = a + b + c + d
    if (n < 2) continue
    const exposed = a + b
    const events = a + c
    excess += a - (exposed * events) / n
    variance += (exposed * (n - exposed) * events * (n - events)) / (n * n * (n - 1))
    weight += (exposed * (n - exposed)) / n
  }
  return { excess, variance, weight }
}

/**
 * Events of the exposed that a stratum's margins and an odds ratio imply: what Breslow and Day (1980, §4.4) fit.
 * The root, between the bounds that the margins set, of a (others − events + a) = ratio (exposed − a)(events − a).
 */
export function fittedExposedEvents(
  { exposedEvents: a, exposedOthers: b, otherEvents: c, otherOthers: d }: TwoByTwo,
  ratio: number,
): number {
  const [exposed, others, events] = [a + b, c + d, a + c]
  const [low, high] = [Math.max(0, events - others), Math.min(exposed, events)]
  if (low === high) return low
  const linear = others - events + ratio * (exposed + events)
  const square = 1 - ratio
  const constant = ratio * exposed * events
  // square a² + linear a − constant = 0, by the form that does not subtract what is nearly equal.
  const root = (2 * constant) / (linear + Math.sqrt(Math.max(0, linear * linear + 4 * square * constant)))
  return Math.min(high, Math.max(low, root))
}
