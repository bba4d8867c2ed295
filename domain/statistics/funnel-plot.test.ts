import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../tests/support/random.ts'
import { drawBinomial } from '../../tests/support/simulated-rates.ts'
import { fitFunnelPlot, funnelLimits, plotScore } from './funnel-plot.ts'

const members = (
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

function fitted(of: readonly { successes: number; trials: number }[]) {
  const fit = fitFunnelPlot(of)
  if (fit === null) throw new Error('these say something')
  return fit
}

// Reference values: the formulas of Spiegelhalter (2005) in NumPy; FunnelPlotR computes its proportions by the same.
describe('the funnel plot', () => {
  it('finds mean, over-dispersion and the spread between members', () => {
    const fit = fitted(members)
    expect(fit.mean).toBeCloseTo(0.7207524985302763, 12)
    expect(fit.phi).toBeCloseTo(8.480736265413805, 9)
    expect(fit.tau).toBeCloseTo(0.09326347055660832, 9)
  })

  it.each([
    [10, 0.37034521292848965, 0.9617022685321008, 0.18666418732203705, 1],
    [100, 0.5212260099543846, 0.8828361389758459, 0.4022597543889948, 0.9481375486595218],
    [1000, 0.5431824397419991, 0.8683164538444917, 0.43649142155913695, 0.9316852254584546],
  ])('has its limits for %d', (trials, low95, high95, low998, high998) => {
    const limits = funnelLimits(fitted(members), trials)
    expect(limits.low95).toBeCloseTo(low95, 9)
    expect(limits.high95).toBeCloseTo(high95, 9)
    expect(limits.low998).toBeCloseTo(low998, 9)
    expect(limits.high998).toBeCloseTo(high998, 9)
  })

  it('scores members in standard errors of both kinds', () => {
    const fit = fitted(members)
    expect(members.slice(0, 3).map((member) => plotScore(fit, member).toFixed(6))).toEqual([
      '0.879910',
      '0.313376',
      '0.319374',
    ])
  })

  it('leaves chance alone where it explains the differences', () => {
    const alike = [70, 71, 69, 70, 72, 68].map((successes) => ({ successes, trials: 100 }))
    expect(fitted(alike).tau).toBe(0)
  })

  it('holds a wild member to the next one inside', () => {
    const calm = Array.from({ length: 20 }, (_, index) => ({ successes: 690 + index, trials: 1000 }))
    const wild = [...calm.slice(1), { successes: 10, trials: 1000 }]
    expect(fitted(wild).tau).toBeLessThan(0.06)
  })

  it('says nothing of nobody', () => {
    expect(fitFunnelPlot([])).toBeNull()
    expect(fitFunnelPlot([{ successes: 0, trials: 0 }])).toBeNull()
  })

  it('has limits in order, within 0 and 1, that narrow', () => {
    const member = fc
      .integer({ min: 1, max: 10 ** 6 })
      .chain((trials) => fc.record({ trials: fc.constant(trials), successes: fc.integer({ min: 0, max: trials }) }))
    fc.assert(
      fc.property(
        fc.array(member, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 10 ** 6 }),
        (some, trials) => {
          const fit = fitted(some)
          const { low95, high95, low998, high998 } = funnelLimits(fit, trials)
          const inOrder = [0, low998, low95, fit.mean, high95, high998, 1]
          for (const [index, value] of inOrder.entries())
            expect(value).toBeGreaterThanOrEqual((inOrder[index - 1] ?? 0) - 1e-12)
          const wider = funnelLimits(fit, Math.max(1, Math.floor(trials / 2)))
          expect(wider.low95).toBeLessThanOrEqual(low95 + 1e-12)
          expect(wider.high95).toBeGreaterThanOrEqual(high95 - 1e-12)
        },
      ),
    )
  })

  it('finds the spread of a normal population, less what holding the outer tenths takes from it', () => {
    const [tau, trials, count] = [0.05, 1_000, 4_000]
    const random = seededRandom(5)
    const drawn = Array.from({ length: count }, () => {
      const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
      return { trials, successes: drawBinomial(random, trials, Math.sin(1 + tau * normal) ** 2) }
    })
    const fit = fitted(drawn)
    // A standard normal held at its tenths, 1.2816, has a mean square of 0.8 - 2 * 1.2816 * 0.1755 + 0.2 * 1.2816 ** 2.
    const held = 0.6787
    const expected = Math.sqrt((held * (1 + 4 * trials * tau ** 2) - 1) / (4 * trials))
    expect(Math.abs(fit.tau - expected)).toBeLessThan(0.002)
    // So the 95 % limits are 1.614 standard deviations of such a population: 10.7 % lie outside.
    const { low95, high95 } = funnelLimits(fit, trials)
    const outside = drawn.filter(({ successes }) => successes / trials < low95 || successes / trials > high95)
    expect(Math.abs(outside.length / count - 0.107)).toBeLessThan(0.02)
  })
})
