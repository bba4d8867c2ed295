import type { TrendAnswer, TrendPeriod } from './answers.ts'
import { comparedPeriod } from './comparing.ts'
import type { QueryContext, TrendQuestion } from './context.ts'
import { groundOf, type Ground } from './ground.ts'
import { hoursIn, stateOf } from './marks.ts'
import { isoClock, isoInZone, trendStarts } from './period.ts'
import { piecesOf, type Piece, type PieceGroup } from './periods.ts'
import { provenance } from './provenance.ts'
import { rateOf } from './rates.ts'
import type { Grain } from './sealed/standing.ts'
import { assertDimension, positionAsked, resolveSubject, type Subject } from './subject.ts'

const hourMs = 3_600_000

/**
 * What became of the journeys that started in each hour, day, week or month of a period; where asked, the same for each value
 * of a dimension, and for the period that it is compared with.
 *
 * Reads   groundOf() and piecesOf(); the latter once more for a comparison.
 * Agrees  with funnel(): the periods add up to its totals. tests/integration/answer-agreement.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version`, `where`, `interval`, `step`, `position`, `breakdown` or `compare`
 */
export async function trend(context: QueryContext, question: TrendQuestion): Promise<TrendAnswer> {
  const { interval = 'day', step, breakdown, compare } = question
  if (breakdown !== undefined) assertDimension(question.service, 'breakdown', breakdown)
  const subject = await resolveSubject(context, question)
  const position = positionAsked(subject.funnel, question)
  const before = compare === undefined ? undefined : comparedPeriod(subject.period, compare)
  const ground = await groundOf(context, [subject.service], [subject.period, ...(before === undefined ? [] : [before])])
  const asked = { interval, position }
  const { all, values, revised } = await divided(context, ground, subject, { ...asked, breakdown })
  const compared =
    before === undefined ? undefined : await divided(context, ground, { ...subject, period: before }, asked)
  return {
    ...provenance(subject, ground.revision),
    period: stateOf(summed(all), revised),
    interval,
    ...(step === undefined ? {} : { step }),
    ...(position === null ? {} : { position }),
    periods: all,
    ...(breakdown === undefined ? {} : { breakdown: values }),
    ...(compare === undefined || before === undefined || compared === undefined
      ? {}
      : {
          comparison: {
            with: compare,
            from: isoInZone(before.from, before.tz),
            to: isoInZone(before.to, before.tz),
            period: stateOf(summed(compared.all), compared.revised),
            periods: compared.all,
          },
        }),
  }
}

interface Divided {
  readonly all: TrendPeriod[]
  readonly values: NonNullable<TrendAnswer['breakdown']>
  readonly revised: boolean
}

async function divided(
  context: QueryContext,
  ground: Ground,
  subject: Subject,
  asked: {
    readonly interval: TrendAnswer['interval']
    readonly position: number | null
    readonly breakdown?: string | undefined
  },
): Promise<Divided> {
  const { trendPeriodsMax, trendRowsMax, breakdownRowsMax } = context.limits
  const { interval, position, breakdown } = asked
  const starts = trendStarts(subject.period, interval, trendPeriodsMax)
  const groups = await piecesOf(context, ground, subject, {
    starts,
    grain: grainOf(interval, subject),
    position,
    breakdown,
    rowsMax: Math.max(1, Math.min(breakdownRowsMax, Math.floor(trendRowsMax / starts.length))),
  })
  const hours = hoursIn(ground, subject.service.id, subject.period)
  const iso = isoClock(subject.period.tz)
  const shown = starts.map((start, index) => {
    const end = starts[index + 1] ?? subject.period.to
    return { start, from: iso(start), to: iso(end), revised: reachesInto(hours, start, end) }
  })
  const periodsOf = ({ pieces }: Pick<PieceGroup, 'pieces'>) =>
    shown.map(({ start, from, to, revised }) => ({
      start: from,
      end: to,
      ...periodOf(pieces.get(start) ?? nothing, position !== null, revised),
    }))
  return {
    all: periodsOf(groups.find(({ whole }) => whole) ?? { pieces: new Map() }),
    values: groups
      .filter(({ whole }) => !whole)
      .map((group) => ({
        value: group.value,
        ...(group.other ? { other: true as const } : {}),
        periods: periodsOf(group),
      })),
    revised: hours.length > 0,
  }
}

/** Weeks of tallies are those of a trend by week; a month begins within one. */
function grainOf(interval: TrendAnswer['interval'], { period, service }: Subject): Grain {
  if (interval === 'hour' || period.tz !== service.timeZone) return 'hour'
  return interval === 'week' ? 'week' : 'day'
}

const nothing: Piece = {
  states: { completed: 0, failed: 0, abandoned: 0, open: 0, excluded: 0, unstarted: 0 },
  elapsedStarted: 0,
  elapsedCompleted: 0,
  reached: 0,
  elapsedReached: 0,
}

function periodOf(piece: Piece, withStep: boolean, revised: boolean): Omit<TrendPeriod, 'start' | 'end'> {
  const { completed, failed, abandoned, open, unstarted, excluded } = piece.states
  const started = completed + failed + abandoned + open
  const elapsed = { started: piece.elapsedStarted, completed: piece.elapsedCompleted }
  return {
    started,
    completed,
    failed,
    abandoned,
    open,
    unstarted,
    excluded,
    elapsed: withStep ? { ...elapsed, reached: piece.elapsedReached } : elapsed,
    ...(withStep ? { reached: piece.reached } : {}),
    rate: rateOf(withStep ? piece.elapsedReached : elapsed.completed, elapsed.started),
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
