import type { Verdict } from '../../domain/funnel/verdict.ts'
import type { Funnel } from '../../domain/service.ts'
import { order } from './oracle-runs.ts'
import type { OracleEvent } from './oracle-runs.ts'
import { oracleState, oracleVerdict } from './oracle-verdict.ts'
import type { OracleState } from './oracle-verdict.ts'
import { zonedPeriods } from './zoned-periods.ts'

export interface OracleJourneyEvent extends OracleEvent {
  readonly dimensions?: Readonly<Record<string, string>>
}

export interface OracleJourney {
  /** 16 lower-case hex digits. */
  readonly journey: string
  /** At least one. */
  readonly events: readonly OracleJourneyEvent[]
}

/** Times in milliseconds since 1970; `to` is exclusive. */
export interface OracleAsk {
  readonly funnel: Funnel
  readonly journeys: readonly OracleJourney[]
  readonly from: number
  readonly to: number
  readonly now: number
  /** What must hold of the value of each dimension; it is null for a journey without one. */
  readonly where?: Readonly<Record<string, (value: string | null) => boolean>>
}

export type OracleRate = { readonly value: number; readonly low: number; readonly high: number } | null

export interface OracleTotals {
  readonly started: number
  readonly completed: number
  readonly failed: number
  readonly abandoned: number
  readonly open: number
  readonly elapsed: { readonly started: number; readonly completed: number }
  readonly unstarted: number
  readonly excluded: number
  readonly completionRate: OracleRate
  readonly soFar: OracleRate
  readonly atBest: OracleRate
}

export interface OracleStep {
  readonly position: number
  readonly step: string
  readonly entered: number
  readonly passed: number
  readonly elapsed: { readonly entered: number; readonly passed: number }
  readonly left: {
    readonly completed: number
    readonly failed: number
    readonly abandoned: number
    readonly open: number
    /** Bounds: quantiles of few values may be taken in several ways. */
    readonly silent: { readonly low: number; readonly high: number }
  }
  /** How many went on from here to a later position: with too few, silent is null. */
  readonly wentOn: number
  readonly rateFromStart: OracleRate
  readonly rateFromPrevious: OracleRate
  /** Seconds since the position reached before, of everyone who entered, ascending: any median and quantile is of these. */
  readonly secondsFromPrevious: readonly number[]
}

export interface OracleFunnelAnswer {
  readonly totals: OracleTotals
  readonly steps: readonly OracleStep[]
  /** Journeys whose first start + window has not passed: with any, the period is partial. */
  readonly waiting: number
}

export interface OracleTrendPeriod {
  readonly start: number
  readonly end: number
  readonly totals: OracleTotals
  /** Of the started, how many reached `position`. */
  readonly reached: number
  readonly elapsedReached: number
  readonly reachedRate: OracleRate
  readonly waiting: number
}

export interface OracleJourneyRow {
  readonly journey: string
  /** null when it never started. */
  readonly start: number | null
  readonly state: OracleState
  /** 0 without one. */
  readonly position: number
  readonly verdict: Verdict
  readonly elapsed: boolean
  /** First event of any type. */
  readonly firstAt: number
  /** Latest event of any type. */
  readonly lastAt: number
  readonly dimensions: ReadonlyMap<string, string>
}

/** One row a journey of the period, by start (first event, where it never started), then by hash. */
export function oracleJourneys(ask: OracleAsk): OracleJourneyRow[] {
  const verdicts = verdictsOf(ask.funnel)
  return ask.journeys
    .map((journey) => journeyRow(ask, journey, verdicts))
    .filter((row) => shownAt(row) >= ask.from && shownAt(row) < ask.to)
    .filter(({ dimensions }) =>
      Object.entries(ask.where ?? {}).every(([name, holds]) => holds(dimensions.get(name) ?? null)),
    )
    .sort((a, b) => shownAt(a) - shownAt(b) || (a.journey < b.journey ? -1 : 1))
}

function shownAt(row: OracleJourneyRow): number {
  return row.start ?? row.firstAt
}

type Verdicts = WeakMap<OracleJourney['events'], Verdict>

/** By funnel, as text. Enumerating runs takes long, and each question asks for the same ones. */
const known = new Map<string, Verdicts>()

function verdictsOf(funnel: Funnel): Verdicts {
  const text = JSON.stringify(funnel)
  const verdicts = known.get(text) ?? new WeakMap<OracleJourney['events'], Verdict>()
  known.set(text, verdicts)
  return verdicts
}

