import { raw, sql, type Sql } from '../domain/sql.ts'
import type { Funnel } from '../domain/service.ts'
import { rateOf } from './rates.ts'
import type { FunnelAnswerStep, Totals } from './answers.ts'
import { labelAt } from './subject.ts'
import { stateCodes, type StateName } from './verdicts.ts'

/**
 * Counts of one group of journeys, from which totals and steps are made. A journey that started is counted
 * once by (furthest position, state, elapsed), so every identity between the numbers holds by construction.
 */
export interface Cells {
  readonly unstarted: number
  readonly excluded: number
  /** By `cell`. */
  readonly cells: readonly number[]
}

export interface Counts extends Cells {
  /** By position - 1; of all, and of the elapsed. */
  readonly entered: readonly number[]
  readonly elapsedEntered: readonly number[]
}

/** As ClickHouse gives them: 64-bit whole numbers come as strings. */
export interface CellsRow {
  readonly unstarted: string
  readonly excluded: string
  readonly cells: readonly string[]
}

export interface CountsRow extends CellsRow {
  /** Empty without optional steps: the cells say it then. */
  readonly enteredBy: readonly string[]
  readonly elapsedBy: readonly string[]
}

const startedStates = ['completed', 'failed', 'abandoned', 'open'] as const satisfies readonly StateName[]
export type StartedState = (typeof startedStates)[number]

/** (depth * 4 + state) * 2 + elapsed */
export function cell(depth: number, state: StartedState, elapsed: 0 | 1): number {
  return (depth * startedStates.length + stateCodes[state]) * 2 + elapsed
}

/** Aggregates over rows of `judged`: columns of CellsRow. Cost: one counter a journey. */
export function cellColumns(positionsMax: number): Sql {
  const states = startedStates.length
  return raw(`
    countIf(state = ${stateCodes.unstarted}) AS unstarted,
    countIf(state = ${stateCodes.excluded}) AS excluded,
    countIfResample(0, ${(positionsMax + 1) * states * 2}, 1)(depth > 0, (depth * ${states} + state) * 2 + elapsed) AS cells`)
}

/** The same with who entered each position: columns of CountsRow. Cost: a counter a position more, for optional ones. */
export function countColumns(funnel: Funnel): Sql {
  const positions = funnel.positions.length
  const reached = `arrayMap(k -> bitTest(entered, k), range(${positions}))`
  return sql`${cellColumns(positions)},
    ${raw(isContiguous(funnel) ? '[]' : `sumForEachIf(${reached}, depth > 0)`)} AS enteredBy,
    ${raw(isContiguous(funnel) ? '[]' : `sumForEachIf(${reached}, elapsed)`)} AS elapsedBy`
}

/** Without optional steps, who reached a position reached all before it. */
export function isContiguous(funnel: Funnel): boolean {
  return funnel.positions.every(({ optional }) => !optional)
}

export function readCells(row: CellsRow): Cells {
  return { unstarted: Number(row.unstarted), excluded: Number(row.excluded), cells: row.cells.map(Number) }
}

export function readCounts(row: CountsRow, funnel: Funnel): Counts {
  return countsOf(readCells(row), funnel, { entered: row.enteredBy.map(Number), elapsed: row.elapsedBy.map(Number) })
}

/** @param by who entered each position, by position - 1, of a funnel with optional ones; for others the cells say it */
export function countsOf(
  cells: Cells,
  funnel: Funnel,
  by: { readonly entered: readonly number[]; readonly elapsed: readonly number[] },
): Counts {
  const fromHereOn = (elapsedOnly: boolean) =>
    funnel.positions.map((_, index) =>
      sumOf(funnel.positions.slice(index).map((__, more) => stoppedAt(cells, index + 1 + more, elapsedOnly))),
    )
  return {
    ...cells,
    entered: isContiguous(funnel) ? fromHereOn(false) : padded(by.entered, funnel),
    elapsedEntered: isContiguous(funnel) ? fromHereOn(true) : padded(by.elapsed, funnel),
  }
}

