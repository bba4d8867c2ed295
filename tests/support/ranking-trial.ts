import { probabilityAmongLowest } from '../../domain/statistics/lowest.ts'
import { angleGrid, evidenceOf, posteriorOf } from '../../domain/statistics/rate-posterior.ts'
import { wilson } from '../../domain/statistics/wilson.ts'
import { judgeRates } from '../../domain/statistics/worst-tenth.ts'
import { simulate, spreads, type Simulated, type Spread, type SpreadName } from './simulated-rates.ts'

/** Length of the list that is read from the top. */
const listed = 20

export type Method = 'shrunk' | 'raw' | 'wilson' | 'optimum'

export interface RankingTrial {
  /** Share of the worst 20 by each method that are among the truly worst 20. */
  readonly precision: Readonly<Record<Method, number>>
  readonly flagged: number
  /** Flagged and truly in the worst tenth. */
  readonly flaggedRightly: number
}

/** One population of known rates, ranked by its counts in each way. */
export function rankingTrial(name: SpreadName, seed: number): RankingTrial {
  const spread = spreads[name]
  const simulated = simulate(spread, seed)
  const { members, rates } = simulated
  const byRate = indexesBy(rates)
  const [worst, worstTenth] = [new Set(byRate.slice(0, listed)), new Set(byRate.slice(0, members.length / 10))]
  const precision = (scores: readonly number[]) =>
    indexesBy(scores)
      .slice(0, listed)
      .filter((index) => worst.has(index)).length / listed
  const judged = judgeRates(members)
  const flagged = judged.flatMap((judgement, index) => (judgement.flagged ? [index] : []))
  return {
    precision: {
      shrunk: precision(judged.map(({ shrunkRate }) => shrunkRate)),
      raw: precision(members.map(({ successes, trials }) => successes / trials)),
      wilson: precision(members.map(({ successes, trials }) => wilson(successes, trials)?.low ?? 0)),
      optimum: precision(optimum(spread, simulated)),
    },
    flagged: flagged.length,
    flaggedRightly: flagged.filter((index) => worstTenth.has(index)).length,
  }
}

/** Lowest first; of equals, the first. */
function indexesBy(scores: readonly number[]): number[] {
  return scores.map((_, index) => index).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b)
}

/**
 * No ranking by these counts has a greater expected precision: by the probability of being among the truly worst 20,
 * under the distribution that the rates were drawn from.
 */
function optimum(spread: Spread, { members }: Simulated): number[] {
  const grid = angleGrid(spread.centre, spread.scale)
  const density = grid.knots.map((angle) => spread.density(Math.min(Math.PI / 2 - 1e-6, Math.max(1e-6, angle))))
  const posteriors = members.map((member) => posteriorOf(evidenceOf(grid, member), density))
  return probabilityAmongLowest(posteriors, listed).map((probability) => -probability)
}
