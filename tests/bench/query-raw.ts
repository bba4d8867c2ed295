import type { Store } from '../../domain/ports/store.ts'
import { normaliseFunnel, type FunnelInput } from '../../domain/service.ts'
import { join, param, raw, sql, type Sql } from '../../domain/sql.ts'

/** What the raw events are asked, as OpenPanel and Plausible ask theirs. */
export interface RawQuestion {
  readonly service: string
  readonly funnel: FunnelInput
  /** ms; whole days are read. */
  readonly from: number
  readonly to: number
}

const dayMs = 86_400_000

/**
 * The same questions from the raw events: `windowFunnel` over each journey of the period, then counts by its level.
 *
 * Reads   raw_events of the service's days, as its order has them.
 * Cost    one pass over the period's events, grouped by journey.
 */
const levels = ({ service, funnel, from, to }: RawQuestion, more: Sql): Sql => {
  const { positions, windowMs } = normaliseFunnel(funnel)
  const steps = positions.map(({ names }) => sql`name IN ${param('Array(String)', names)}`)
  return sql`SELECT journey, windowFunnel(${raw(String(windowMs))})(at, ${join(steps, ', ')}) AS level, ${more}
    FROM raw_events
    WHERE service = ${param('String', service)} AND day BETWEEN ${day(from)} AND ${day(to - 1)}
    GROUP BY journey`
}

export const rawFunnel = (store: Store, question: RawQuestion): Promise<{ level: number; journeys: string }[]> =>
  store.select(sql`SELECT level, count() AS journeys FROM (${levels(question, raw('1'))}) GROUP BY level`)

/** By device. */
export const rawBreakdown = (
  store: Store,
  question: RawQuestion,
): Promise<{ level: number; device: string; journeys: string }[]> =>
  store.select(
    sql`SELECT level, device, count() AS journeys FROM (${levels(question, raw('any(raw_events.device) AS device'))})
      GROUP BY level, device`,
  )

export const rawTrend = (
  store: Store,
  question: RawQuestion,
): Promise<{ level: number; began: string; journeys: string }[]> =>
  store.select(
    sql`SELECT level, began, count() AS journeys FROM (${levels(question, raw('min(day) AS began'))}) GROUP BY level, began`,
  )

/** The latest hundred. */
export const rawJourneys = (store: Store, question: RawQuestion): Promise<{ journey: string }[]> =>
  store.select(
    sql`SELECT journey, level FROM (${levels(question, raw('min(at) AS began'))}) ORDER BY began DESC, journey LIMIT 100`,
  )

/** Of every service with this funnel. */
export const rawByService = (store: Store, { funnel, from, to }: Omit<RawQuestion, 'service'>) => {
  const { positions, windowMs } = normaliseFunnel(funnel)
  const steps = positions.map(({ names }) => sql`name IN ${param('Array(String)', names)}`)
  return store.select<{ service: string; level: number; journeys: string }>(
    sql`SELECT service, level, count() AS journeys FROM (
        SELECT service, journey, windowFunnel(${raw(String(windowMs))})(at, ${join(steps, ', ')}) AS level
        FROM raw_events WHERE day BETWEEN ${day(from)} AND ${day(to - 1)} GROUP BY service, journey
      ) GROUP BY service, level`,
  )
}

function day(at: number): Sql {
  return sql`toDate(toDateTime(${param('UInt32', Math.floor(at / dayMs) * (dayMs / 1000))}, 'UTC'))`
}
