import type { Verdict } from '../../domain/funnel/verdict.ts'
import type { Funnel } from '../../domain/service.ts'
import { eachRun, fits, isHit, isWiped, lastOf, order } from './oracle-runs.ts'
import type { OracleEvent, Run } from './oracle-runs.ts'

const unstarted: Verdict = {
  start: 0,
  latestStart: 0,
  excluded: 0,
  depth: 0,
  entered: 0n,
  times: [],
  completed: 0,
  failed: 0,
  completionMs: -1,
}

/** @throws {TooManyRuns} the trail is too large to enumerate */
export function oracleVerdict(funnel: Funnel, events: readonly OracleEvent[], runsMax = 1_000_000): Verdict {
  const steps = events.filter(({ type }) => type === 'step')
  const starts = steps
    .filter((event) =>
      funnel.positions.some((_, index) => mayStart(funnel, index + 1) && fits(funnel, index + 1, event)),
    )
    .sort(order)
  const first = starts[0]
  const latest = starts[starts.length - 1]
  if (first === undefined || latest === undefined) return unstarted

  const started = { ...unstarted, start: first.at, latestStart: latest.at }
  const run = runThatCounts(funnel, steps, runsMax)
  if (run === undefined) return { ...started, excluded: 1 }

  const reachedLast = depthOf(funnel, run) === funnel.positions.length
  const completion = completingOutcome(funnel, events, starts)
  const completed = reachedLast || completion !== undefined
  return {
    ...started,
    depth: depthOf(funnel, run),
    entered: enteredBits(funnel, run),
    times: run.map(({ event }) => event.at),
    completed: completed ? 1 : 0,
    failed: !completed && hasFailed(funnel, events, starts) ? 1 : 0,
    completionMs: reachedLast ? lastOf(run).event.at - run[0].event.at : (completion?.ms ?? -1),
  }
}

/** `any`: every event that fits a position starts a run. */
function mayStart(funnel: Funnel, position: number): boolean {
  return funnel.order === 'any' || position === 1
}

/** Any: how many were done; else the last position. */
function depthOf(funnel: Funnel, run: Run): number {
  return funnel.order === 'any' ? run.length : lastOf(run).position
}

function enteredBits(funnel: Funnel, run: Run): bigint {
  return run.reduce(
    (bits, { position }, index) => bits | (1n << BigInt((funnel.order === 'any' ? index + 1 : position) - 1)),
    0n,
  )
}

/** `undefined` when every furthest run is hit (`any`: every run is wiped). */
function runThatCounts(funnel: Funnel, steps: readonly OracleEvent[], runsMax: number): Run | undefined {
  let furthest = 0
  let best: Run | undefined
  eachRun(
    funnel,
    steps,
    (run) => {
      // A wiped run counts for nothing; a hit one still counts when deciding which is furthest.
      if (funnel.order === 'any' && isWiped(funnel, steps, run)) return
      const depth = depthOf(funnel, run)
      if (depth < furthest) return
      if (depth > furthest) best = undefined
      furthest = depth
      if (best !== undefined && preference(best, run) <= 0) return
      if (funnel.order === 'any' || !isHit(funnel, steps, run)) best = run
    },
    runsMax,
  )
  return best
}

/** Of equally deep runs: ends first, most positions, started last, took the earliest events, then the lower positions. */
function preference(a: Run, b: Run): number {
  const byEndCountStart =
    order(lastOf(a).event, lastOf(b).event) || b.length - a.length || order(b[0].event, a[0].event)
  if (byEndCountStart !== 0) return byEndCountStart
  return compareEach(a, b, (x, y) => order(x.event, y.event)) || compareEach(a, b, (x, y) => x.position - y.position)
}

function compareEach(a: Run, b: Run, compare: (x: Run[0], y: Run[0]) => number): number {
  for (const [index, taken] of a.entries()) {
    const other = b[index]
    const difference = other === undefined ? 0 : compare(taken, other)
    if (difference !== 0) return difference
  }
  return 0
}

/** The start that an outcome belongs to: the latest at or before it, when the outcome is within its window. */
function startOfOutcome(funnel: Funnel, starts: readonly OracleEvent[], outcome: OracleEvent): OracleEvent | undefined {
  return starts.filter((start) => order(start, outcome) <= 0 && outcome.at - start.at <= funnel.windowMs).at(-1)
}

function completingOutcome(
  funnel: Funnel,
  events: readonly OracleEvent[],
  starts: readonly OracleEvent[],
): { ms: number } | undefined {
  const completing = events
    .filter(({ type, outcome }) => type === 'outcome' && outcome !== 'failed' && outcome !== '')
    .sort(order)
  for (const outcome of completing) {
    const start = startOfOutcome(funnel, starts, outcome)
    if (start !== undefined) return { ms: outcome.at - start.at }
  }
  return undefined
}

function hasFailed(funnel: Funnel, events: readonly OracleEvent[], starts: readonly OracleEvent[]): boolean {
  return events.some(
    (outcome) =>
      outcome.type === 'outcome' &&
      outcome.outcome === 'failed' &&
      startOfOutcome(funnel, starts, outcome) !== undefined &&
      !events.some((event) => event.type === 'step' && order(event, outcome) > 0),
  )
}

/** Equal in every field. */
export function sameVerdict(a: Verdict, b: Verdict): boolean {
  return (
    a.start === b.start &&
    a.latestStart === b.latestStart &&
    a.excluded === b.excluded &&
    a.depth === b.depth &&
    a.entered === b.entered &&
    a.times.length === b.times.length &&
    a.times.every((time, index) => time === b.times[index]) &&
    a.completed === b.completed &&
    a.failed === b.failed &&
    a.completionMs === b.completionMs
  )
}

export type OracleState = 'completed' | 'failed' | 'open' | 'abandoned' | 'excluded' | 'unstarted'

/** What the clock makes of a verdict. `elapsed`: its first start + window has passed, so it is in the rates. */
export function oracleState(verdict: Verdict, windowMs: number, now: number): { state: OracleState; elapsed: boolean } {
  if (verdict.excluded === 1) return { state: 'excluded', elapsed: false }
  if (verdict.depth === 0) return { state: 'unstarted', elapsed: false }
  const elapsed = now > verdict.start + windowMs
  if (verdict.completed === 1) return { state: 'completed', elapsed }
  if (verdict.failed === 1) return { state: 'failed', elapsed }
  return { state: now > verdict.latestStart + windowMs ? 'abandoned' : 'open', elapsed }
}
