import type { Trials } from '../domain/statistics/beta-binomial.ts'
import { fitFunnelPlot, funnelLimits, plotScore } from '../domain/statistics/funnel-plot.ts'
import { judgeRates, type JudgedRate } from '../domain/statistics/worst-tenth.ts'
import { InvalidParameter } from '../domain/errors.ts'
import type { Service } from '../domain/service.ts'
import type { FunnelPlot, LowCompletionAnswer, RankedService } from './answers.ts'
import { completionByService, servicesSeen, type Completion } from './completion.ts'
import type { LowCompletionQuestion, QueryContext } from './context.ts'
import { groundOf } from './ground.ts'
import { isoInZone, resolvePeriod } from './period.ts'
import { rateOf } from './rates.ts'

const servicesDefault = 100
/** Of one answer. */
export const servicesMax = 10_000

/** Sizes at which the limits of the funnel plot are given. */
const plotSizes = 40

/**
 * Services by low completion: the rate of each, drawn towards the others' by how little it shows, how probably it
 * is in the worst tenth, and where it loses most. Made-up services are left out once a real one has events.
 *
 * Reads   groundOf() and completionByService().
 * Cost    one pass over the period's journeys of these services.
 * Agrees  with funnel(): started, completed and elapsed are its totals. tests/integration/queries-low-completion.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz` or `limit`
 */
export async function lowCompletion(
  context: QueryContext,
  question: LowCompletionQuestion,
): Promise<LowCompletionAnswer> {
  const { limit = servicesDefault } = question
  if (!Number.isInteger(limit) || limit < 1 || limit > servicesMax)
    throw new InvalidParameter('limit', `a whole number from 1 to ${servicesMax}`)
  const now = context.clock.now()
  const services = await comparedServices(context, question)
  const period = resolvePeriod(question, sharedZone(services), now)
  const ground = await groundOf(context, services, [period])
  const completions = await completionByService(context, ground, services, { period, now })
  const ranking = rank(completions)
  const unfinished = completions.some(({ totals }) => totals.elapsed.started < totals.started)
  const revised = completions.some((completion) => completion.revised)
  return {
    from: isoInZone(period.from, period.tz),
    to: isoInZone(period.to, period.tz),
    tz: period.tz,
    asOf: new Date(now).toISOString(),
    revision: ground.revision,
    period: unfinished ? 'partial' : revised ? 'revised' : 'complete',
    services: ranking.slice(0, limit),
    funnelPlot: plotOf(completions),
  }
}

/** Services that a question compares: what the caller may read, made-up ones only while no real one has events. */
export async function comparedServices(
  context: QueryContext,
  question: Pick<LowCompletionQuestion, 'services' | 'department'>,
): Promise<readonly Service[]> {
  const all = await context.registry.services()
  const real = all.filter(({ sample }) => !sample)
  const seen = await servicesSeen(
    context,
    real.map(({ id }) => id),
  )
  const compared = seen.size > 0 ? real : all
  return compared.filter(
    ({ id, department }) =>
      (question.services === undefined || question.services.includes(id)) &&
      (question.department === undefined || question.department === department),
  )
}

/** Where all services have one zone, days are of it; days of several zones have no common midnight. */
export function sharedZone(services: readonly Service[]): string {
  const zones = new Set(services.map(({ timeZone }) => timeZone))
  const [zone] = zones
  return zones.size === 1 && zone !== undefined ? zone : 'UTC'
}

function trialsOf({ totals: { elapsed } }: Completion): Trials {
  return { successes: elapsed.completed, trials: elapsed.started }
}

/** Lowest shrunk rate first; what says nothing comes last, without a rank. */
function rank(completions: readonly Completion[]): RankedService[] {
  const telling = completions.filter((completion) => trialsOf(completion).trials > 0)
  const silent = completions.filter((completion) => trialsOf(completion).trials === 0)
  const judged = judgeRates(telling.map(trialsOf))
  const standing = telling
    .flatMap((completion, index) => {
      const rate = judged[index]
      return rate === undefined ? [] : [{ completion, rate }]
    })
    .sort(
      (a, b) => a.rate.shrunkRate - b.rate.shrunkRate || (a.completion.service.id < b.completion.service.id ? -1 : 1),
    )
  return [
    ...standing.map(({ completion, rate }, index) => ranked(completion, index + 1, rate)),
    ...silent.map((completion) => ranked(completion, null, unjudged)),
  ]
}

const unjudged: Pick<RankedService, keyof JudgedRate> = { shrunkRate: null, probabilityWorst: null, flagged: false }

function ranked(
  completion: Completion,
  place: number | null,
  judged: Pick<RankedService, keyof JudgedRate>,
): RankedService {
  const { service, totals, worstStep } = completion
  const trials = trialsOf(completion)
  return {
    rank: place,
    id: service.id,
    name: service.name,
    department: service.department ?? null,
    sample: service.sample,
    started: totals.started,
    completed: totals.completed,
    elapsed: totals.elapsed,
    rate: rateOf(trials.successes, trials.trials),
    ...judged,
    worstStep,
  }
}

function plotOf(completions: readonly Completion[]): FunnelPlot {
  const telling = completions.filter((completion) => trialsOf(completion).trials > 0)
  const fit = fitFunnelPlot(telling.map(trialsOf))
  if (fit === null) return { mean: null, phi: null, tau: null, points: [], limits: [] }
  const sizes = telling.map((completion) => trialsOf(completion).trials)
  return {
    ...fit,
    points: telling.map((completion) => {
      const trials = trialsOf(completion)
      return {
        id: completion.service.id,
        started: trials.trials,
        rate: trials.successes / trials.trials,
        z: plotScore(fit, trials),
      }
    }),
    limits: sizesBetween(Math.min(...sizes), Math.max(...sizes)).map((started) => ({
      started,
      ...funnelLimits(fit, started),
    })),
  }
}

/** Whole numbers a little past both ends, evenly spread as ratios. */
function sizesBetween(smallest: number, largest: number): number[] {
  const from = Math.max(1, smallest / 1.5)
  const ratio = (largest * 1.5) / from
  const sizes = Array.from({ length: plotSizes }, (_, index) => Math.round(from * ratio ** (index / (plotSizes - 1))))
  return [...new Set(sizes)]
}
