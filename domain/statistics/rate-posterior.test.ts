import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { regularisedBeta } from './regularised-beta.ts'
import { shareBelow } from './lowest.ts'
import { angleGrid, evidenceOf, meanRate, posteriorOf } from './rate-posterior.ts'

/** Of Beta(alpha, beta), by radian of angle. */
const betaDensity = (alpha: number, beta: number) => (angle: number) =>
  Math.sin(angle) ** (2 * alpha - 1) * Math.cos(angle) ** (2 * beta - 1)

function posterior(alpha: number, beta: number, successes: number, trials: number) {
  const mean = alpha / (alpha + beta)
  const grid = angleGrid(Math.asin(Math.sqrt(mean)), 1 / (2 * Math.sqrt(alpha + beta + 1)))
  return posteriorOf(evidenceOf(grid, { successes, trials }), grid.knots.map(betaDensity(alpha, beta)))
}

/** From 1 trial to 100 million. */
const member = fc
  .tuple(fc.integer({ min: 0, max: 7 }), fc.double({ min: 1, max: 9.99, noNaN: true }))
  .map(([power, factor]) => Math.floor(factor * 10 ** power))
  .chain((trials) => fc.record({ trials: fc.constant(trials), successes: fc.integer({ min: 0, max: trials }) }))

describe('what is known of a rate', () => {
  // Oracle: the beta distribution is conjugate, so the posterior is Beta(alpha + successes, beta + failures).
  it('is the posterior of the beta distribution when the rates follow one, from 1 trial to 100 million', () => {
    const shape = fc.double({ min: 2, max: 12, noNaN: true })
    fc.assert(
      fc.property(
        shape,
        shape,
        member,
        fc.double({ min: -1.5, max: 1.5, noNaN: true }),
        (alpha, beta, { trials }, from) => {
          // As the prior expects them: far outside it, straight lines stand for a density that is as good as 0.
          const spread = Math.sqrt((alpha * beta) / (alpha + beta + 1)) / (alpha + beta)
          const rate = Math.min(0.98, Math.max(0.02, alpha / (alpha + beta) + from * spread))
          const successes = Math.round(trials * rate)
          const known = posterior(alpha, beta, successes, trials)
          const [a, b] = [alpha + successes, beta + trials - successes]
          const deviation = Math.sqrt((a * b) / (a + b + 1)) / (a + b)
          expect(Math.abs(meanRate(known) - a / (a + b))).toBeLessThan(0.1 * deviation + 1e-12)
          for (const standard of [-2, -1, 0, 1, 2]) {
            const at = Math.min(1, Math.max(0, a / (a + b) + standard * deviation))
            const below = shareBelow(known, Math.asin(Math.sqrt(at)))
            expect(Math.abs(below - regularisedBeta(at, a, b))).toBeLessThan(0.04)
          }
        },
      ),
      { numRuns: 150, seed: 1 },
    )
  })

  it('adds up to 1, in order, whatever was seen', () => {
    const any = fc.oneof(
      member,
      member.map(({ trials }) => ({ trials, successes: trials })),
      fc.constant({ trials: 1e12, successes: 0 }),
    )
    fc.assert(
      fc.property(any, ({ successes, trials }) => {
        const known = posterior(8, 2, successes, trials)
        expect(known.masses.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
        expect(known.below.every((share, index) => share >= (known.below[index - 1] ?? 0) && share <= 1)).toBe(true)
        expect(known.angles.every((angle, index) => index === 0 || angle > (known.angles[index - 1] ?? 0))).toBe(true)
      }),
    )
  })
})