function journeyRow(
  { funnel, now }: OracleAsk,
  { journey, events }: OracleJourney,
  verdicts: Verdicts,
): OracleJourneyRow {
  const verdict = verdicts.get(events) ?? oracleVerdict(funnel, events)
  verdicts.set(events, verdict)
  const { state, elapsed } = oracleState(verdict, funnel.windowMs, now)
  const times = events.map(({ at }) => at)
  return {
    journey,
    start: state === 'unstarted' ? null : verdict.start,
    state,
    position: verdict.depth,
    verdict,
    elapsed,
    firstAt: Math.min(...times),
    lastAt: Math.max(...times),
    dimensions: dimensionsOf(events),
  }
}

/** Of each dimension the value of the first event that has it; among equals the smallest, as bytes. */
function dimensionsOf(events: readonly OracleJourneyEvent[]): ReadonlyMap<string, string> {
  const names = new Set(events.flatMap(({ dimensions = {} }) => Object.keys(dimensions)))
  const values = [...names].map((name): [string, string] => {
    const having = events.filter(({ dimensions = {} }) => dimensions[name] !== undefined).sort(order)
    const earliest = having.filter((event) => having[0] !== undefined && order(event, having[0]) === 0)
    const [smallest = ''] = earliest
      .map(({ dimensions = {} }) => dimensions[name] ?? '')
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return [name, smallest]
  })
  return new Map(values)
}

export function oracleFunnelAnswer(ask: OracleAsk): OracleFunnelAnswer {
  return answerOf(ask, oracleJourneys(ask))
}

/** The same, for each value of a dimension; `null` for journeys without one. No cut-off. */
export function oracleBreakdown(ask: OracleAsk, dimension: string): ReadonlyMap<string | null, OracleFunnelAnswer> {
  const rows = oracleJourneys(ask)
  const values = new Set(rows.map(({ dimensions }) => dimensions.get(dimension) ?? null))
  return new Map(
    [...values].map((value) => [
      value,
      answerOf(
        ask,
        rows.filter(({ dimensions }) => (dimensions.get(dimension) ?? null) === value),
      ),
    ]),
  )
}

/** @param position whose `reached` is counted */
export function oracleTrend(
  ask: OracleAsk,
  interval: 'hour' | 'day' | 'week' | 'month',
  tz: string,
  position = 1,
): OracleTrendPeriod[] {
  const rows = oracleJourneys(ask)
  return zonedPeriods(ask.from, ask.to, interval, tz).map(({ start, end }) => {
    const inside = rows.filter((row) => shownAt(row) >= start && shownAt(row) < end)
    const { totals, waiting } = answerOf(ask, inside)
    const reached = inside.filter(({ verdict }) => hasEntered(verdict, position))
    const elapsedReached = reached.filter(({ elapsed }) => elapsed).length
    return {
      start,
      end,
      totals,
      reached: reached.length,
      elapsedReached,
      reachedRate: oracleWilson(elapsedReached, totals.elapsed.started),
      waiting,
    }
  })
}

function hasEntered(verdict: Verdict, position: number): boolean {
  return (verdict.entered & (1n << BigInt(position - 1))) !== 0n
}

function answerOf(ask: OracleAsk, rows: readonly OracleJourneyRow[]): OracleFunnelAnswer {
  const started = rows.filter(({ state }) => state !== 'unstarted' && state !== 'excluded')
  return {
    totals: totalsOf(rows, started),
    steps: ask.funnel.positions.map((_, index) => stepOf(ask, started, index + 1)),
    waiting: started.filter(({ elapsed }) => !elapsed).length,
  }
}

function totalsOf(rows: readonly OracleJourneyRow[], started: readonly OracleJourneyRow[]): OracleTotals {
  const inState = (wanted: OracleState) => rows.filter(({ state }) => state === wanted).length
  const elapsed = started.filter((row) => row.elapsed)
  const elapsedCompleted = elapsed.filter(({ state }) => state === 'completed').length
  return {
    started: started.length,
    completed: inState('completed'),
    failed: inState('failed'),
    abandoned: inState('abandoned'),
    open: inState('open'),
    elapsed: { started: elapsed.length, completed: elapsedCompleted },
    unstarted: inState('unstarted'),
    excluded: inState('excluded'),
    completionRate: oracleWilson(elapsedCompleted, elapsed.length),
    soFar: oracleWilson(inState('completed'), started.length),
    atBest: oracleWilson(inState('completed') + inState('open'), started.length),
  }
}

