import type { Annotation } from '../domain/annotation.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import { beforeAfter, isSignificant, type HourCount } from '../domain/statistics/before-after.ts'
import type { Comparison } from './answers.ts'
import type { QueryContext } from './context.ts'
import { isoClock, isoInZone } from './period.ts'
import { rateOf } from './rates.ts'
import type { Subject } from './subject.ts'
import { onVerdicts, stateCodes } from './verdicts.ts'

/** Days compared before a change, and up to as many after it. */
export const daysCompared = 28

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Zones differ from UTC by whole quarters of an hour, so that one is never in two local hours. */
const quarterMs = hourMs / 4

/** How long journeys may be given, where their window has not passed: rungs, so that the answer does not change all the time. */
const rungs = [1, 2, 4, 8, 12, 24, 48, 72, 120, 168, 336].map((hours) => hours * hourMs)

/**
 * How long every journey compared has had. Once twice the window has passed since the change, the window: then the
 * rates are completion rates. Before, the longest rung up to half of the time that has passed: half to start in and half
 * to complete in. `null` while that is shorter than the shortest.
 */
export function horizonMs(windowMs: number, sinceMs: number): number | null {
  if (sinceMs >= 2 * windowMs) return windowMs
  return rungs.findLast((rung) => rung < windowMs && 2 * rung <= sinceMs) ?? null
}

/**
 * Completion before and after a moment. Every journey compared, on both sides, started at least the horizon ago, and has completed
 * when it did so within the horizon of its start: a fresh release is compared like with like, by those who were quick.
 *
 * Reads   journeysOf() of the days compared, and completionMs of their facts while the horizon is not the window.
 * Cost    one pass over the journeys of up to 56 days, and one over two columns of the service's.
 * Agrees  with the oracle: tests/integration/queries-annotations.test.ts
 */
export async function compare(
  context: QueryContext,
  subject: Subject,
  at: number,
  others: readonly Annotation[],
): Promise<Comparison> {
  const { now, funnel, period } = subject
  const horizon = horizonMs(funnel.windowMs, now - at)
  const from = at - daysCompared * dayMs
  const to = Math.max(at, Math.min(at + daysCompared * dayMs, now - (horizon ?? funnel.windowMs)))
  const spans = { from: Math.min(from, at - 1), at, to }
  const read = horizon === null ? null : await countsOf(context, subject, spans, horizon)
  const counts = read === 'funnel-is-new' || read === null ? [] : hourCounts(read, period.tz)
  const result = horizon === null ? 'too-fresh' : read === 'funnel-is-new' ? read : beforeAfter(counts)
  const none = typeof result === 'string' ? result : null
  const found = typeof result === 'string' ? null : result
  return {
    horizonSeconds: Math.max(1, Math.ceil((horizon ?? rungs[0] ?? hourMs) / 1000)),
    wholeWindow: horizon === funnel.windowMs,
    before: { ...span(period.tz, from, at), ...sideOf(counts, false), standardisedRate: found?.before ?? null },
    after: { ...span(period.tz, at, to), ...sideOf(counts, true), standardisedRate: found?.after ?? null },
    difference: found?.difference ?? null,
    oddsRatio: found?.oddsRatio ?? null,
    pValue: found?.pValue ?? null,
    significant: found === null ? null : isSignificant(found),
    dispersion: found?.dispersion ?? null,
    degreesOfFreedom: found?.degreesOfFreedom ?? null,
    hours: found?.hours ?? 0,
    reason: none,
    alsoMarked: others.filter((other) => other.at >= from && other.at < Math.max(to, at + 1)).map(({ id }) => id),
    final: horizon === funnel.windowMs && now > at + daysCompared * dayMs + funnel.windowMs,
  }
}

interface Spans {
  readonly from: number
  readonly at: number
  readonly to: number
}

interface Row {
  readonly quarter: string
  readonly after: number
  readonly started: string
  readonly completed: string
  readonly anyStale: number
}

/** By quarter of an hour; `funnel-is-new` while facts are being rebuilt, when the horizon needs what they do not say yet. */
async function countsOf(
  context: QueryContext,
  subject: Subject,
  { from, at, to }: Spans,
  horizon: number,
): Promise<readonly Row[] | 'funnel-is-new'> {
  if (to <= from) return []
  const whole = horizon === subject.funnel.windowMs
  const about: Subject = { ...subject, period: { ...subject.period, from, to } }
  let stale = false
  const rows = await onVerdicts(about, async (journeys) => {
    // Known to the second run too, which compiles verdicts and sees nothing stale.
    const result = await context.reads.select<Row>(
      quartersStatement(about, whole ? journeys : inTime(about, journeys, horizon), at),
      { secondsMax: context.limits.querySecondsMax },
    )
    const anyStale = result.some((row) => row.anyStale > 0)
    stale ||= anyStale
    return { result, stale: whole && anyStale }
  })
  return stale && !whole ? 'funnel-is-new' : rows
}

/** The same journeys, but completed only where that was within the horizon. */
function inTime({ service }: Subject, journeys: Sql, horizon: number): Sql {
  return sql`SELECT seenAt, depth, excluded, stale,
      if(quick.inTime = 1, ${raw(String(stateCodes.completed))}, ${raw(String(stateCodes.open))}) AS state
    FROM (${journeys}) AS j
    LEFT JOIN (
      SELECT journey, toUInt8(1) AS inTime FROM facts FINAL
      WHERE service = ${param('String', service.id)} AND completed = 1
        AND completionMs >= 0 AND completionMs <= ${param('Int64', horizon)}
    ) AS quick ON j.journey = quick.journey`
}

function quartersStatement({ period }: Subject, journeys: Sql, at: number): Sql {
  return sql`SELECT intDiv(seenAt, ${raw(String(quarterMs))}) AS quarter, seenAt >= ${param('Int64', at)} AS after,
      countIf(isIn) AS started, countIf(isIn AND state = ${raw(String(stateCodes.completed))}) AS completed, max(stale) AS anyStale
    FROM (SELECT *, depth > 0 AND excluded = 0
        AND seenAt >= ${param('Int64', period.from)} AND seenAt < ${param('Int64', period.to)} AS isIn FROM (${journeys}))
    GROUP BY quarter, after ORDER BY quarter, after`
}

/** By hour of the zone. Clocks that go back have an hour of a day twice: both are that hour. */
function hourCounts(rows: readonly Row[], tz: string): HourCount[] {
  const clock = isoClock(tz)
  const counts = new Map<string, HourCount>()
  for (const row of rows) {
    const local = clock(Number(row.quarter) * quarterMs).slice(0, 19)
    const hour = Math.floor(Date.parse(`${local}Z`) / hourMs)
    const key = `${hour} ${row.after}`
    const before = counts.get(key) ?? { started: 0, completed: 0 }
    counts.set(key, {
      after: row.after === 1,
      day: Math.floor(hour / 24),
      hour: hour - Math.floor(hour / 168) * 168,
      started: before.started + Number(row.started),
      completed: before.completed + Number(row.completed),
    })
  }
  return [...counts.values()]
}

function span(tz: string, from: number, to: number): { from: string; to: string } {
  return { from: isoInZone(from, tz), to: isoInZone(to, tz) }
}

function sideOf(counts: readonly HourCount[], after: boolean) {
  let [started, completed] = [0, 0]
  for (const row of counts) {
    if (row.after !== after) continue
    started += row.started
    completed += row.completed
  }
  return { started, completed, rate: rateOf(completed, started) }
}
