import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instantMs } from './instant.ts'

describe('instants', () => {
  it('are read as the calendar of JavaScript writes them, in any offset', () => {
    const ms = fc.integer({ min: Date.UTC(0, 0, 2), max: Date.UTC(9999, 11, 30) })
    fc.assert(
      fc.property(ms, fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }), (at, offset) => {
        expect(instantMs(new Date(at).toISOString())).toBe(at)
        const local = new Date(at + offset * 60_000).toISOString().slice(0, -1)
        if (local.length !== 23) return
        const two = (value: number): string => String(value).padStart(2, '0')
        const sign = offset < 0 ? '-' : '+'
        const minutes = Math.abs(offset)
        expect(instantMs(`${local}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`)).toBe(at)
      }),
    )
  })

  it('are whole milliseconds, and never minus nothing', () => {
    expect(instantMs(1.9)).toBe(1)
    expect(instantMs(-0)).toBe(0)
    expect(instantMs('1970-01-01T00:00:00-00:00')).toBe(0)
    expect(Object.is(instantMs(-0), 0)).toBe(true)
    expect(Object.is(instantMs('1970-01-01T00:00Z'), 0)).toBe(true)
    expect(instantMs('2026-11-23T00:00:00.001Z')).toBe(Date.UTC(2026, 10, 23) + 1)
    expect(instantMs('2026-11-23T00:00:00.289Z')).toBe(Date.UTC(2026, 10, 23) + 289)
  })

  it.each([
    NaN,
    Infinity,
    '',
    'now',
    '1970',
    '1970-01-01',
    '1970-01-01T00:00',
    '1970-01-01 00:00Z',
    '1970-13-01T00:00Z',
    '1970-00-01T00:00Z',
    '1970-01-32T00:00Z',
    '2026-02-29T00:00Z',
    '1970-01-01T24:00Z',
    '1970-01-01T00:60Z',
    '1970-01-01T00:00:60Z',
    '1970-01-01T00:00+24:00',
    '1970-01-01T00:00+01:60',
    '1970-01-01T00:00:00.Z',
    '+001970-01-01T00:00Z',
    ' 1970-01-01T00:00Z',
    `1970-01-01T00:00:00.${'1'.repeat(40)}Z`,
    null,
    undefined,
    true,
    [0],
    { valueOf: () => 0 },
  ])('are not %j', (value) => {
    expect(instantMs(value)).toBeNull()
  })
})
