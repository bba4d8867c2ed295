import {
  fitBetaBinomial,
  probabilityBelow,
  shrunkRate,
  worstTenth,
  type BetaPrior,
  type Trials,
} from '../domain/statistics/beta-binomial.ts'
import { fitFunnelPlot, funnelLimits, plotScore } from '../domain/statistics/funnel-plot.ts'
import { InvalidParameter } from '../domain/errors.ts'
import type { Service } from '../domain/service.ts'
import type { FunnelPlot, LowCompletionAnswer, RankedService } from './answers.ts'
import { completionByService, servicesSeen, type Completion } from './completion.ts'
import type { LowCompletionQuestion, QueryContext } from './context.ts'
import { isoInZone, resolvePeriod } from './period.ts'
import { rateOf } from './rates.ts'
import { revisionOf } from './revision.ts'

const servicesDefault = 100
/** Of one answer. */
export const servicesMax = 10_000

/** A tenth of fewer than ten services is not one service. */
const flaggedAmongMin = 10
const flaggedFrom = 0.95

/** Sizes at which the limits of the funnel plot are given. */
const plotSizes = 40

/**
 * Services by low completion: the rate of each, drawn towards the others' by how little it shows, how probably it
 * is in the worst tenth, and where it loses most. Made-up services are left out once a real one has events.
 *
 * Reads   completionByService().
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
  const revision = await revisionOf(context, services)
  const completions = await completionByService(context, services, period, now)
  const ranking = rank(completions)
  const unfinished = completions.some(({ totals }) => totals.elapsed.started < totals.started)
  const revised = completions.some((completion) => completion.revised)
  return {
    from: isoInZone(period.from, period.tz),
    to: isoInZone(period.to, period.tz),
    tz: period.tz,
    asOf: new Date(now).toISOString(),
    revision,
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
  const prior = fitBetaBinomial(telling.map(trialsOf))
  if (prior === null) return completions.map((completion) => ranked(completion, null))
  const worst = worstTenth(prior)
  const judged = telling
    .map((completion) => ({ completion, shrunk: shrunkRate(prior, trialsOf(completion)) }))
    .sort((a, b) => a.shrunk - b.shrunk || (a.completion.service.id < b.completion.service.id ? -1 : 1))
    .map(({ completion }, index) => ranked(completion, { rank: index + 1, prior, worst, compared: telling.length }))
  const silent = completions.filter((completion) => trialsOf(completion).trials === 0)
  return [...judged, ...silent.map((completion) => ranked(completion, null))]
}

interface Standing {
  readonly rank: number
  readonly prior: BetaPrior
  /** The rate below which a tenth of such services lies. */
  readonly worst: number
  readonly compared: number
}

function ranked(completion: Completion, standing: Standing | null): RankedService {
  const { service, totals, worstStep } = completion
  const trials = trialsOf(completion)
  const probabilityWorst = standing === null ? null : probabilityBelow(standing.worst, standing.prior, trials)
  return {
    rank: standing?.rank ?? null,
    id: service.id,
    name: service.name,
    department: service.department ?? null,
    sample: service.sample,
    started: totals.started,
    completed: totals.completed,
    elapsed: totals.elapsed,
    rate: rateOf(trials.successes, trials.trials),
    shrunkRate: standing === null ? null : shrunkRate(standing.prior, trials),
    probabilityWorst,
    flagged:
      standing !== null &&
      probabilityWorst !== null &&
      standing.compared >= flaggedAmongMin &&
      probabilityWorst >= flaggedFrom,
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
