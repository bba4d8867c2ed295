import { normaliseFunnel, type Service } from '../domain/service.ts'
import { compileFunnel } from '../domain/funnel/compile.ts'
import { shape } from '../domain/limits.ts'
import { param, raw, sql } from '../domain/sql.ts'
import { trailEvent, type TrailAnswer, type TrailEvent } from './answers.ts'
import type { QueryContext, TrailQuestion } from './context.ts'
import { journeyHex, journeyNumber } from './journey-hash.ts'
import { revisionOf } from './revision.ts'
import { stepAt, type Subject } from './subject.ts'
import { onVerdicts, stateName } from './verdicts.ts'

interface Journey {
  readonly journey: string
  readonly start: string
  readonly state: number
  readonly depth: number
  readonly elapsed: number
  readonly eventsDropped: number
  readonly anyStale: number
}

export interface EventRow {
  readonly type: string
  readonly step: string
  readonly at: string
  readonly seq: number
  readonly outcome: string
  readonly field: string
  readonly code: string
  readonly rating: number
  readonly engagedMs: number
  readonly channel: string
  readonly dimensions: readonly { readonly name: string; readonly value: string }[]
}

/**
 * One trail, and what the service's own funnel says of it.
 *
 * Reads   journeysOf() of one journey and trail FINAL of it: the events smallest by (at, seq, identity).
 * Cost    two look-ups, each twice when a reference is given.
 *
 * @returns `null` when nothing is known of the journey
 */
export async function trail(context: QueryContext, { service, journey }: TrailQuestion): Promise<TrailAnswer | null> {
  const byHash = journeyNumber(journey)
  const found = byHash === undefined ? null : await trailOf(context, service, byHash)
  if (found !== null || journey.length === 0 || journey.length > shape.journeyCharsMax) return found
  const byReference = journeyNumber(context.journeyHash(service.id, journey))
  return byReference === undefined ? null : trailOf(context, service, byReference)
}

async function trailOf(context: QueryContext, service: Service, journey: bigint): Promise<TrailAnswer | null> {
  const subject = wholeLife(service, context.clock.now())
  const revision = await revisionOf(context, [service])
  const limits = { secondsMax: context.limits.querySecondsMax }
  const row = await onVerdicts(
    subject,
    async (journeys) => {
      const [result] = await context.reads.select<Journey>(
        sql`SELECT journey, start, state, depth, elapsed, eventsDropped, stale AS anyStale FROM (${journeys})`,
        limits,
      )
      return { result, stale: (result?.anyStale ?? 0) > 0 }
    },
    journey,
  )
  if (row === undefined) return null
  const events = await context.reads.select<EventRow>(
    sql`SELECT type, step, at, seq, outcome, field, code, rating, engagedMs, channel, dimensions
      FROM trail FINAL
      WHERE service = ${param('String', service.id)} AND journey = ${param('UInt64', journey)}
      ORDER BY at, seq, identity
      LIMIT ${raw(String(context.limits.trailEventsMax))}`,
    limits,
  )
  const state = stateName(row.state)
  const settled = row.elapsed === 1 || state === 'unstarted' || state === 'excluded'
  return {
    service: service.id,
    journey: journeyHex(row.journey),
    asOf: new Date(subject.now).toISOString(),
    revision,
    period: settled ? 'complete' : 'partial',
    version: service.version,
    start: state === 'unstarted' ? null : new Date(Number(row.start)).toISOString(),
    state,
    furthest: stepAt(subject.funnel, row.depth),
    position: row.depth === 0 ? null : row.depth,
    eventsDropped: row.eventsDropped,
    events: events.map(eventOf),
  }
}

/** A journey whenever it was. */
function wholeLife(service: Service, now: number): Subject {
  const funnel = normaliseFunnel(service.funnel)
  return {
    service,
    period: { from: 0, to: Number.MAX_SAFE_INTEGER, tz: service.timeZone },
    funnel,
    compiled: compileFunnel(funnel),
    version: service.version,
    where: [],
    now,
  }
}

/** Only what the event's type carries. */
export function eventOf(row: EventRow): TrailEvent {
  const { type, outcome } = trailEvent.pick({ type: true, outcome: true }).parse({
    type: row.type,
    ...(row.outcome === '' ? {} : { outcome: row.outcome }),
  })
  return {
    type,
    ...(row.step === '' ? {} : { step: row.step }),
    at: Number(row.at),
    seq: row.seq,
    ...(outcome === undefined ? {} : { outcome }),
    ...(row.field === '' ? {} : { field: row.field }),
    ...(row.code === '' ? {} : { code: row.code }),
    ...(type === 'leave' ? { engagedMs: row.engagedMs } : {}),
    ...(row.rating === 0 ? {} : { rating: row.rating }),
    channel: row.channel,
    attrs: Object.fromEntries(row.dimensions.map(({ name, value }) => [name, value])),
  }
}