/** An aggregate over no rows has an empty array. */
function padded(counts: readonly number[], funnel: Funnel): number[] {
  return funnel.positions.map((_, index) => counts[index] ?? 0)
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

/** Journeys in this state whose furthest position this is; the elapsed among them, or all. */
function inState(counts: Cells, state: StartedState, depth: number, elapsedOnly = false): number {
  return (counts.cells[cell(depth, state, 1)] ?? 0) + (elapsedOnly ? 0 : (counts.cells[cell(depth, state, 0)] ?? 0))
}

/** The same, wherever they are. */
function inStateAnywhere(counts: Cells, state: StartedState, elapsedOnly = false): number {
  const depths = counts.cells.length / (startedStates.length * 2)
  return sumOf(Array.from({ length: depths }, (_, depth) => inState(counts, state, depth, elapsedOnly)))
}

/** Journeys whose furthest position this is, in any state. */
export function stoppedAt(counts: Cells, depth: number, elapsedOnly = false): number {
  return sumOf(startedStates.map((state) => inState(counts, state, depth, elapsedOnly)))
}

export function openAt(counts: Cells, depth: number): number {
  return inState(counts, 'open', depth)
}

/** Drop-off at a position: failed or abandoned there, `left.failed + left.abandoned` of a funnel's step. */
export function lostAt(counts: Cells, depth: number): number {
  return inState(counts, 'failed', depth) + inState(counts, 'abandoned', depth)
}

export function totalsOf(counts: Cells): Totals {
  const completed = inStateAnywhere(counts, 'completed')
  const failed = inStateAnywhere(counts, 'failed')
  const abandoned = inStateAnywhere(counts, 'abandoned')
  const open = inStateAnywhere(counts, 'open')
  const started = completed + failed + abandoned + open
  const elapsed = {
    started: sumOf(startedStates.map((state) => inStateAnywhere(counts, state, true))),
    completed: inStateAnywhere(counts, 'completed', true),
  }
  return {
    started,
    completed,
    failed,
    abandoned,
    open,
    elapsed,
    unstarted: counts.unstarted,
    excluded: counts.excluded,
    completionRate: rateOf(elapsed.completed, elapsed.started),
    soFar: rateOf(completed, started),
    atBest: rateOf(completed + open, started),
  }
}

/** What of a step is counted elsewhere: how many of its open are silent, and how long the way to it took. */
export interface StepExtras {
  readonly silent: number | null
  readonly secondsFromPrevious: FunnelAnswerStep['secondsFromPrevious']
}

export function stepsOf(counts: Counts, funnel: Funnel, extras: (position: number) => StepExtras): FunnelAnswerStep[] {
  const elapsedStarted = counts.elapsedEntered[0] ?? 0
  return funnel.positions.map((position, index) => {
    const depth = index + 1
    const left = {
      completed: inState(counts, 'completed', depth),
      failed: inState(counts, 'failed', depth),
      abandoned: inState(counts, 'abandoned', depth),
      open: inState(counts, 'open', depth),
    }
    const entered = counts.entered[index] ?? 0
    const elapsedEntered = counts.elapsedEntered[index] ?? 0
    const previous = funnel.positions.slice(0, index).findLastIndex(({ optional }) => !optional)
    const { silent, secondsFromPrevious } = extras(depth)
    return {
      position: depth,
      step: position.names[0] ?? '',
      ...(position.names.length > 1 ? { anyOf: [...position.names] } : {}),
      name: labelAt(funnel, depth),
      optional: position.optional,
      entered,
      passed: entered - stoppedAt(counts, depth),
      elapsed: { entered: elapsedEntered, passed: elapsedEntered - stoppedAt(counts, depth, true) },
      left: { ...left, silent },
      rateFromStart: rateOf(elapsedEntered, elapsedStarted),
      rateFromPrevious: previous === -1 ? null : rateOf(elapsedEntered, counts.elapsedEntered[previous] ?? 0),
      secondsFromPrevious,
    }
  })
}
