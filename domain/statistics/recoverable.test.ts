import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bestOf, recoverable, typicalOf } from './recoverable.ts'

const all = { successes: 1, trials: 1 }
const of = (successes: number, trials: number) => ({ successes, trials })

describe('what could be recovered', () => {
  it('is what the benchmark keeps more, times who finishes, where counts leave no chance', () => {
    const peers = [0.9, 0.91, 0.89, 0.9, 0.9, 0.6].map((rate) => of(Math.round(rate * 1e7), 1e7))
    const typical = typicalOf(peers)
    if (typical === null) throw new Error('these say something')
    const { value } = recoverable(typical, of(6_000_000, 10_000_000), of(3_000_000, 6_000_000))
    expect(value / 10_000_000).toBeCloseTo((typical.rate - 0.6) * 0.5, 4)
  })

  it('has the variance of a mean of random effects', () => {
    const typical = typicalOf([of(80, 100), of(90, 100), of(70, 100), of(60, 100)])
    if (typical === null) throw new Error('these say something')
    // Equal sizes: (between + within / n) / members.
    const within = typical.rate * (1 - typical.rate)
    const between = within / (typical.prior.alpha + typical.prior.beta + 1)
    expect(typical.variance).toBeCloseTo((between + within / 100) / 4, 12)
  })

  it('does not take a lucky quarter of few journeys for the best', () => {
    const best = bestOf([of(5, 5), of(9_100, 10_000), of(8_000, 10_000), of(8_000, 10_000)])
    expect(best?.index).toBe(1)
    expect(best?.rate).toBeCloseTo(0.91, 2)
  })

  it('finds next to nothing where quarters differ by chance alone', () => {
    const best = bestOf([of(803, 1000), of(797, 1000), of(810, 1000), of(790, 1000)])
    if (best === null) throw new Error('these say something')
    expect(best.rate).toBeLessThan(0.81)
    expect(recoverable(best, of(800, 1000), of(700, 800)).low).toBe(0)
  })

  it('says nothing of one stretch, of nobody, and of a step that nobody reached', () => {
    expect(bestOf([of(1, 2)])).toBeNull()
    expect(bestOf([of(1, 2), of(0, 0)])).toBeNull()
    expect(typicalOf([of(0, 0)])).toBeNull()
    const typical = typicalOf([of(5, 10), of(6, 10)])
    if (typical === null) throw new Error('these say something')
    expect(recoverable(typical, of(0, 0), all)).toEqual({ value: 0, low: 0, high: 0 })
  })

  it('is never negative, never more than was lost, and inside its interval', () => {
    const trials = fc
      .integer({ min: 0, max: 10 ** 5 })
      .chain((n) => fc.record({ trials: fc.constant(n), successes: fc.integer({ min: 0, max: n }) }))
    fc.assert(
      fc.property(
        fc.array(trials, { minLength: 2, maxLength: 8 }),
        trials,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (others, kept, share) => {
          const finished = of(Math.floor(kept.successes * share), kept.successes)
          for (const benchmark of [typicalOf(others), bestOf(others)]) {
            if (benchmark === null) continue
            const { value, low, high } = recoverable(benchmark, kept, finished)
            expect(low).toBeGreaterThanOrEqual(0)
            expect(low).toBeLessThanOrEqual(value + 1e-9)
            expect(value).toBeLessThanOrEqual(high + 1e-9)
            expect(high).toBeLessThanOrEqual(kept.trials - kept.successes)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
