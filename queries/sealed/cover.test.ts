import { describe, expect, it } from 'vitest'
import { dayStarts, weekStarts } from '../period.ts'
import { coverOf, cutsNoTally } from './cover.ts'

describe('a day that begins within an hour', () => {
  const zone = 'Asia/Kolkata'
  const midnight = Date.parse('2026-03-29T00:00:00+05:30')
  const hour = 3_600_000
  const period = (from: number, to: number) => {
    const begins = { days: dayStarts(zone, from, to), weeks: weekStarts(zone, from, to) }
    return { begins, cover: coverOf({ from, to }, { from, to }, begins, null) }
  }

  it('cuts the tally of that hour where no day beside it is whole', () => {
    const { begins, cover } = period(midnight - 8.5 * hour, midnight + 8.5 * hour)
    expect(cutsNoTally([midnight - 8.5 * hour, midnight], begins, cover)).toBe(false)
  })

  it('cuts none where a day beside it is whole', () => {
    const { begins, cover } = period(midnight - 24 * hour, midnight + 8.5 * hour)
    expect(cutsNoTally([midnight - 24 * hour, midnight], begins, cover)).toBe(true)
  })
})

describe('a period', () => {
  const zone = 'Europe/London'
  const at = (text: string) => Date.parse(text)
  const cover = (from: string, to: string, apart: string | null) => {
    const period = { from: at(from), to: at(to) }
    const begins = {
      days: dayStarts(zone, period.from, period.to),
      weeks: weekStarts(zone, period.from, period.to),
    }
    return coverOf(period, period, begins, apart === null ? null : at(apart))
  }
  const range = (from: string, to: string) => ({ from: at(from), to: at(to) })

  it('is whole weeks, the days around them, and the hours and minutes around those', () => {
    // The clock goes forward on Sunday 29 March: its day has 23 hours, and its week begins at midnight all the same.
    expect(cover('2026-03-14T22:30:00Z', '2026-03-31T01:15:00+01:00', null)).toEqual({
      weeks: [range('2026-03-16T00:00:00Z', '2026-03-30T00:00:00+01:00')],
      days: [
        range('2026-03-15T00:00:00Z', '2026-03-16T00:00:00Z'),
        range('2026-03-30T00:00:00+01:00', '2026-03-31T00:00:00+01:00'),
      ],
      hours: [
        range('2026-03-14T23:00:00Z', '2026-03-15T00:00:00Z'),
        range('2026-03-31T00:00:00+01:00', '2026-03-31T01:00:00+01:00'),
      ],
      cuts: [
        range('2026-03-14T22:30:00Z', '2026-03-14T23:00:00Z'),
        range('2026-03-31T01:00:00+01:00', '2026-03-31T01:15:00+01:00'),
      ],
    })
  })

  it('takes neither the day nor the week of the hour that stands apart', () => {
    expect(cover('2026-03-16T00:00:00Z', '2026-03-30T00:00:00+01:00', '2026-03-18T05:00:00Z')).toEqual({
      weeks: [range('2026-03-23T00:00:00Z', '2026-03-30T00:00:00+01:00')],
      days: [
        range('2026-03-16T00:00:00Z', '2026-03-18T00:00:00Z'),
        range('2026-03-19T00:00:00Z', '2026-03-23T00:00:00Z'),
      ],
      hours: [range('2026-03-18T00:00:00Z', '2026-03-19T00:00:00Z')],
      cuts: [],
    })
  })
})
