import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { TrendAnswer, TrendPeriod } from './answers.ts'
import type { QueryContext, TrendQuestion } from './context.ts'
import { revisedHours, stateOf } from './marks.ts'
import { isoClock, trendStarts } from './period.ts'
import { provenance } from './provenance.ts'
import { rateOf } from './rates.ts'
import { revisionOf } from './revision.ts'
import { positionAsked, resolveSubject } from './subject.ts'
import { onVerdicts, stateCodes, type StateName } from './verdicts.ts'

const hourMs = 3_600_000

interface Row {
  /** Start of the period, ms. */
  readonly periodStart: string
  readonly anyStale: number
  /** By state code. */
  readonly states: readonly string[]
  readonly elapsedStarted: string
  readonly elapsedCompleted: string
  readonly reached: string
  readonly elapsedReached: string
}

/**
 * What became of the journeys that started in each hour, day, week or month of a period.
 *
 * Reads   journeysOf() once, and the marks of revised cohort hours.
 * Cost    one pass over the period's journeys; a search among the periods for each.
 * Agrees  with funnel(): the periods add up to its totals. tests/integration/answer-agreement.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version`, `where`, `interval`, `step` or `position`
 */
export async function trend(context: QueryContext, question: TrendQuestion): Promise<TrendAnswer> {
  const { interval = 'day', step } = question
  const subject = await resolveSubject(context, question)
  const starts = trendStarts(subject.period, interval, context.limits.trendPeriodsMax)
  const position = positionAsked(subject.funnel, question)
  const revision = await revisionOf(context, [subject.service])
  const rows = await onVerdicts(subject, async (journeys) => {
    const result = await context.reads.select<Row>(statement(journeys, starts, position), {
      secondsMax: context.limits.querySecondsMax,
    })
    return { result, stale: result.some(({ anyStale }) => anyStale > 0) }
  })
  const hours = await revisedHours(context, subject)
  const iso = isoClock(subject.period.tz)
  const shownStarts = starts.map(iso)
  const byStart = new Map(rows.map((row) => [Number(row.periodStart), row]))
  const periods = starts.map((start, index) => {
    const end = starts[index + 1] ?? subject.period.to
    const revised = reachesInto(hours, start, end)
    return {
      start: shownStarts[index] ?? '',
      end: shownStarts[index + 1] ?? iso(end),
      ...periodOf({ row: byStart.get(start), withStep: position !== null, revised }),
    }
  })
  return {
    ...provenance(subject, revision),
    period: stateOf(summed(periods), hours.length > 0),
    interval,
    ...(step === undefined ? {} : { step }),
    ...(position === null ? {} : { position }),
    periods,
  }
}

function statement(journeys: Sql, starts: readonly number[], position: number | null): Sql {
  const reached = position === null ? '0' : `bitTest(entered, ${position - 1})`
  return sql`
    SELECT roundDown(seenAt, ${param('Array(Int64)', starts)}) AS periodStart, max(stale) AS anyStale,
      countResample(0, ${raw(String(Object.keys(stateCodes).length))}, 1)(state) AS states,
      countIf(elapsed) AS elapsedStarted,
      countIf(elapsed AND state = ${raw(String(stateCodes.completed))}) AS elapsedCompleted,
      countIf(${raw(reached)}) AS reached,
      countIf(${raw(`elapsed AND ${reached}`)}) AS elapsedReached
    FROM (${journeys})
    GROUP BY periodStart`
}

interface Cut {
  readonly row: Row | undefined
  readonly withStep: boolean
  readonly revised: boolean
}

function periodOf({ row, withStep, revised }: Cut): Omit<TrendPeriod, 'start' | 'end'> {
  const of = (state: StateName) => Number(row?.states[stateCodes[state]] ?? 0)
  const states = {
    completed: of('completed'),
    failed: of('failed'),
    abandoned: of('abandoned'),
    open: of('open'),
  }
  const started = states.completed + states.failed + states.abandoned + states.open
  const elapsedReached = Number(row?.elapsedReached ?? 0)
  const elapsed = { started: Number(row?.elapsedStarted ?? 0), completed: Number(row?.elapsedCompleted ?? 0) }
  return {
    started,
    ...states,
    unstarted: of('unstarted'),
    excluded: of('excluded'),
    elapsed: withStep ? { ...elapsed, reached: elapsedReached } : elapsed,
    ...(withStep ? { reached: Number(row?.reached ?? 0) } : {}),
    rate: rateOf(withStep ? elapsedReached : elapsed.completed, elapsed.started),
    state: stateOf({ started, elapsed }, revised),
  }
}

function reachesInto(hours: readonly number[], start: number, end: number): boolean {
  return hours.some((hour) => hour < end && hour + hourMs > start)
}

function summed(periods: readonly TrendPeriod[]): { started: number; elapsed: { started: number } } {
  return {
    started: periods.reduce((sum, { started }) => sum + started, 0),
    elapsed: { started: periods.reduce((sum, { elapsed }) => sum + elapsed.started, 0) },
  }
}
