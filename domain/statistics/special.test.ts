import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { logGamma, normalCdf } from './special.ts'

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

describe('normalCdf', () => {
  // Tables of the standard normal distribution (Abramowitz and Stegun 1964, 26.1 and 26.2).
  it.each([
    [0, 0.5],
    [1, 0.841344746068543],
    [1.959963984540054, 0.975],
    [3.090232306167813, 0.999],
    [-2, 0.022750131948179],
    [-3, 0.00134989803163],
    [-8, 6.22096057427178e-16],
    [40, 1],
    [-40, 0],
  ])('of %d', (z, expected) => {
    expect(Math.abs(normalCdf(z) - expected)).toBeLessThan(1e-14)
  })

  it('never falls, and mirrors', () => {
    fc.assert(
      fc.property(fc.double({ min: -10, max: 10, noNaN: true }), (z) => {
        expect(normalCdf(z) + normalCdf(-z)).toBeCloseTo(1, 13)
        expect(normalCdf(z + 0.01)).toBeGreaterThanOrEqual(normalCdf(z))
      }),
    )
  })
})
