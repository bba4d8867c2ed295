import type { Funnel } from '../../domain/service.ts'
import { oracleJourneys, type OracleJourney } from './oracle-answer.ts'

/** Of the elapsed journeys at each position, counted one by one from their events. */
export interface OracleLosses {
  readonly entered: number[]
  readonly lost: number[]
  readonly completed: number[]
}

export interface OracleLossesAsk {
  readonly funnel: Funnel
  readonly journeys: readonly OracleJourney[]
  readonly now: number
}

/** @param from inclusive @param to exclusive, ms */
export function oracleLosses(ask: OracleLossesAsk, from: number, to: number): OracleLosses {
  const rows = oracleJourneys({ ...ask, from, to }).filter(({ elapsed }) => elapsed)
  const at = (test: (row: (typeof rows)[number], position: number) => boolean) =>
    ask.funnel.positions.map((_, index) => rows.filter((row) => test(row, index + 1)).length)
  const hasEntered = (row: (typeof rows)[number], position: number) =>
    row.verdict.entered.toString(2).split('').reverse()[position - 1] === '1'
  return {
    entered: at(hasEntered),
    lost: at((row, position) => row.position === position && (row.state === 'failed' || row.state === 'abandoned')),
    completed: at((row, position) => hasEntered(row, position) && row.state === 'completed'),
  }
}
