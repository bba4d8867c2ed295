import { describe, expect, test } from 'vitest'
import { normaliseFunnel } from '../../domain/service.ts'
import { oracleBreakdown, oracleFunnelAnswer, oracleJourneys, oracleTrend, oracleWilson } from './oracle.ts'
import type { OracleAsk, OracleJourney, OracleJourneyEvent } from './oracle.ts'
import { zonedPeriods } from './zoned-periods.ts'

const hour = 60 * 60 * 1000
const monday = Date.UTC(2026, 0, 5)

function step(name: string, at: number, dimensions: Record<string, string> = {}): OracleJourneyEvent {
  return { type: 'step', step: name, at: monday + at * hour, seq: 0, outcome: '', dimensions }
}

function journeys(...trails: OracleJourneyEvent[][]): OracleJourney[] {
  return trails.map((events, index) => ({ journey: index.toString(16).padStart(16, '0'), events }))
}

const ask: OracleAsk = {
  funnel: normaliseFunnel({ steps: ['start', { step: 'address', optional: true }, 'pay', 'done'], window: 'P1D' }),
  journeys: journeys(
    [step('start', 1, { device: 'mobile' }), step('address', 2), step('pay', 3), step('done', 4)],
    [step('start', 2, { device: 'desktop' }), step('pay', 4)],
    [step('start', 20, { device: 'mobile' }), step('address', 21, { device: 'desktop' })],
    [step('pay', 3)],
    [step('start', 30)],
    [step('start', 3, { device: 'mobile' }), step('start', 20)],
  ),
  from: monday,
  to: monday + 24 * hour,
  now: monday + 28 * hour,
}

describe('a funnel answer, counted by hand', () => {
  test('totals and steps', () => {
    const { totals, steps, waiting } = oracleFunnelAnswer(ask)
    expect(totals).toMatchObject({
      started: 4,
      completed: 1,
      failed: 0,
      abandoned: 1,
      open: 2,
      elapsed: { started: 3, completed: 1 },
      unstarted: 1,
      excluded: 0,
      completionRate: { value: 1 / 3 },
      soFar: { value: 1 / 4 },
      atBest: { value: 3 / 4 },
    })
    expect(waiting).toBe(1)
    expect(steps.map(({ entered, passed }) => [entered, passed])).toEqual([
      [4, 3],
      [2, 1],
      [2, 1],
      [1, 0],
    ])
    expect(steps.map(({ rateFromPrevious }) => rateFromPrevious?.value ?? null)).toEqual([null, 1 / 3, 2 / 3, 1 / 2])
    expect(steps.map(({ secondsFromPrevious }) => secondsFromPrevious)).toEqual([
      [],
      [3600, 3600],
      [3600, 7200],
      [3600],
    ])
    expect(steps[2]?.left).toMatchObject({ completed: 0, abandoned: 1, open: 0 })
  })

  test('a breakdown by the first value of each journey', () => {
    const rows = oracleBreakdown(ask, 'device')
    expect([...rows].map(([value, { totals }]) => [value, totals.started, totals.unstarted])).toEqual([
      ['mobile', 3, 0],
      ['desktop', 1, 0],
      [null, 0, 1],
    ])
  })

  test('where', () => {
    expect(
      oracleJourneys({ ...ask, where: { device: (value) => value === 'desktop' } }).map(({ journey }) => journey),
    ).toEqual(['0000000000000001'])
  })

  test('a trend, in the zone of the asker', () => {
    const periods = oracleTrend({ ...ask, to: monday + 48 * hour }, 'day', 'Asia/Tokyo', 2)
    expect(periods.map(({ start, totals, reached }) => [(start - monday) / hour, totals.started, reached])).toEqual([
      [0, 3, 1],
      [15, 2, 1],
      [39, 0, 0],
    ])
  })
})

test("Wilson's interval is that of the contract's example", () => {
  const rate = oracleWilson(784, 1434)
  expect([rate?.value, rate?.low, rate?.high].map((bound) => bound?.toFixed(4))).toEqual(['0.5467', '0.5209', '0.5723'])
})

describe('periods of a zone', () => {
  test('the hour that comes twice is two hours, and its day has 25', () => {
    const from = Date.UTC(2026, 9, 24, 23)
    expect(zonedPeriods(from, from + 25 * hour, 'hour', 'Europe/London')).toHaveLength(25)
    expect(
      zonedPeriods(from, from + 26 * hour, 'day', 'Europe/London').map(({ start }) => (start - from) / hour),
    ).toEqual([0, 25])
  })

  test('weeks start on Monday and the edges are cut', () => {
    const from = monday + 30 * hour
    expect(
      zonedPeriods(from, monday + 8 * 24 * hour, 'week', 'UTC').map(({ start, end }) =>
        [start, end].map((at) => (at - monday) / hour),
      ),
    ).toEqual([
      [30, 168],
      [168, 192],
    ])
  })

  test('months in a zone of half hours', () => {
    expect(
      zonedPeriods(Date.UTC(2026, 0, 31), Date.UTC(2026, 1, 2), 'month', 'Asia/Kolkata').map(({ end }) =>
        new Date(end).toISOString(),
      ),
    ).toEqual(['2026-01-31T18:30:00.000Z', '2026-02-02T00:00:00.000Z'])
  })
})
