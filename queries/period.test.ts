import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidParameter } from '../domain/errors.ts'
import { zonedPeriods } from '../tests/support/zoned-periods.ts'
import { intervals } from './answers.ts'
import { isoInZone, resolvePeriod, trendStarts } from './period.ts'

const now = Date.parse('2026-04-15T10:30:00Z')

function resolved(input: { from?: string; to?: string; tz?: string }, zone = 'Europe/London') {
  const { from, to, tz } = resolvePeriod(input, zone, now)
  return [isoInZone(from, tz), isoInZone(to, tz), tz]
}

function refusal(input: { from?: string; to?: string; tz?: string }): string {
  try {
    resolvePeriod(input, 'Europe/London', now)
    return 'none'
  } catch (error) {
    return error instanceof InvalidParameter ? error.parameter : String(error)
  }
}

describe('a period', () => {
  it.each([
    ['the last 28 whole days', {}, '2026-03-18T00:00:00+00:00', '2026-04-15T00:00:00+01:00'],
    ['28 days before `to`', { to: '2026-04-10' }, '2026-03-13T00:00:00+00:00', '2026-04-10T00:00:00+01:00'],
    ['whole days since `from`', { from: '2026-04-01' }, '2026-04-01T00:00:00+01:00', '2026-04-15T00:00:00+01:00'],
    ['today so far', { from: '2026-04-15' }, '2026-04-15T00:00:00+01:00', '2026-04-16T00:00:00+01:00'],
    [
      'instants, to the millisecond',
      { from: '2026-04-01T10:00:00.001Z', to: '2026-04-01T13:00+02:00' },
      '2026-04-01T11:00:00.001+01:00',
      '2026-04-01T12:00:00+01:00',
    ],
    [
      'a plus sign that arrived as a space',
      { from: '2026-04-01T10:00:00 02:00', to: '2026-04-02' },
      '2026-04-01T09:00:00+01:00',
      '2026-04-02T00:00:00+01:00',
    ],
    [
      'a day of 23 hours',
      { from: '2026-03-29', to: '2026-03-30' },
      '2026-03-29T00:00:00+00:00',
      '2026-03-30T00:00:00+01:00',
    ],
  ])('%s', (_, input, from, to) => {
    expect(resolved(input)).toEqual([from, to, 'Europe/London'])
  })

  it('is seen in the zone asked for', () => {
    expect(resolved({ from: '2026-04-01', to: '2026-04-02', tz: 'Asia/Kolkata' })).toEqual([
      '2026-04-01T00:00:00+05:30',
      '2026-04-02T00:00:00+05:30',
      'Asia/Kolkata',
    ])
  })

  it.each([
    [{ from: '2026-04-02', to: '2026-04-01' }, 'from'],
    [{ from: '2026-04-01', to: '2026-04-01' }, 'from'],
    [{ from: '1026-04-01', to: '2026-04-01' }, 'from'],
    [{ from: '2030-01-01' }, 'from'],
    [{ from: 'yesterday' }, 'from'],
    [{ from: '' }, 'from'],
    [{ from: '2026-02-30' }, 'from'],
    [{ from: '2026-04-01T10:00:00' }, 'from'],
    [{ from: '1795310603000' }, 'from'],
    [{ to: '2026-13-01' }, 'to'],
    [{ to: "2026-04-01'; DROP TABLE facts" }, 'to'],
    [{ to: '+275760-09-13' }, 'to'],
    [{ tz: 'Europe/Lundon' }, 'tz'],
    [{ tz: '+01:00' }, 'tz'],
    [{ tz: '' }, 'tz'],
    [{ tz: 'Europe/London\0' }, 'tz'],
    [{ tz: 'x'.repeat(1000) }, 'tz'],
  ])('refuses %j, naming %s', (input, parameter) => {
    expect(refusal(input)).toBe(parameter)
  })

  it('may be a hundred years and no longer', () => {
    expect(refusal({ from: '1926-01-01', to: '2025-12-31', tz: 'UTC' })).toBe('none')
    expect(refusal({ from: '1926-01-01', to: '2026-01-02', tz: 'UTC' })).toBe('from')
  })
})

describe('the parts of a period', () => {
  const part = (interval: (typeof intervals)[number], from: string, to: string, tz: string) =>
    trendStarts(resolvePeriod({ from, to, tz }, 'UTC', now), interval, 10_000).map((ms) => isoInZone(ms, tz))

  it('begin a week on Monday, and are cut to the period', () => {
    expect(part('week', '2026-03-25', '2026-04-07', 'Europe/London')).toEqual([
      '2026-03-25T00:00:00+00:00',
      '2026-03-30T00:00:00+01:00',
      '2026-04-06T00:00:00+01:00',
    ])
  })

  it('have 25 hours on the day on which the clock goes back', () => {
    expect(part('hour', '2026-10-25', '2026-10-26', 'Europe/London')).toHaveLength(25)
    expect(part('hour', '2026-10-25', '2026-10-26', 'Europe/London').slice(1, 3)).toEqual([
      '2026-10-25T01:00:00+01:00',
      '2026-10-25T01:00:00+00:00',
    ])
  })

  it('skip a date that a zone has not', () => {
    expect(part('day', '2011-12-29', '2012-01-01', 'Pacific/Apia')).toEqual([
      '2011-12-29T00:00:00-10:00',
      '2011-12-31T00:00:00+14:00',
    ])
  })

  it('agree with the walls of the zone, around every change of its clock', () => {
    const zones = [
      'Europe/London',
      'America/New_York',
      'Asia/Kolkata',
      'Australia/Lord_Howe',
      'America/Sao_Paulo',
      'UTC',
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...intervals),
        fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2027, 0, 1) }),
        fc.integer({ min: 1, max: 12 * 86_400_000 }),
        (tz, interval, from, length) => {
          const to = from + length
          expect(trendStarts({ from, to, tz }, interval, 10_000)).toEqual(
            zonedPeriods(from, to, interval, tz).map(({ start }) => start),
          )
        },
      ),
      {
        numRuns: 60,
        examples: [
          ['Australia/Lord_Howe', 'hour', Date.UTC(2026, 3, 4, 9, 7), 86_400_000],
          ['Australia/Lord_Howe', 'hour', Date.UTC(2026, 9, 3, 9, 7), 86_400_000],
          ['Europe/London', 'day', Date.UTC(2026, 2, 27, 3), 5 * 86_400_000],
        ],
      },
    )
  })

  it('are so many and no more', () => {
    const period = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 3), tz: 'UTC' }
    expect(trendStarts(period, 'hour', 48)).toHaveLength(48)
    expect(() => trendStarts(period, 'hour', 47)).toThrow(InvalidParameter)
    expect(() => trendStarts({ ...period, from: 0, to: 36_525 * 86_400_000 }, 'hour', 10_000)).toThrow(InvalidParameter)
  })
})
