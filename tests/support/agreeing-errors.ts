import { expect } from 'vitest'
import type { ErrorCode, ErrorRow, ErrorsAnswer } from '../../queries/answers.ts'
import { agreed, expectRate } from './agreeing-answers.ts'
import type { OracleEstimate, oracleErrors } from './oracle-errors.ts'
import { oracleWilson, type OracleJourneyRow } from './oracle.ts'

/** @param answer asked with a limit that cuts nothing */
export function expectErrors(answer: ErrorsAnswer, expected: ReturnType<typeof oracleErrors>): void {
  expect([answer.started, answer.journeys, answer.events]).toEqual([
    expected.started,
    expected.journeys,
    expected.events,
  ])
  agreed()
  expect([answer.other, answer.otherCodes]).toEqual([null, null])
  expect(answer.errors).toHaveLength(expected.rows.length)
  for (const row of expected.rows) {
    const found = answer.errors.find(
      ({ step, position, field, code }) =>
        step === row.step && position === row.position && field === row.field && code === row.code,
    )
    if (found === undefined) throw new Error(`no row ${JSON.stringify([row.step, row.position, row.field, row.code])}`)
    expect([found.events, found.reached]).toEqual([row.events, row.reached])
    expectEndings(found, row.journeys)
    expectEstimate(found.oddsRatio, row.oddsRatio)
    agreed()
  }
  expect(answer.codes).toHaveLength(expected.codes.length)
  for (const row of expected.codes) {
    const found = answer.codes.find(({ field, code }) => field === row.field && code === row.code)
    if (found === undefined) throw new Error(`no code ${JSON.stringify([row.field, row.code])}`)
    expect(found.events).toBe(row.events)
    expectEndings(found, row.journeys)
    expectEstimate(found.oddsRatio, row.oddsRatio)
    agreed()
  }
}

function expectEstimate(actual: OracleEstimate, oracle: OracleEstimate): void {
  expect(actual === null).toBe(oracle === null)
  if (actual === null || oracle === null) return
  for (const part of ['value', 'low', 'high'] as const) expect(actual[part] / oracle[part]).toBeCloseTo(1, 9)
}

function expectEndings(actual: ErrorRow | ErrorCode, rows: readonly OracleJourneyRow[]): void {
  const inState = (state: string) => rows.filter((row) => row.state === state).length
  const elapsed = rows.filter((row) => row.elapsed)
  const completed = elapsed.filter(({ state }) => state === 'completed').length
  expect(actual.journeys).toBe(rows.length)
  expect(actual.later).toEqual({
    completed: inState('completed'),
    failed: inState('failed'),
    abandoned: inState('abandoned'),
    open: inState('open'),
  })
  expect(actual.elapsed).toEqual({ journeys: elapsed.length, completed })
  expectRate(actual.completionRate, oracleWilson(completed, elapsed.length))
}
