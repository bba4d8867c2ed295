import { fitBetaBinomial, type BetaPrior, type Trials } from './beta-binomial.ts'
import { wilson, z95 } from './wilson.ts'

/** A figure with its 95 % interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** A rate that others show to be possible, and how surely it is known. */
export interface Benchmark {
  readonly rate: number
  /** Of `rate`. */
  readonly variance: number
  /** What is drawn towards, and how strongly, when members are compared. */
  readonly prior: BetaPrior
}

/**
 * What a typical member of a population does: the mean of the beta distribution of its true rates. Its variance is
 * that of a mean of random effects, 1 / Σ 1 / (between + rate (1 - rate) / trials) (DerSimonian and Laird,
 * Meta-analysis in clinical trials, Controlled Clinical Trials 7, 1986).
 * @returns `null` when no member has trials
 */
export function typicalOf(population: readonly Trials[]): Benchmark | null {
  const prior = fitBetaBinomial(population)
  if (prior === null) return null
  const rate = prior.alpha / (prior.alpha + prior.beta)
  const within = rate * (1 - rate)
  const between = within / (prior.alpha + prior.beta + 1)
  const weights = population.filter(({ trials }) => trials > 0).map(({ trials }) => 1 / (between + within / trials))
  return { rate, variance: 1 / weights.reduce((sum, weight) => sum + weight, 0), prior }
}

/**
 * The best of a few stretches of one thing. The greatest of several observed rates is too great, since chance
 * helped to choose it: each is drawn towards the others by how little it shows (beta-binomial, as the ranking of
 * services; Efron and Morris, Data analysis using Stein's estimator, JASA 70, 1975) before the best is taken.
 * @returns `null` when fewer than two have trials: there is nothing to be better than
 */
export function bestOf(stretches: readonly Trials[]): (Benchmark & { readonly index: number }) | null {
  const telling = stretches.flatMap((trials, index) => (trials.trials > 0 ? [{ trials, index }] : []))
  const prior = fitBetaBinomial(telling.map(({ trials }) => trials))
  if (prior === null || telling.length < 2) return null
  const [best] = telling
    .map(({ trials, index }) => ({
      index,
      rate: shrunkRate(prior, trials),
      variance: posteriorVariance(prior, trials),
    }))
    .sort((a, b) => b.rate - a.rate || a.index - b.index)
  return best === undefined ? null : { ...best, prior }
}

/** Mean of a Beta posterior: the rate that was seen, drawn towards the mean of the prior. */
function shrunkRate({ alpha, beta }: BetaPrior, { successes, trials }: Trials): number {
  return (alpha + successes) / (alpha + beta + trials)
}

/** Of a Beta posterior: mean (1 - mean) / (precision + 1). */
function posteriorVariance(prior: BetaPrior, shown: Trials): number {
  const mean = shrunkRate(prior, shown)
  return (mean * (1 - mean)) / (prior.alpha + prior.beta + shown.trials + 1)
}

/**
 * How many more would finish, had a step kept as many as the benchmark says: those who reached it × (benchmark -
 * its own rate, drawn towards the benchmark's others) × the share of those kept that finishes. The interval is
 * that of a difference of two independent normal estimates times Wilson's of the share, end by end, so it is
 * wider than 95 % needs. Never below 0, never above those lost.
 * @param kept of those who reached the step, who was not lost there
 * @param finished of those kept, who completed
 */
export function recoverable(benchmark: Benchmark, kept: Trials, finished: Trials): Estimate {
  const share = wilson(finished.successes, finished.trials)
  if (kept.trials === 0 || share === null) return { value: 0, low: 0, high: 0 }
  const gain = benchmark.rate - shrunkRate(benchmark.prior, kept)
  const half = z95 * Math.sqrt(benchmark.variance + posteriorVariance(benchmark.prior, kept))
  const held = (of: number, finishing: number) =>
    Math.min(kept.trials - kept.successes, Math.max(0, of) * kept.trials) * finishing
  return {
    value: held(gain, finished.successes / finished.trials),
    low: held(gain - half, share.low),
    high: held(gain + half, share.high),
  }
}
