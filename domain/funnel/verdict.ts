import type { Funnel } from '../service.ts'
import type { Sql } from '../sql.ts'

/**
 * What a funnel says of one journey, whatever the time is. Everything that Waymark answers is counted from
 * verdicts; the clock only tells open from abandoned, and elapsed from not.
 *
 * As SQL it is a named tuple with these fields; `verdictType` is its ClickHouse type.
 */
export interface Verdict {
  /** First step-1 event (`any`: first event that fits a position), ms; 0 when the journey never started. */
  readonly start: number
  /** Latest such event, ms; 0 when it never started. It is open until this + window. */
  readonly latestStart: number
  /** Every furthest run is hit by an exclusion (`any`: every run is wiped). The fields below are then zero and empty. */
  readonly excluded: 0 | 1
  /** Last position of the run that counts, from 1; 0 when the journey never started. */
  readonly depth: number
  /** Bit p-1 is set when the run reached position p. */
  readonly entered: bigint
  /** Times of the reached positions, in their order, ms. */
  readonly times: readonly number[]
  /** It reached the last position (`any`: all), or a completing outcome counts. */
  readonly completed: 0 | 1
  /** A failed outcome counts, and it is not completed. */
  readonly failed: 0 | 1
  /** Milliseconds from start to completion; -1 when not completed. */
  readonly completionMs: number
}

export const verdictType =
  'Tuple(start Int64, latestStart Int64, excluded UInt8, depth UInt8, entered UInt64, times Array(Int64), completed UInt8, failed UInt8, completionMs Int64)'

/**
 * A funnel compiled to one SQL expression of `verdictType`, over the columns of a packed trail (table facts):
 *
 *   at Array(Int64), seq Array(UInt32), step Array(UInt64)     step events, sorted by (at, seq, step);
 *                                                              step = xxh3(name)
 *   outcomeAt Array(Int64), outcomeSeq Array(UInt32), outcome Array(UInt8)
 *                                                              outcome events, sorted by (at, seq, outcome);
 *                                                              1 already-done, 2 completed, 3 failed, 4 ineligible
 */
export interface CompiledFunnel {
  readonly funnel: Funnel
  readonly verdict: Sql
  /** Many trails with the fields of their verdicts as columns: the same as `verdict` of each, and faster. */
  readonly verdictsOf: (trails: Trails) => Sql
}

/** Trails as statements give them. */
export interface Trails {
  /** Statement of all, with the columns `gaps`, `lastAfter` and `firstAt` of table facts, those of a packed trail but `at`, and `columns`. */
  readonly rows: Sql
  /** Columns of `rows` that the result has besides. */
  readonly columns: Sql
  /** Statement of as many of them as are cheap to have, in any order, with the columns that say their shape. */
  readonly sample: Sql
}
