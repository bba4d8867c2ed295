import { parse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import type { FunnelAnswer, FunnelAnswerStep, Totals } from './answers.ts'
import { funnelCsv, journeysCsv } from './csv.ts'

const totals: Totals = {
  started: 1434,
  completed: 784,
  failed: 0,
  abandoned: 650,
  open: 0,
  elapsed: { started: 1434, completed: 784 },
  unstarted: 0,
  excluded: 0,
  completionRate: { value: 0.5467, low: 0.5209, high: 0.5723 },
  soFar: null,
  atBest: null,
}

const step: FunnelAnswerStep = {
  position: 1,
  step: 'comma, "quote"\r\nand =1+1',
  anyOf: ['a', 'b,c'],
  name: '=HYPERLINK("x")',
  optional: false,
  entered: 1434,
  passed: 1316,
  elapsed: { entered: 1434, passed: 1316 },
  left: { completed: 0, failed: 0, abandoned: 118, open: 0, silent: null },
  rateFromStart: { value: 1, low: 0.99, high: 1 },
  rateFromPrevious: null,
  secondsFromPrevious: { median: null, p90: null },
}

const answer: FunnelAnswer = {
  service: 's',
  from: '2026-01-01T00:00:00+00:00',
  to: '2026-02-01T00:00:00+00:00',
  tz: 'UTC',
  asOf: '2026-03-01T00:00:00.000Z',
  revision: '1',
  period: 'complete',
  version: 1,
  totals,
  steps: [step],
}

const rows = (csv: string): Record<string, string>[] => parse(csv, { columns: true, record_delimiter: '\r\n' })

describe('CSV', () => {
  it('has the same rows, and values as they are', () => {
    const [row] = rows(funnelCsv(answer))
    expect(row).toMatchObject({
      position: '1',
      step: step.step,
      name: step.name,
      anyOf: '["a","b,c"]',
      entered: '1434',
      'left.abandoned': '118',
      'left.silent': '',
      'rateFromStart.low': '0.99',
      'rateFromPrevious.value': '',
      'totals.completionRate.value': '0.5467',
    })
  })

  it('has a row for each step of each value of a breakdown, told from the whole', () => {
    const breakdown = [
      { value: 'mobile', totals, steps: [step] },
      { value: null, other: true as const, totals, steps: [step] },
    ]
    expect(rows(funnelCsv({ ...answer, breakdown })).map(({ whole, value, other }) => [whole, value, other])).toEqual([
      ['true', '', ''],
      ['false', 'mobile', ''],
      ['false', '', 'true'],
    ])
  })

  it('has its header when there is no row', () => {
    const { service, from, to, tz, asOf, revision, period, version } = answer
    const empty = { service, from, to, tz, asOf, revision, period, version, journeys: [], cursor: null }
    expect(journeysCsv(empty)).toBe('journey,start,state,furthest,position\r\n')
  })
})
