import { judgeRates } from '../../domain/statistics/worst-tenth.ts'
import { rankingTrial, type Method, type RankingTrial } from '../support/ranking-trial.ts'
import { simulate, spreads, type SpreadName } from '../support/simulated-rates.ts'
import { percentile } from './machine.ts'

const seeds = 200
const names: readonly SpreadName[] = ['narrow', 'wide', 'skewed']
const methods: readonly Method[] = ['shrunk', 'raw', 'wilson', 'optimum']

/**
 * Services of known true rates, ranked by their counts: how many of the worst 20 are truly among the worst 20, beside
 * the raw rate, the Wilson lower bound and the best that is possible; how many flags are right; and what it costs.
 */
export async function ranking(): Promise<unknown> {
  const measured: Partial<Record<SpreadName, unknown>> = {}
  for (const name of names) {
    measured[name] = await measure(name)
    process.stderr.write(`${JSON.stringify({ spread: name, ...Object(measured[name]) })}\n`)
  }
  return { services: 2_000, seeds, spreads: measured, cost: cost() }
}

async function measure(name: SpreadName): Promise<unknown> {
  const trials: RankingTrial[] = []
  for (let seed = 1; seed <= seeds; seed += 1) {
    trials.push(rankingTrial(name, seed))
    // A stop signal is heard between two.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
  const precision = Object.fromEntries(
    methods.map((method) => [method, mean(trials.map((trial) => trial.precision[method]))]),
  )
  const flagged = trials.reduce((sum, trial) => sum + trial.flagged, 0)
  const rightly = trials.reduce((sum, trial) => sum + trial.flaggedRightly, 0)
  return {
    rates: spreads[name].words,
    precision: Object.fromEntries(Object.entries(precision).map(([method, value]) => [method, rounded(value)])),
    ofOptimum: rounded((precision['shrunk'] ?? 0) / (precision['optimum'] ?? 1)),
    flaggedEach: rounded(flagged / seeds),
    flaggedRightly: rounded(rightly / flagged),
  }
}

/** Milliseconds of the statistics of one question. */
function cost(): unknown {
  return [2_000, 5_000, 10_000].map((services) => {
    const { members } = simulate(spreads.skewed, 1, services)
    const rounds = Array.from({ length: 9 }, () => {
      const before = process.cpuUsage()
      judgeRates(members)
      return process.cpuUsage(before).user / 1_000
    })
    return { services, cpuMs: Math.round(percentile(rounds, 0.5)) }
  })
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
