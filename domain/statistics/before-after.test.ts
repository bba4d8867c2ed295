import { describe, expect, it } from 'vitest'
import { seededRandom } from '../random.ts'
import { anyRelease, callReleases } from '../../tests/support/releases.ts'
import { beforeAfter } from './before-after.ts'

describe('before and after', () => {
  it('calls at most 5 % of releases that change nothing significant', () => {
    const { significant } = callReleases(seededRandom(4), 200, (random) => ({
      ...anyRelease(random),
      journeysPerDay: 20 * 50 ** random.next(),
    }))
    expect(significant).toBeLessThanOrEqual(10)
  })

  it('finds a fall by 10 points within a week', () => {
    const { drops } = callReleases(seededRandom(5), 40, (random) => ({
      ...anyRelease(random),
      journeysPerDay: 500,
      daysAfter: 7,
      completionRate: 0.75,
      daySpread: 0.1,
      dayCorrelation: 0,
      change: -0.1,
    }))
    expect(drops).toBeGreaterThanOrEqual(36)
  })

  it('says why nothing can be said', () => {
    const one = { day: 0, hour: 1, started: 10, completed: 5 }
    expect(beforeAfter([])).toBe('no-common-hours')
    expect(
      beforeAfter([
        { ...one, after: false },
        { ...one, hour: 2, after: true },
      ]),
    ).toBe('no-common-hours')
    expect(
      beforeAfter([
        { ...one, after: false },
        { ...one, day: 7, after: true },
      ]),
    ).toBe('too-few-days')
    const all = { ...one, completed: 10 }
    expect(
      beforeAfter([
        { ...all, after: false },
        { ...all, day: 7, after: true },
      ]),
    ).toBe('all-alike')
  })
})
