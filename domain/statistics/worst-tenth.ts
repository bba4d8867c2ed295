import type { Trials } from './beta-binomial.ts'
import { probabilityAmongLowest } from './lowest.ts'
import { meanRate, posteriorOf } from './rate-posterior.ts'
import { fitRatePrior } from './rate-prior.ts'

/** A tenth of fewer than ten members is not one member: none of them is flagged. */
const flaggedAmongMin = 10
const flaggedFrom = 0.95

export interface JudgedRate {
  /** Posterior mean of the true rate: drawn towards the others' by how little the member shows. */
  readonly shrunkRate: number
  /** That its true rate is among the lowest tenth of these members', of fewer than ten the lowest; `null` of one alone. */
  readonly probabilityWorst: number | null
  /** The probability is 0.95 or more, and there are ten members or more. */
  readonly flagged: boolean
}

/**
 * What a population's counts say of each member's true rate, beside the others (empirical Bayes). Deterministic;
 * the cost grows with the members alone, whatever their trials.
 * @param members each with trials
 */
export function judgeRates(members: readonly Trials[]): JudgedRate[] {
  const prior = fitRatePrior(members)
  if (prior === null) return []
  const posteriors = prior.evidence.map((evidence) => posteriorOf(evidence, prior.density))
  const probabilities =
    members.length === 1 ? null : probabilityAmongLowest(posteriors, Math.max(1, Math.floor(members.length / 10)))
  return posteriors.map((posterior, index) => {
    const probabilityWorst = probabilities?.[index] ?? null
    const flagged = members.length >= flaggedAmongMin && (probabilityWorst ?? 0) >= flaggedFrom
    return { shrunkRate: meanRate(posterior), probabilityWorst, flagged }
  })
}
