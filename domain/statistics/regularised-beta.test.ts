import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { regularisedBeta } from './regularised-beta.ts'

// Reference values: SciPy 1.17 (betainc).
describe('regularisedBeta', () => {
  it.each([
    [0.1, 2, 3, 0.0523],
    [0.5, 0.5, 0.5, 0.5],
    [0.9, 5, 1, 0.59049],
    [0.01, 0.3, 40, 0.7757445280124585],
    [0.3, 30, 70, 0.5116251045586087],
    [0.55, 784, 650, 0.5978282232387343],
    [0.5, 784, 650, 0.00019839825480218873],
    [0.999, 1e4, 5, 0.02912047268287029],
    [0.4999, 5e5, 5e5, 0.4207403093309411],
    [0.25, 1e6, 3e6, 0.5000767764806788],
    [0.2499, 1e7, 3e7, 0.0720540441290475],
  ])('at %d with %d and %d', (x, a, b, expected) => {
    expect(Math.abs(regularisedBeta(x, a, b) - expected)).toBeLessThan(1e-7)
  })

  it('is 0 and 1 at the ends, and symmetric', () => {
    expect([regularisedBeta(0, 2, 3), regularisedBeta(1, 2, 3)]).toEqual([0, 1])
    const shape = fc.double({ min: 0.5, max: 5e3, noNaN: true })
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 0.999, noNaN: true }), shape, shape, (x, a, b) => {
        expect(regularisedBeta(x, a, b)).toBeCloseTo(1 - regularisedBeta(1 - x, b, a), 8)
      }),
    )
  })

  it('never falls', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    const shape = fc.double({ min: 0.05, max: 1e4, noNaN: true })
    fc.assert(
      fc.property(share, share, shape, shape, (x, y, a, b) => {
        expect(regularisedBeta(Math.min(x, y), a, b)).toBeLessThanOrEqual(regularisedBeta(Math.max(x, y), a, b) + 1e-9)
      }),
    )
  })
})
