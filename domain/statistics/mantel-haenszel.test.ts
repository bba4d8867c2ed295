import { describe, expect, it } from 'vitest'
import { cochranMantelHaenszel, commonOddsRatio, fittedExposedEvents, type TwoByTwo } from './mantel-haenszel.ts'
import { studentBound, studentTwoSided } from './student.ts'

const strata = (rows: readonly (readonly [number, number, number, number])[]): TwoByTwo[] =>
  rows.map(([exposedEvents, exposedOthers, otherEvents, otherOthers]) => ({
    exposedEvents,
    exposedOthers,
    otherEvents,
    otherOthers,
  }))

/** Admitted or not, men against women, by department: R's UCBAdmissions. */
const berkeley = strata([
  [512, 313, 89, 19],
  [353, 207, 17, 8],
  [120, 205, 202, 391],
  [138, 279, 131, 244],
  [53, 138, 94, 299],
  [22, 351, 24, 317],
])

/** Cured or dead, treated at once or after a delay, by dose: R's `Rabbits` in ?mantelhaen.test (Agresti 1990, p. 253). */
const rabbits = strata([
  [0, 6, 0, 5],
  [3, 3, 0, 6],
  [6, 0, 2, 4],
  [5, 1, 6, 0],
  [2, 0, 5, 0],
])

/** As R gives it, with or without the correction for continuity. */
const chiSquare = (tables: readonly TwoByTwo[], correction: number) => {
  const { excess, variance } = cochranMantelHaenszel(tables)
  return (Math.abs(excess) - correction) ** 2 / variance
}

describe('the common odds ratio', () => {
  it('of the admissions to Berkeley is what R prints', () => {
    const ratio = commonOddsRatio(berkeley)
    expect(ratio?.value).toBeCloseTo(0.9046968, 7)
    expect(ratio?.low).toBeCloseTo(0.7719074, 6)
    expect(ratio?.high).toBeCloseTo(1.0603298, 6)
  })

  it('of the rabbits is what R prints', () => {
    const ratio = commonOddsRatio(rabbits)
    expect(ratio?.value).toBeCloseTo(7, 9)
    expect(ratio?.low).toBeCloseTo(1.026713, 5)
    expect(ratio?.high).toBeCloseTo(47.725133, 4)
  })

  it('of one stratum has Woolf’s interval', () => {
    const ratio = commonOddsRatio(strata([[20, 80, 10, 90]]))
    const error = Math.sqrt(1 / 20 + 1 / 80 + 1 / 10 + 1 / 90)
    expect(ratio?.value).toBeCloseTo(2.25, 12)
    expect(ratio?.low).toBeCloseTo(2.25 * Math.exp(-1.959963984540054 * error), 10)
    expect(ratio?.high).toBeCloseTo(2.25 * Math.exp(1.959963984540054 * error), 10)
  })

  it.each<[string, readonly (readonly [number, number, number, number])[]]>([
    ['nothing', []],
    ['nobody', [[0, 0, 0, 0]]],
    ['nobody exposed', [[0, 0, 5, 5]]],
    ['no event among the exposed', [[0, 4, 5, 5]]],
    ['nothing but events among the exposed', [[4, 0, 5, 5]]],
  ])('is null of %s', (_, rows) => {
    expect(commonOddsRatio(strata(rows))).toBeNull()
  })

  it('is not moved by strata that compare nobody', () => {
    expect(
      commonOddsRatio([
        ...berkeley,
        ...strata([
          [3, 4, 0, 0],
          [0, 0, 9, 2],
        ]),
      ]),
    ).toEqual(commonOddsRatio(berkeley))
  })
})

describe('the statistic of Cochran, Mantel and Haenszel', () => {
  it('is what R prints', () => {
    expect(chiSquare(berkeley, 0)).toBeCloseTo(1.5246, 4)
    expect(chiSquare(berkeley, 0.5)).toBeCloseTo(1.4269, 4)
    expect(chiSquare(rabbits, 0.5)).toBeCloseTo(3.9286, 4)
  })

  it('over its weight is the difference of the risks, of one stratum', () => {
    const { excess, weight } = cochranMantelHaenszel(strata([[20, 80, 10, 90]]))
    expect(excess / weight).toBeCloseTo(0.1, 12)
  })
})

describe('fitted events', () => {
  it('are those expected where the ratio is 1, and those seen where it is the stratum’s own', () => {
    for (const table of berkeley) {
      const { exposedEvents: a, exposedOthers: b, otherEvents: c, otherOthers: d } = table
      expect(fittedExposedEvents(table, 1)).toBeCloseTo(((a + b) * (a + c)) / (a + b + c + d), 9)
      expect(fittedExposedEvents(table, (a * d) / (b * c))).toBeCloseTo(a, 8)
    }
  })

  it('stay within what the margins allow', () => {
    for (const ratio of [1e-6, 0.3, 2, 1e6])
      for (const table of [
        ...rabbits,
        ...strata([
          [0, 0, 3, 4],
          [1, 0, 0, 0],
        ]),
      ]) {
        const fitted = fittedExposedEvents(table, ratio)
        expect(fitted).toBeGreaterThanOrEqual(0)
        expect(fitted).toBeLessThanOrEqual(table.exposedEvents + table.exposedOthers)
      }
  })
})

describe('Student’s distribution', () => {
  it.each([
    [1, 12.706],
    [2, 4.303],
    [5, 2.571],
    [10, 2.228],
    [30, 2.042],
    [120, 1.98],
  ])('of %i degrees of freedom has the tabled bound %f', (degrees, bound) => {
    expect(studentBound(0.05, degrees)).toBeCloseTo(bound, 3)
    expect(studentTwoSided(studentBound(0.05, degrees), degrees)).toBeCloseTo(0.05, 9)
  })

  it('of one degree is Cauchy’s', () => {
    expect(studentTwoSided(1, 1)).toBeCloseTo(0.5, 9)
    expect(studentTwoSided(0, 1)).toBe(1)
  })
})
