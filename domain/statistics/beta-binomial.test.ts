import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitBetaBinomial, type Trials } from './beta-binomial.ts'

const population: Trials[] = (
  [
    [80, 100],
    [75, 100],
    [90, 120],
    [60, 100],
    [40, 100],
    [850, 1000],
    [700, 1000],
    [9, 10],
    [3, 10],
    [0, 2],
    [45, 60],
    [500, 800],
  ] as const
).map(([successes, trials]) => ({ successes, trials }))

function fitted(members: readonly Trials[]) {
  const prior = fitBetaBinomial(members)
  if (prior === null) throw new Error('these say something')
  return prior
}

describe('the beta-binomial fit', () => {
  it('finds what SciPy 1.17 finds (optimize.minimize)', () => {
    const prior = fitted(population)
    expect(prior.alpha).toBeCloseTo(6.5154, 3)
    expect(prior.beta).toBeCloseTo(3.3098, 3)
  })

  it('says nothing of nobody, and passes over who has no trials', () => {
    expect(fitBetaBinomial([])).toBeNull()
    expect(fitBetaBinomial([{ successes: 0, trials: 0 }])).toBeNull()
    expect(fitBetaBinomial([...population, { successes: 0, trials: 0 }])).toEqual(fitBetaBinomial(population))
  })

  it('finds the population that it was drawn from', () => {
    // Rates at the quantiles of Beta(8, 4), each seen a million times: no chance is left.
    const rates = [0.4356, 0.5199, 0.5758, 0.6213, 0.6621, 0.7011, 0.7405, 0.7836, 0.8396]
    const prior = fitted(rates.map((rate) => ({ successes: Math.round(rate * 1e6), trials: 1e6 })))
    expect(prior.alpha / (prior.alpha + prior.beta)).toBeCloseTo(2 / 3, 1)
  })

  it('stays within bounds for any counts', () => {
    const member = fc
      .integer({ min: 0, max: 10 ** 7 })
      .chain((trials) => fc.record({ trials: fc.constant(trials), successes: fc.integer({ min: 0, max: trials }) }))
    const extreme = fc.constantFrom(
      { successes: 0, trials: 10 ** 7 },
      { successes: 10 ** 7, trials: 10 ** 7 },
      { successes: 1, trials: 1 },
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(member, extreme), { maxLength: 30 }), (members) => {
        const prior = fitBetaBinomial(members)
        if (prior === null) return
        for (const shape of [prior.alpha, prior.beta]) {
          expect(shape).toBeGreaterThan(0)
          expect(shape).toBeLessThanOrEqual(1e6)
        }
      }),
      { numRuns: 60 },
    )
  })
})
