import { InvalidParameter } from '../domain/errors.ts'
import { shape } from '../domain/limits.ts'
import { normaliseFunnel } from '../domain/service.ts'
import { param, raw, sql } from '../domain/sql.ts'
import type { LiveAnswer, LiveWarning } from './answers.ts'
import type { LiveQuestion, QueryContext } from './context.ts'
import { journeyHex } from './journey-hash.ts'
import { revisionOf } from './revision.ts'
import { eventOf, type EventRow } from './trail.ts'

const eventsDefault = 50
const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

/** So many journeys of one step say that pages do not know of one another; fewer may be somebody trying a page. */
const lonelyJourneysMin = 3
const lonelyShareMin = 0.8

interface JourneyRow {
  readonly journey: string
  readonly seenAt: string
  /** Different steps of it. */
  readonly steps: number
  /** Hash of the first. */
  readonly first: string
}

/**
 * The last events of a service, newest first, and what looks wrong in the set-up of its pages.
 *
 * Reads   facts of one service by their revision, which is when they were written: of the last hour, the newest
 *         journeys; trail FINAL of those.
 * Cost    the ends of the service's newest parts (facts have an index of revisions), and as many trails as there are journeys in the answer.
 *
 * @throws {InvalidParameter} naming `limit`
 */
export async function live(
  context: QueryContext,
  { service, limit = eventsDefault }: LiveQuestion,
): Promise<LiveAnswer> {
  if (!Number.isInteger(limit) || limit < 1 || limit > shape.liveEventsMax)
    throw new InvalidParameter('limit', `a whole number from 1 to ${shape.liveEventsMax}`)
  const now = context.clock.now()
  const revision = await revisionOf(context, [service])
  const options = { secondsMax: context.limits.querySecondsMax }
  // Facts that were written anew because the funnel changed are not news: their last event is older.
  const journeys = await context.reads.select<JourneyRow>(
    sql`SELECT journey, toInt64(max(revision)) AS seenAt,
        toUInt32(length(arrayDistinct(argMax(step, revision)))) AS steps, argMax(step, revision)[1] AS first
      FROM facts
      WHERE service = ${param('String', service.id)}
        AND revision >= ${param('UInt64', BigInt(now - hourMs))}
        AND arrivedDay >= ${param('UInt16', Math.floor(now / dayMs) - 1)}
        AND lastAt >= ${param('Int64', now - dayMs)}
      GROUP BY journey
      ORDER BY seenAt DESC
      LIMIT ${raw(String(shape.liveEventsMax))}`,
    options,
  )
  const events = await context.reads.select<EventRow & { journey: string }>(
    sql`SELECT journey, type, step, at, seq, outcome, field, code, rating, engagedMs, channel, dimensions
      FROM trail FINAL
      WHERE service = ${param('String', service.id)}
        AND journey IN ${param(
          'Array(UInt64)',
          journeys.map(({ journey }) => BigInt(journey)),
        )}
      ORDER BY at DESC, seq DESC, identity
      LIMIT ${raw(String(limit))}`,
    options,
  )
  return {
    service: service.id,
    asOf: new Date(now).toISOString(),
    revision,
    from: new Date(now - hourMs).toISOString(),
    to: new Date(now).toISOString(),
    tz: service.timeZone,
    // What is seen now is never settled.
    period: 'partial',
    version: service.version,
    journeys: journeys.length,
    warnings: warningsOf(
      journeys,
      events,
      normaliseFunnel(service.funnel).positions.flatMap(({ names }) => names),
    ),
    events: events.map((row) => ({ journey: journeyHex(row.journey), ...eventOf(row) })),
  }
}

function warningsOf(
  journeys: readonly JourneyRow[],
  events: readonly EventRow[],
  names: readonly string[],
): LiveWarning[] {
  if (journeys.length === 0)
    return [
      {
        code: 'nothing-seen',
        detail: 'Nothing was seen in the last hour: is the tag on the page, and does a policy or a blocker keep it?',
      },
    ]
  const warnings: LiveWarning[] = []
  const lonely = journeys.filter(({ steps }) => steps === 1)
  // On different pages: a service of one page, or one where everybody leaves at once, is no fault of the set-up.
  const pages = new Set(lonely.map(({ first }) => first)).size
  if (lonely.length >= lonelyJourneysMin && lonely.length >= lonelyShareMin * journeys.length && pages > 1)
    warnings.push({
      code: 'one-step-journeys',
      detail:
        'Nearly every journey has one step: pages do not know that they are of one journey. Set data-journey to a reference of the application, or data-session="on".',
    })
  const known = new Set(names)
  if (events.some(({ type, step }) => type === 'step' && !known.has(step)))
    warnings.push({
      code: 'steps-outside-funnel',
      detail: 'Steps were seen that the funnel does not have: compare data-step with the funnel.',
    })
  return warnings
}
