/**
 * The oracle: what a funnel means and what its answers are, written from the rules (docs/semantics.md) in another
 * way than the product: by enumerating every run of every journey. It shares nothing with the compiler or the
 * queries but the types of what goes in and comes out. For small inputs.
 */
export { TooManyRuns } from './oracle-runs.ts'
export type { OracleEvent } from './oracle-runs.ts'
export { oracleState, oracleVerdict, sameVerdict } from './oracle-verdict.ts'
export type { OracleState } from './oracle-verdict.ts'
export { oracleBreakdown, oracleFunnelAnswer, oracleJourneys, oracleTrend, oracleWilson } from './oracle-answer.ts'
export type {
  OracleAsk,
  OracleFunnelAnswer,
  OracleJourney,
  OracleJourneyEvent,
  OracleJourneyRow,
  OracleRate,
  OracleStep,
  OracleTotals,
  OracleTrendPeriod,
} from './oracle-answer.ts'
