import { InvalidParameter } from '../domain/errors.ts'
import { normaliseFunnel, type Service } from '../domain/service.ts'
import type { Trials } from '../domain/statistics/beta-binomial.ts'
import { bestOf, recoverable, typicalOf, type Benchmark, type Estimate } from '../domain/statistics/recoverable.ts'
import type { OpportunitiesAnswer, Opportunity } from './answers.ts'
import type { OpportunitiesQuestion, QueryContext } from './context.ts'
import { comparedServices, sharedZone } from './low-completion.ts'
import { revisedServices } from './marks.ts'
import { isoInZone, resolvePeriod, type Period } from './period.ts'
import { rateOf } from './rates.ts'
import { revisionOf } from './revision.ts'
import { quarterMs, stepLossesByService, type ServiceLosses, type StepLosses } from './step-losses.ts'
import { labelAt, stepAt } from './subject.ts'

const opportunitiesDefault = 100
/** Of one answer. */
export const opportunitiesMax = 1_000

/** The same step name in fewer services is no standard to hold one to. */
const peersMin = 5
/** A stretch in which fewer journeys reached the step is not compared. */
const reachedMin = 100

/**
 * Steps across services by how many more would finish if the step lost no more than its peers do, or than in its
 * own best quarter. The figures are per step, each with all other steps as they are: they must not be added up.
 *
 * Reads   stepLossesByService().
 * Cost    one pass over a year's journeys of these services; a fit a step name, and one a step.
 * Agrees  with funnel() on what is counted: tests/integration/queries-opportunities.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz` or `limit`
 */
export async function opportunities(
  context: QueryContext,
  question: OpportunitiesQuestion,
): Promise<OpportunitiesAnswer> {
  const { limit = opportunitiesDefault } = question
  if (!Number.isInteger(limit) || limit < 1 || limit > opportunitiesMax)
    throw new InvalidParameter('limit', `a whole number from 1 to ${opportunitiesMax}`)
  const now = context.clock.now()
  const services = await comparedServices(context, question)
  const period = resolvePeriod(question, sharedZone(services), now)
  const revision = await revisionOf(context, services)
  const losses = await stepLossesByService(context, services, period, now)
  const revised = await revisedServices(context, services, period)
  const found = ranked(stepsOf(services, losses), period)
  const unfinished = [...losses.values()].some(({ started, elapsed }) => elapsed < started)
  return {
    from: isoInZone(period.from, period.tz),
    to: isoInZone(period.to, period.tz),
    tz: period.tz,
    asOf: new Date(now).toISOString(),
    revision,
    period: unfinished ? 'partial' : revised.size > 0 ? 'revised' : 'complete',
    opportunities: found.slice(0, limit).map((one, index) => ({ rank: index + 1, ...one })),
    other: Math.max(0, found.length - limit),
  }
}

/** A step of a service with what it lost. */
interface Step {
  readonly service: Service
  readonly position: number
  readonly step: string | null
  readonly label: string
  readonly kept: Trials
  readonly finished: Trials
  readonly quarters: readonly Trials[]
}

function stepsOf(services: readonly Service[], losses: ReadonlyMap<string, ServiceLosses>): Step[] {
  return services.flatMap((service) => {
    const funnel = normaliseFunnel(service.funnel)
    const own = losses.get(service.id)
    if (own === undefined) return []
    // Who reaches the last step completes: nobody is lost there.
    return funnel.positions.slice(0, -1).map((_, index) => ({
      service,
      position: index + 1,
      step: stepAt(funnel, index + 1),
      label: labelAt(funnel, index + 1),
      kept: keptAt(own.period, index),
      finished: { successes: own.period.completed[index] ?? 0, trials: keptAt(own.period, index).successes },
      quarters: own.quarters.map((quarter) => keptAt(quarter, index)),
    }))
  })
}

/** Of those who entered, who was not lost there. */
function keptAt({ entered, lost }: StepLosses, index: number): Trials {
  const trials = entered[index] ?? 0
  return { successes: trials - (lost[index] ?? 0), trials }
}

function ranked(steps: readonly Step[], period: Period): Omit<Opportunity, 'rank'>[] {
  const telling = steps.filter(({ kept }) => kept.trials >= reachedMin)
  const peers = peersByName(telling)
  return telling
    .flatMap((step) => opportunityOf(step, peers, period) ?? [])
    .sort(
      (a, b) =>
        b.recoverable.value - a.recoverable.value ||
        (a.service < b.service ? -1 : a.service > b.service ? 1 : a.position - b.position),
    )
}

type Peers = ReadonlyMap<string, { readonly services: number; readonly typical: Benchmark }>

/** What is typical of a step name, where enough services have it; of a name that one has twice, the first. */
function peersByName(steps: readonly Step[]): Peers {
  const byName = new Map<string, Map<string, Trials>>()
  for (const { step, service, kept } of steps) {
    if (step === null) continue
    const members = byName.get(step) ?? new Map<string, Trials>()
    if (!members.has(service.id)) members.set(service.id, kept)
    byName.set(step, members)
  }
  return new Map(
    [...byName].flatMap(([name, members]) => {
      const typical = members.size < peersMin ? null : typicalOf([...members.values()])
      return typical === null ? [] : [[name, { services: members.size, typical }] as const]
    }),
  )
}

function opportunityOf(step: Step, peers: Peers, period: Period): Omit<Opportunity, 'rank'> | null {
  const { service, kept, finished } = step
  const typical = step.step === null ? undefined : peers.get(step.step)
  const best = bestOf(
    step.quarters.map((quarter) => (quarter.trials < reachedMin ? { successes: 0, trials: 0 } : quarter)),
  )
  const ofPeers =
    typical === undefined
      ? null
      : {
          services: typical.services,
          rate: typical.typical.rate,
          recoverable: recoverable(typical.typical, kept, finished),
        }
  const ofQuarter =
    best === null
      ? null
      : { ...stretch(best.index, period), rate: best.rate, recoverable: recoverable(best, kept, finished) }
  const byPeers = (ofPeers?.recoverable.value ?? 0) >= (ofQuarter?.recoverable.value ?? 0)
  const chosen = (byPeers ? ofPeers : ofQuarter)?.recoverable
  if (chosen === undefined || chosen.value === 0) return null
  return {
    service: service.id,
    name: service.name,
    department: service.department ?? null,
    sample: service.sample,
    position: step.position,
    step: step.step,
    stepName: step.label,
    entered: kept.trials,
    lost: kept.trials - kept.successes,
    keptRate: rateOf(kept.successes, kept.trials),
    finishingRate: rateOf(finished.successes, finished.trials),
    benchmark: byPeers ? 'peers' : 'best-quarter',
    peers: ofPeers,
    bestQuarter: ofQuarter,
    recoverable: chosen,
    ...costOf(service, chosen),
  }
}

function stretch(index: number, { to, tz }: Period): { from: string; to: string } {
  return { from: isoInZone(to - (index + 1) * quarterMs, tz), to: isoInZone(to - index * quarterMs, tz) }
}

function costOf({ costs }: Service, { value, low, high }: Estimate): Pick<Opportunity, 'cost' | 'costReason'> {
  const each = costs?.otherChannel
  if (each === undefined) return { cost: null, costReason: 'the service has no costs.otherChannel' }
  return {
    cost: { value: value * each, low: low * each, high: high * each, currency: costs?.currency ?? null },
    costReason: null,
  }
}
