import { expect } from 'vitest'
import type { FunnelAnswerStep, Rate, Totals, TrendAnswer } from '../../queries/answers.ts'
import type { OracleFunnelAnswer, OracleRate, OracleStep, OracleTotals, OracleTrendPeriod } from './oracle.ts'

let compared = 0

/**
 * How many comparisons with the oracle this process has made. A comparison is one row of an answer with all of its numbers: the
 * totals, a step, a period of a trend, a bin of times, a way that journeys go, an error, a service, or a journey. What is
 * compared of one answer with another, or with itself, is none.
 */
export const comparisons = (): number => compared

/** Call it when so many rows have agreed. */
export function agreed(rows = 1): void {
  compared += rows
}

/** Went on from a step before anyone there is called silent. */
const wentOnMin = 20

export function expectTotals(actual: Totals, oracle: OracleTotals): void {
  const { completionRate, soFar, atBest, ...counts } = actual
  const { completionRate: oracleRate, soFar: oracleSoFar, atBest: oracleAtBest, ...oracleCounts } = oracle
  expect(counts).toEqual(oracleCounts)
  expectRate(completionRate, oracleRate)
  expectRate(soFar, oracleSoFar)
  expectRate(atBest, oracleAtBest)
  agreed()
}

export function expectRate(actual: Rate | null, oracle: OracleRate): void {
  if (actual === null || oracle === null) {
    expect(actual).toBe(oracle)
    return
  }
  for (const part of ['value', 'low', 'high'] as const) expect(actual[part]).toBeCloseTo(oracle[part], 9)
  expect(actual.high).toBeLessThanOrEqual(1)
}

/** @param silentOf whose waits the silent are judged by; null: of others than these journeys, so not compared */
export function expectSteps(
  actual: readonly FunnelAnswerStep[],
  oracle: OracleFunnelAnswer,
  silentOf: OracleFunnelAnswer | null,
): void {
  expect(actual.map(({ position }) => position)).toEqual(oracle.steps.map(({ position }) => position))
  for (const [index, step] of actual.entries()) {
    const expected = oracle.steps[index]
    if (expected === undefined) throw new Error('the oracle has fewer steps')
    const { silent, ...left } = step.left
    const { silent: bounds, ...oracleLeft } = expected.left
    expect({ step: step.step, entered: step.entered, passed: step.passed, elapsed: step.elapsed, left }).toEqual({
      step: expected.step,
      entered: expected.entered,
      passed: expected.passed,
      elapsed: expected.elapsed,
      left: oracleLeft,
    })
    expectRate(step.rateFromStart, expected.rateFromStart)
    expectRate(step.rateFromPrevious, expected.rateFromPrevious)
    expectSeconds(step, expected)
    agreed()
    if (silentOf === null) continue
    if (index === actual.length - 1) expect(silent).toBe(0)
    else if (expected.wentOn < wentOnMin) expect(silent).toBeNull()
    else {
      expect(silent).toBeGreaterThanOrEqual(bounds.low)
      expect(silent).toBeLessThanOrEqual(bounds.high)
    }
  }
}

/** Times are told by the bins of domain/tally/bins.ts. */
const relativeError = 0.008

/** The median lies between the middle two; another quantile within one place of its rank. */
function expectSeconds({ position, secondsFromPrevious: { median, p90 } }: FunnelAnswerStep, oracle: OracleStep): void {
  const seconds = oracle.secondsFromPrevious
  if (position === 1 || seconds.length === 0) {
    expect({ median, p90 }).toEqual({ median: null, p90: null })
    return
  }
  const at = (index: number) => seconds[Math.min(seconds.length - 1, Math.max(0, index))]
  const low = (index: number) => (at(index) ?? NaN) * (1 - relativeError)
  const high = (index: number) => (at(index) ?? NaN) * (1 + relativeError)
  expect(median).toBeGreaterThanOrEqual(low(Math.ceil(seconds.length / 2) - 1))
  expect(median).toBeLessThanOrEqual(high(Math.floor(seconds.length / 2)))
  const rank = 0.9 * seconds.length
  expect(p90).toBeGreaterThanOrEqual(low(Math.floor(rank) - 1))
  expect(p90).toBeLessThanOrEqual(high(Math.ceil(rank)))
}

export function expectTrend(answer: TrendAnswer, oracle: readonly OracleTrendPeriod[]): void {
  expect(answer.periods.map(({ start, end }) => [Date.parse(start), Date.parse(end)])).toEqual(
    oracle.map(({ start, end }) => [start, end]),
  )
  for (const [index, period] of answer.periods.entries()) {
    const expected = oracle[index]
    if (expected === undefined) throw new Error('the oracle has fewer periods')
    const { totals } = expected
    const { started, completed, failed, abandoned, open, unstarted, excluded } = period
    expect({ started, completed, failed, abandoned, open, unstarted, excluded }).toEqual({
      started: totals.started,
      completed: totals.completed,
      failed: totals.failed,
      abandoned: totals.abandoned,
      open: totals.open,
      unstarted: totals.unstarted,
      excluded: totals.excluded,
    })
    if (answer.position === undefined) expectRate(period.rate, totals.completionRate)
    else {
      expect([period.reached, period.elapsed.reached]).toEqual([expected.reached, expected.elapsedReached])
      expectRate(period.rate, expected.reachedRate)
    }
    expect(period.state).toBe(expected.waiting > 0 ? 'partial' : 'complete')
    agreed()
  }
}
