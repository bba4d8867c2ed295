import { describe, expect, it } from 'vitest'
import type { FunnelAnswerStep, Totals, TrendPeriod } from '../queries/answers.ts'
import { funnelExample, timeToCompleteExample, trendExample } from './examples.ts'

/** Examples say nothing that an answer could not say: their numbers add up as those of answers do. */

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

function holdTogether(totals: Totals, steps: readonly FunnelAnswerStep[]): void {
  expect(totals.completed + totals.failed + totals.abandoned + totals.open).toBe(totals.started)
  expect(steps[0]?.entered).toBe(totals.started)
  for (const [index, { entered, passed, left }] of steps.entries()) {
    expect(passed + left.completed + left.failed + left.abandoned + left.open).toBe(entered)
    expect(passed).toBe(steps[index + 1]?.entered ?? 0)
  }
  for (const ending of ['completed', 'failed', 'abandoned', 'open'] as const)
    expect(sum(steps.map(({ left }) => left[ending]))).toBe(totals[ending])
}

describe('the examples', () => {
  it('of the funnel hold together, in both periods', () => {
    const { totals, steps, comparison } = funnelExample
    if (comparison === undefined) throw new Error('the example has no comparison')
    holdTogether(totals, steps)
    holdTogether(comparison.totals, comparison.steps)
    const difference = (totals.completionRate?.value ?? 0) - (comparison.totals.completionRate?.value ?? 0)
    expect(comparison.completionRateDifference?.value).toBeCloseTo(difference, 3)
    expect(comparison.to).toBe(funnelExample.from)
  })

  it('of the trend add up over the values of a dimension', () => {
    const { periods, breakdown = [] } = trendExample
    const counts = ({ started, completed, abandoned }: TrendPeriod) => ({ started, completed, abandoned })
    for (const [index, period] of periods.entries()) {
      const rows = breakdown.flatMap((row) => row.periods[index] ?? [])
      expect({
        started: sum(rows.map(({ started }) => started)),
        completed: sum(rows.map(({ completed }) => completed)),
        abandoned: sum(rows.map(({ abandoned }) => abandoned)),
      }).toEqual(counts(period))
    }
    expect(trendExample.comparison?.periods).toHaveLength(periods.length)
  })

  it('of the time to complete are of the same journeys', () => {
    const { count, histogram, within, p50, p75, p90, p95 } = timeToCompleteExample
    expect(sum(histogram.map((bar) => bar.count))).toBe(count)
    expect(count).toBe(funnelExample.totals.completed)
    expect(within.at(-1)?.completed).toBe(count)
    for (const [level, seconds] of [
      [0.5, p50],
      [0.75, p75],
      [0.9, p90],
      [0.95, p95],
    ] as const) {
      const rank = Math.floor(level * count)
      const bar = histogram.find((_, index) => sum(histogram.slice(0, index + 1).map((one) => one.count)) > rank)
      expect(seconds).toBeGreaterThanOrEqual(bar?.from ?? Infinity)
      expect(seconds).toBeLessThan(bar?.to ?? 0)
    }
    for (const { seconds, completed } of within) {
      expect(completed).toBeGreaterThanOrEqual(sum(histogram.flatMap((bar) => (bar.to <= seconds ? bar.count : []))))
      expect(completed).toBeLessThanOrEqual(sum(histogram.flatMap((bar) => (bar.from <= seconds ? bar.count : []))))
    }
  })
})
