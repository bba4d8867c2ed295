import type { Exclusion, Funnel } from '../../domain/service.ts'
import type { EventType, Outcome } from '../../domain/stored-event.ts'

/** One event of a trail, as far as a funnel can see it. */
export interface OracleEvent {
  readonly type: EventType
  /** Step name; empty where the type has none. */
  readonly step: string
  /** Milliseconds. */
  readonly at: number
  readonly seq: number
  /** Type outcome; else empty. */
  readonly outcome: Outcome | ''
}

/** The event that a run took for one position (from 1). */
export interface Taken {
  readonly position: number
  readonly event: OracleEvent
}

/** Ordered, strict: in order of positions. Any: in order of time. Never empty. */
export type Run = readonly [Taken, ...Taken[]]

/** Negative: `a` is before `b`. Zero: they have no order. */
export function order(a: OracleEvent, b: OracleEvent): number {
  return a.at - b.at || a.seq - b.seq
}

export function fits(funnel: Funnel, position: number, event: OracleEvent): boolean {
  return funnel.positions[position - 1]?.names.includes(event.step) ?? false
}

export function lastOf(run: Run): Taken {
  return run[run.length - 1] ?? run[0]
}

/** More runs than an enumeration may see: the input is too large for this oracle. */
export class TooManyRuns extends Error {
  override readonly name = 'TooManyRuns'
}

/** Shows every run of the journey to `visit`, the shorter ones too: what a run has reached is a run. */
export function eachRun(
  funnel: Funnel,
  steps: readonly OracleEvent[],
  visit: (run: Run) => void,
  runsMax: number,
): void {
  let runs = 0
  const counted = (run: Run) => {
    runs += 1
    if (runs > runsMax) throw new TooManyRuns(`more than ${runsMax} runs`)
    visit(run)
  }
  const sorted = [...steps].sort((a, b) => order(a, b) || (a.step < b.step ? -1 : a.step > b.step ? 1 : 0))
  if (funnel.order === 'any') eachSet(funnel, sorted, counted)
  else eachSequence(funnel, sorted, counted)
}

/** Two events that nothing can tell apart: trying one of them is trying both. */
function twins(a: OracleEvent | undefined, b: OracleEvent | undefined): boolean {
  return a !== undefined && b !== undefined && order(a, b) === 0 && a.step === b.step
}

function eachSequence(funnel: Funnel, sorted: readonly OracleEvent[], visit: (run: Run) => void): void {
  const used = new Set<number>()
  const untried = (index: number) =>
    !used.has(index) && (!twins(sorted[index - 1], sorted[index]) || used.has(index - 1))

  const extend = (run: Run) => {
    visit(run)
    for (let next = lastOf(run).position + 1; next <= funnel.positions.length; next += 1) {
      for (const [index, event] of sorted.entries()) {
        if (!untried(index) || !mayFollow(funnel, sorted, run, next, event)) continue
        used.add(index)
        extend([...run, { position: next, event }])
        used.delete(index)
      }
      if (funnel.positions[next - 1]?.optional !== true) break
    }
  }

  for (const [index, event] of sorted.entries()) {
    if (!untried(index) || !fits(funnel, 1, event)) continue
    used.add(index)
    extend([{ position: 1, event }])
    used.delete(index)
  }
}

function mayFollow(
  funnel: Funnel,
  steps: readonly OracleEvent[],
  run: Run,
  position: number,
  event: OracleEvent,
): boolean {
  const before = lastOf(run)
  if (!fits(funnel, position, event)) return false
  if (order(before.event, event) > 0) return false
  if (event.at - run[0].event.at > funnel.windowMs) return false
  const withinMs = funnel.positions[position - 1]?.withinMs ?? null
  if (withinMs !== null && event.at - before.event.at > withinMs) return false
  if (funnel.order !== 'strict') return true
  return steps.every((other) => {
    const between = order(before.event, other) < 0 && order(other, event) < 0
    return !between || fits(funnel, before.position, other)
  })
}

function eachSet(funnel: Funnel, sorted: readonly OracleEvent[], visit: (run: Run) => void): void {
  const extend = (run: Run, from: number, free: ReadonlySet<number>) => {
    visit(run)
    for (let index = from; index < sorted.length; index += 1) {
      const event = sorted[index]
      if (event === undefined || event.at - run[0].event.at > funnel.windowMs) break
      // Of twins, one that was passed over stands for all after it.
      if (index > from && twins(sorted[index - 1], event)) continue
      for (const position of free) {
        if (!fits(funnel, position, event)) continue
        extend([...run, { position, event }], index + 1, without(free, position))
      }
    }
  }

  const all = new Set(funnel.positions.map((_, index) => index + 1))
  for (const [index, event] of sorted.entries()) {
    for (const position of all) {
      if (fits(funnel, position, event)) extend([{ position, event }], index + 1, without(all, position))
    }
  }
}

function without(positions: ReadonlySet<number>, taken: number): Set<number> {
  const rest = new Set(positions)
  rest.delete(taken)
  return rest
}

/** Ordered, strict: a listed step strictly after position `after` and strictly before position `before`. */
export function isHit(funnel: Funnel, steps: readonly OracleEvent[], run: Run): boolean {
  return funnel.exclusions.some((exclusion) => isHitBy(exclusion, funnel, steps, run))
}

function isHitBy(exclusion: Exclusion, funnel: Funnel, steps: readonly OracleEvent[], run: Run): boolean {
  if (lastOf(run).position < exclusion.after) return false
  // A skipped position hands its role to the nearest reached one outside.
  const after = run.filter(({ position }) => position <= exclusion.after).at(-1)
  const before = run.find(({ position }) => position >= exclusion.before)
  if (after === undefined) return false
  return steps.some((event) => {
    if (event.step !== exclusion.step || order(after.event, event) >= 0) return false
    return before === undefined ? event.at - run[0].event.at <= funnel.windowMs : order(event, before.event) < 0
  })
}

/** Any: a listed step after the first event of the run, within its window, before the run was complete. */
export function isWiped(funnel: Funnel, steps: readonly OracleEvent[], run: Run): boolean {
  return steps.some((event) => {
    if (!funnel.exclusions.some(({ step }) => step === event.step)) return false
    if (order(run[0].event, event) >= 0 || event.at - run[0].event.at > funnel.windowMs) return false
    const completeByThen = run.length === funnel.positions.length && order(lastOf(run).event, event) <= 0
    return !completeByThen
  })
}
