import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { betaQuantile, logGamma, regularisedBeta } from './special.ts'

// Reference values: SciPy 1.17 (gammaln, betainc, betaincinv).
describe('logGamma', () => {
  it.each([
    [1e-3, 6.907178885383853],
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247],
    [1, 0],
    [1.5, -0.12078223763524526],
    [2, 0],
    [3.7, 1.428072326665388],
    [10, 12.801827480081469],
    [19.9, 39.04308858123621],
    [20.1, 39.637192503636946],
    [100, 359.1342053695754],
    [1234.5, 7550.550901077894],
    [1e6, 12815504.569147611],
    [1e9, 19723265827.503716],
  ])('of %d', (x, expected) => {
    expect(Math.abs(logGamma(x) - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)))
  })

  it('is for positive numbers', () => {
    for (const x of [0, -1, NaN]) expect(() => logGamma(x)).toThrow(RangeError)
  })

  it('grows by log x with x', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e5, noNaN: true }), (x) => {
        expect(logGamma(x + 1) - logGamma(x)).toBeCloseTo(Math.log(x), 8)
      }),
    )
  })
})

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

describe('betaQuantile', () => {
  it.each([
    [0.1, 2, 3, 0.14255931671003072],
    [0.1, 0.5, 0.5, 0.024471741852423214],
    [0.1, 20, 5, 0.6941207907417022],
    [0.1, 800, 200, 0.7836688938558644],
    [0.9, 3, 0.2, 0.9999975046460848],
  ])('%d of %d and %d', (probability, a, b, expected) => {
    expect(betaQuantile(probability, a, b)).toBeCloseTo(expected, 9)
  })

  it('finds a quantile near 0 by its size', () => {
    expect(betaQuantile(0.1, 0.05, 1) / 1e-20).toBeCloseTo(1, 3)
  })
})
