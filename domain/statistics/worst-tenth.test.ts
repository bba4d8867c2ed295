import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rankingTrial } from '../../tests/support/ranking-trial.ts'
import type { SpreadName } from '../../tests/support/simulated-rates.ts'
import type { Trials } from './beta-binomial.ts'
import { fitRatePrior } from './rate-prior.ts'
import { judgeRates } from './worst-tenth.ts'

const names: readonly SpreadName[] = ['narrow', 'wide', 'skewed']

describe('the worst tenth of services whose true rates are known', () => {
  // The small version of `npm run bench -- ranking`.
  it.each(names)('of a %s spread is found almost as well as can be, and flagged rightly', (name) => {
    const trials = [1, 2, 3, 4, 5].map((seed) => rankingTrial(name, seed))
    const sum = (of: (trial: (typeof trials)[number]) => number) =>
      trials.reduce((total, trial) => total + of(trial), 0)
    const optimum = sum(({ precision }) => precision.optimum)
    expect(sum(({ precision }) => precision.shrunk) / optimum).toBeGreaterThan(0.9)
    expect(sum(({ flagged }) => flagged)).toBeGreaterThan(5 * 50)
    expect(sum(({ flaggedRightly }) => flaggedRightly) / sum(({ flagged }) => flagged)).toBeGreaterThan(0.95)
    // What is measured tells methods apart: where rates differ little, the raw rate finds the small and unlucky.
    if (name === 'narrow') expect(sum(({ precision }) => precision.raw) / optimum).toBeLessThan(0.5)
  })
})

const alike = (count: number, member: Trials) => Array.from({ length: count }, () => member)

describe('the judgement of a rate', () => {
  it('says nothing of nobody, and no probability of one alone', () => {
    expect(judgeRates([])).toEqual([])
    const [one] = judgeRates([{ successes: 30, trials: 40 }])
    expect(one).toMatchObject({ probabilityWorst: null, flagged: false })
    expect(one?.shrunkRate).toBeGreaterThan(0.6)
    expect(one?.shrunkRate).toBeLessThan(0.8)
  })

  it('flags from ten members on, never below', () => {
    const bad = { successes: 2_000, trials: 10_000 }
    const good = { successes: 8_000, trials: 10_000 }
    const nine = judgeRates([bad, ...alike(8, good)])
    expect(nine[0]?.probabilityWorst).toBeGreaterThan(0.999)
    expect(nine.some(({ flagged }) => flagged)).toBe(false)
    expect(judgeRates([bad, ...alike(9, good)]).map(({ flagged }) => flagged)).toEqual([
      true,
      ...alike(9, good).map(() => false),
    ])
    // Two as bad, of ten: only one of them is the worst tenth, and nobody knows which.
    expect(judgeRates([bad, bad, ...alike(8, good)]).some(({ flagged }) => flagged)).toBe(false)
  })

  it('draws small members towards the others, and large ones hardly', () => {
    const others = [7, 8, 9, 8, 7, 9, 8, 8, 9, 7, 8].map((tenths) => ({ successes: tenths * 1_000, trials: 10_000 }))
    const [small] = judgeRates([{ successes: 0, trials: 2 }, ...others])
    const [large] = judgeRates([{ successes: 0, trials: 20_000 }, ...others])
    expect(small?.shrunkRate).toBeGreaterThan(0.3)
    expect(large?.shrunkRate).toBeLessThan(0.001)
  })

  it('finds two groups that no beta distribution has', () => {
    const members = [300, 305, 310, 295].flatMap((low) =>
      Array.from({ length: 100 }, (_, index) => ({ successes: index < 25 ? low : 900 + (low - 300), trials: 1_000 })),
    )
    const prior = fitRatePrior(members)
    if (prior === null) throw new Error('these say something')
    const middle = prior.grid.knots.findIndex((angle) => angle > Math.asin(Math.sqrt(0.6)))
    expect((prior.density[middle] ?? NaN) / Math.max(...prior.density)).toBeLessThan(0.05)
    // Of six in ten trials: the share of the near group, not of the far one, draws it.
    const judged = judgeRates([...members, { successes: 3, trials: 10 }, { successes: 9, trials: 10 }])
    expect(judged.at(-2)?.shrunkRate).toBeLessThan(0.35)
    expect(judged.at(-1)?.shrunkRate).toBeGreaterThan(0.85)
  })

  it('is the same again, and finite, for any counts', () => {
    const member = fc
      .integer({ min: 1, max: 10 ** 9 })
      .chain((trials) => fc.record({ trials: fc.constant(trials), successes: fc.integer({ min: 0, max: trials }) }))
    const extreme = fc.constantFrom(
      { successes: 0, trials: 10 ** 9 },
      { successes: 10 ** 9, trials: 10 ** 9 },
      { successes: 0, trials: 1 },
      { successes: 1, trials: 1 },
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(member, extreme), { maxLength: 45 }), (members) => {
        const judged = judgeRates(members)
        expect(judged).toHaveLength(members.length)
        expect(judgeRates(members)).toEqual(judged)
        for (const { shrunkRate, probabilityWorst } of judged)
          for (const share of [shrunkRate, probabilityWorst ?? 0]) {
            expect(share).toBeGreaterThanOrEqual(0)
            expect(share).toBeLessThanOrEqual(1)
          }
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    ['nobody', 0],
    ['everybody', 500],
  ])('holds when %s completes', (_, successes) => {
    const judged = judgeRates(alike(20, { successes, trials: 500 }))
    for (const { shrunkRate, probabilityWorst, flagged } of judged) {
      expect(Math.abs(shrunkRate - successes / 500)).toBeLessThan(0.01)
      expect(probabilityWorst).toBeCloseTo(0.1, 1)
      expect(flagged).toBe(false)
    }
  })
})
