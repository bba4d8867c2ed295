import { describe, expect, it } from 'vitest'
import {
  dayAfter,
  duration,
  exactPercent,
  interval,
  localDate,
  longTime,
  percent,
  percentOf,
  period,
  plural,
} from './format.ts'

describe('figures', () => {
  it.each([
    [0, '0.0%'],
    [0.0001, 'under 0.1%'],
    [0.0005, '0.1%'],
    [0.54672, '54.7%'],
    [0.9994, '99.9%'],
    [0.9996, 'over 99.9%'],
    [1, '100.0%'],
  ])('%d is %s', (share, text) => {
    expect(percent(share)).toBe(text)
  })

  it.each([
    [0, '0.00%'],
    [0.000001, '0.01%'],
    [0.54672, '54.67%'],
    [0.999999, '99.99%'],
    [1, '100.00%'],
  ])('%d is %s with two decimals, and none or all only where it is', (share, text) => {
    expect(exactPercent(share)).toBe(text)
  })

  it('says nothing of a share of none', () => {
    expect(percentOf(0, 0)).toBe('–')
  })

  it('writes an interval with its unit once', () => {
    expect(interval({ value: 0.5467, low: 0.5209, high: 0.5723 })).toBe('52.1 to 57.2%')
  })

  it.each([
    [0, '0 journeys'],
    [1, '1 journey'],
    [1434, '1,434 journeys'],
  ])('counts %d', (value, text) => {
    expect(plural(value, 'journey')).toBe(text)
  })

  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [65, '1 min 5 s'],
    [3_600, '1 h'],
    [12_000, '3 h 20 min'],
    [86_400 * 2 + 4 * 3_600 + 59, '2 d 4 h'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text)
  })
})

describe('times', () => {
  const tz = 'Europe/London'

  it('belong to the day of the zone', () => {
    expect(localDate(Date.parse('2026-07-01T23:30:00Z'), tz)).toBe('2026-07-02')
    expect(longTime(Date.parse('2026-07-01T23:30:00Z'), tz)).toBe('2 July 2026 at 00:30')
  })

  it.each([
    ['2026-12-31', '2027-01-01'],
    ['2028-02-28', '2028-02-29'],
    ['2026-03-28', '2026-03-29'],
  ])('after %s comes %s', (date, next) => {
    expect(dayAfter(date)).toBe(next)
  })

  it.each([
    // 25 October 2026 has 25 hours in London, 29 March has 23.
    ['2026-10-24T23:00:00Z', '2026-10-26T00:00:00Z', '25 October 2026'],
    ['2026-03-28T00:00:00Z', '2026-03-30T23:00:00Z', '28 March 2026 to 30 March 2026'],
    ['2026-03-28T00:00:00Z', '2026-03-28T12:30:00Z', '28 March 2026 at 00:00 until 28 March 2026 at 12:30'],
  ])('%s to %s', (from, to, text) => {
    expect(period({ from, to, tz })).toBe(text)
  })
})