function stepOf(ask: OracleAsk, started: readonly OracleJourneyRow[], position: number): OracleStep {
  const { funnel } = ask
  const entered = started.filter(({ verdict }) => hasEntered(verdict, position))
  const stayed = entered.filter((row) => row.position === position)
  const left = (wanted: OracleState) => stayed.filter(({ state }) => state === wanted).length
  const elapsed = entered.filter((row) => row.elapsed)
  const elapsedStarted = started.filter((row) => row.elapsed)
  const previous = funnel.positions.slice(0, position - 1).findLastIndex(({ optional }) => !optional) + 1
  const waits = entered.flatMap(({ verdict }) => waitAfter(verdict, position) ?? [])
  return {
    position,
    step: funnel.positions[position - 1]?.names[0] ?? '',
    entered: entered.length,
    passed: entered.length - stayed.length,
    elapsed: { entered: elapsed.length, passed: elapsed.filter((row) => row.position > position).length },
    left: {
      completed: left('completed'),
      failed: left('failed'),
      abandoned: left('abandoned'),
      open: left('open'),
      silent: silentBounds(
        stayed.filter(({ state }) => state === 'open').map(({ lastAt }) => ask.now - lastAt),
        waits,
      ),
    },
    wentOn: waits.length,
    rateFromStart: oracleWilson(elapsed.length, elapsedStarted.length),
    rateFromPrevious:
      position === 1
        ? null
        : oracleWilson(elapsed.length, elapsedStarted.filter(({ verdict }) => hasEntered(verdict, previous)).length),
    secondsFromPrevious: entered.flatMap(({ verdict }) => waitBefore(verdict, position) ?? []).sort((a, b) => a - b),
  }
}

/** The n-th reached position is the n-th bit that is set, and has the n-th time. */
function indexOfTime(verdict: Verdict, position: number): number {
  return Array.from({ length: position - 1 }, (_, index) => index + 1).filter((earlier) => hasEntered(verdict, earlier))
    .length
}

/** Milliseconds from reaching the position to reaching the next one; null when it did not go on. */
function waitAfter(verdict: Verdict, position: number): number | null {
  const index = indexOfTime(verdict, position)
  const [here, next] = [verdict.times[index], verdict.times[index + 1]]
  return here === undefined || next === undefined ? null : next - here
}

/** Seconds from the position reached before. */
function waitBefore(verdict: Verdict, position: number): number | null {
  const index = indexOfTime(verdict, position)
  const [before, here] = [verdict.times[index - 1], verdict.times[index]]
  return before === undefined || here === undefined ? null : (here - before) / 1000
}

/** Silent: quiet for longer than 95 % of the waits; one wait more or fewer is left to how a quantile is taken. */
function silentBounds(quiet: readonly number[], waits: readonly number[]): { low: number; high: number } {
  const shorter = (ms: number) => waits.filter((wait) => wait < ms).length
  const notLonger = (ms: number) => waits.filter((wait) => wait <= ms).length
  const enough = 0.95 * waits.length
  return {
    low: quiet.filter((ms) => shorter(ms) >= Math.min(waits.length, enough + 1)).length,
    high: quiet.filter((ms) => notLonger(ms) >= enough - 1).length,
  }
}

/**
 * Wilson's interval by its definition: the proportions p for which |observed - p| <= z sqrt(p (1 - p) / trials),
 * found by halving rather than by the closed formula.
 */
export function oracleWilson(successes: number, trials: number): OracleRate {
  if (trials === 0) return null
  const value = successes / trials
  const z = 1.959963984540054
  const inside = (p: number) => Math.abs(value - p) <= z * Math.sqrt((p * (1 - p)) / trials)
  return {
    value,
    low: inside(0) ? 0 : edge(0, value, inside),
    high: inside(1) ? 1 : edge(1, value, inside),
  }
}

function edge(outside: number, within: number, inside: (p: number) => boolean): number {
  let [out, within_] = [outside, within]
  for (let halving = 0; halving < 100; halving += 1) {
    const middle = (out + within_) / 2
    if (inside(middle)) within_ = middle
    else out = middle
  }
  return within_
}
