import type { FunnelInput, Service } from '../../domain/service.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { Questions } from '../../queries/context.ts'
import { resolvePeriod } from '../../queries/period.ts'
import { rawBreakdown, rawByService, rawFunnel, rawJourneys, rawTrend } from './query-raw.ts'

const dayMs = 86_400_000

export interface Asked {
  readonly name: string
  /** From our tables, as the API does. */
  readonly ours: () => Promise<unknown>
  /** The same from the raw events. */
  readonly raw: () => Promise<unknown>
}

/** What a product owner asks of a service, over the 90 days (or 28) until `now`, and the same of the raw events. */
export function questionsOf(questions: Questions, raw: Store, service: Service, now: number): readonly Asked[] {
  // Whole days of the service's zone, today's too, as people ask: by date.
  const until = Math.floor(now / dayMs) * dayMs + dayMs
  const asked = (days: number) => ({ service, from: dateOf(until - days * dayMs), to: dateOf(until) })
  const period = (days: number) => resolvePeriod(asked(days), service.timeZone, now)
  const own = (days: number) => ({ service: service.id, funnel: service.funnel, ...period(days) })
  const adHoc = adHocOf(service.funnel)
  return [
    {
      name: 'funnel, 90 days, by device',
      ours: () => questions.funnel({ ...asked(90), breakdown: 'device' }),
      raw: () => rawBreakdown(raw, own(90)),
    },
    {
      name: 'funnel, 90 days to the minute',
      ours: () =>
        questions.funnel({
          service,
          from: new Date(now - 90 * dayMs).toISOString(),
          to: new Date(now).toISOString(),
        }),
      raw: () => rawFunnel(raw, { ...own(90), from: now - 90 * dayMs, to: now }),
    },
    {
      name: 'time to complete, 90 days',
      ours: () => questions.timeToComplete(asked(90)),
      raw: () => rawFunnel(raw, own(90)),
    },
    { name: 'funnel, 28 days', ours: () => questions.funnel(asked(28)), raw: () => rawFunnel(raw, own(28)) },
    {
      name: 'trend, 90 days, by day',
      ours: () => questions.trend({ ...asked(90), interval: 'day' }),
      raw: () => rawTrend(raw, own(90)),
    },
    {
      name: 'ad hoc funnel, 90 days',
      ours: () => questions.funnel({ ...asked(90), funnel: adHoc }),
      raw: () => rawFunnel(raw, { ...own(90), funnel: adHoc }),
    },
    {
      name: 'journeys, a page of the abandoned',
      ours: () => questions.journeys({ ...asked(28), state: 'abandoned' }),
      raw: () => rawJourneys(raw, own(28)),
    },
  ]
}

/** Of all services at once. */
export function lowCompletionOf(questions: Questions, raw: Store, services: readonly Service[], now: number): Asked {
  const until = Math.floor(now / dayMs) * dayMs + dayMs
  const from = until - 28 * dayMs
  const [first] = services
  if (first === undefined) throw new Error('there is no service')
  return {
    name: 'low completion, 28 days, 50 services',
    ours: () => questions.lowCompletion({ from: dateOf(from), to: dateOf(until) }),
    raw: () => rawByService(raw, { funnel: first.funnel, from, to: until }),
  }
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** Every other step: a funnel that nobody has asked before. */
function adHocOf(funnel: FunnelInput): FunnelInput {
  return { ...funnel, steps: funnel.steps.filter((_, index) => index % 2 === 0), window: 'P3D' }
}
