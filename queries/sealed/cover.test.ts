import { describe, expect, it } from 'vitest'
import { dayStarts } from '../period.ts'
import { coverOf, cutsNoTally } from './cover.ts'

describe('a day that begins within an hour', () => {
  const zone = 'Asia/Kolkata'
  const midnight = Date.parse('2026-03-29T00:00:00+05:30')
  const hour = 3_600_000
  const period = (from: number, to: number) => {
    const days = dayStarts(zone, from, to)
    return { days, cover: coverOf({ from, to }, { from, to }, days, 0) }
  }

  it('cuts the tally of that hour where no day beside it is whole', () => {
    const { days, cover } = period(midnight - 8.5 * hour, midnight + 8.5 * hour)
    expect(cutsNoTally([midnight - 8.5 * hour, midnight], days, cover)).toBe(false)
  })

  it('cuts none where a day beside it is whole', () => {
    const { days, cover } = period(midnight - 24 * hour, midnight + 8.5 * hour)
    expect(cutsNoTally([midnight - 24 * hour, midnight], days, cover)).toBe(true)
  })
})
