import { logGamma } from './special.ts'

/** Of `trials`, so many succeeded. */
export interface Trials {
  readonly successes: number
  readonly trials: number
}

/** True rates of a population as Beta(alpha, beta). */
export interface BetaPrior {
  readonly alpha: number
  readonly beta: number
}

/** Rates further apart than a million trials would show are told apart; nearer ones are one rate. */
const logPrecisionMax = Math.log(1e6)
const logPrecisionMin = Math.log(1e-2)
const logitMax = 14

/**
 * The beta distribution that the true rates of a population follow, judged by counts of each member (empirical
 * Bayes): the mode of the posterior of (log(alpha/beta), log(alpha+beta)) under the flat hyperprior
 * p(alpha, beta) ~ (alpha+beta)^(-5/2) of Gelman et al. (Bayesian Data Analysis, 3rd ed., §5.3), which keeps
 * the fit finite where counts are few. Found by the simplex method of Nelder and Mead (1965).
 * @param population members without trials say nothing and are passed over
 * @returns `null` when no member has trials
 */
export function fitBetaBinomial(population: readonly Trials[]): BetaPrior | null {
  const telling = population.filter(({ trials }) => trials > 0)
  if (telling.length === 0) return null
  const successes = telling.reduce((sum, member) => sum + member.successes, 0)
  const trials = telling.reduce((sum, member) => sum + member.trials, 0)
  const mean = (successes + 0.5) / (trials + 1)
  const [logit, logPrecision] = minimise(
    ([atLogit, atLogPrecision]) =>
      outside(atLogit, atLogPrecision) - logPosterior(priorAt(atLogit, atLogPrecision), telling),
    [Math.min(logitMax, Math.max(-logitMax, Math.log(mean / (1 - mean)))), Math.log(10)],
  )
  return priorAt(logit, logPrecision)
}

function priorAt(logit: number, logPrecision: number): BetaPrior {
  const precision = Math.exp(Math.min(logPrecisionMax, Math.max(logPrecisionMin, logPrecision)))
  const bounded = Math.min(logitMax, Math.max(-logitMax, logit))
  return { alpha: precision / (1 + Math.exp(-bounded)), beta: precision / (1 + Math.exp(bounded)) }
}

/** Grows with the distance from the bounds: past them the posterior is flat, and a simplex would walk on for ever. */
function outside(logit: number, logPrecision: number): number {
  const past = (value: number, low: number, high: number) => Math.max(low - value, value - high, 0)
  return past(logit, -logitMax, logitMax) ** 2 + past(logPrecision, logPrecisionMin, logPrecisionMax) ** 2
}

function logPosterior({ alpha, beta }: BetaPrior, population: readonly Trials[]): number {
  const precision = alpha + beta
  const hyperprior = Math.log(alpha) + Math.log(beta) - 2.5 * Math.log(precision)
  const normaliser = logGamma(precision) - logGamma(alpha) - logGamma(beta)
  return population.reduce(
    (sum, { successes, trials }) =>
      sum +
      normaliser +
      logGamma(alpha + successes) +
      logGamma(beta + (trials - successes)) -
      logGamma(precision + trials),
    hyperprior,
  )
}

type Point = readonly [number, number]

/** Nelder and Mead (1965) with the usual coefficients, in two dimensions. */
function minimise(cost: (point: Point) => number, start: Point): Point {
  const at = (point: Point) => ({ point, cost: cost(point) })
  let [best, middle, worst] = [at(start), at([start[0] + 0.5, start[1]]), at([start[0], start[1] + 1])].sort(
    (a, b) => a.cost - b.cost,
  )
  for (let round = 0; round < 400; round += 1) {
    if (best === undefined || middle === undefined || worst === undefined) break
    const spread = Math.hypot(worst.point[0] - best.point[0], worst.point[1] - best.point[1])
    if (spread < 1e-7) break
    const [b, m, w] = [best, middle, worst]
    const along = (factor: number): Point => [
      (b.point[0] + m.point[0]) / 2 + factor * ((b.point[0] + m.point[0]) / 2 - w.point[0]),
      (b.point[1] + m.point[1]) / 2 + factor * ((b.point[1] + m.point[1]) / 2 - w.point[1]),
    ]
    const towardsBest = (point: Point): Point => [(point[0] + b.point[0]) / 2, (point[1] + b.point[1]) / 2]
    const reflected = at(along(1))
    let candidates
    if (reflected.cost < b.cost) {
      const expanded = at(along(2))
      candidates = [b, m, expanded.cost < reflected.cost ? expanded : reflected]
    } else if (reflected.cost < m.cost) candidates = [b, m, reflected]
    else {
      const contracted = at(along(reflected.cost < w.cost ? 0.5 : -0.5))
      candidates =
        contracted.cost < Math.min(reflected.cost, w.cost)
          ? [b, m, contracted]
          : [b, at(towardsBest(m.point)), at(towardsBest(w.point))]
    }
    ;[best, middle, worst] = candidates.sort((x, y) => x.cost - y.cost)
  }
  return best?.point ?? start
}
