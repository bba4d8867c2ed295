import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wilson } from './wilson.ts'

describe('the Wilson interval', () => {
  // Reference values: SciPy 1.17, binomtest(...).proportion_ci(method='wilson').
  it.each([
    [784, 1434, 0.5208662363295055, 0.572329017693776],
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371109, 1],
    [1, 3, 0.06149194472039626, 0.7923403991979523],
    [8, 10, 0.4901624715366418, 0.9433178485456248],
    [5, 1_000_000, 2.1357029684685578e-6, 1.1705702681035744e-5],
  ])('of %d in %d', (successes, trials, low, high) => {
    const interval = wilson(successes, trials)
    expect(interval?.low).toBeCloseTo(low, 12)
    expect(interval?.high).toBeCloseTo(high, 12)
  })

  it('says nothing of no trials', () => {
    expect(wilson(0, 0)).toBeNull()
  })

  it('holds the observed proportion, within 0 and 1, and mirrors', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 10 ** 9 })
          .chain((trials) => fc.tuple(fc.integer({ min: 0, max: trials }), fc.constant(trials))),
        ([successes, trials]) => {
          const interval = wilson(successes, trials)
          const mirrored = wilson(trials - successes, trials)
          if (interval === null || mirrored === null) throw new Error('trials say something')
          expect(interval.low).toBeGreaterThanOrEqual(0)
          expect(interval.low).toBeLessThanOrEqual(successes / trials)
          expect(interval.high).toBeGreaterThanOrEqual(successes / trials)
          expect(interval.high).toBeLessThanOrEqual(1)
          expect(interval.low).toBeCloseTo(1 - mirrored.high, 12)
        },
      ),
    )
  })
})
