/**
 * What a verification of a service found: all that answers are read from (facts, rollup and edge with what changed since the
 * seal), against the same computed anew from the trails. Times in ms.
 */
export interface Verification {
  readonly service: string
  readonly version: number
  /** Whole days of the service's zone, from the first that held anything to the end of the last; null when none did. */
  readonly from: number | null
  readonly to: number | null
  /** Whether tallies stood, to be compared. If not, the service is answered from facts, which were. */
  readonly sealed: boolean
  /** Hours in which somebody started, and that were compared. */
  readonly hours: number
  /** Journeys whose facts were computed anew. */
  readonly journeys: number
  /** Of those: too long to be judged between two batches, so that their verdict was taken as it stands. */
  readonly notJudged: number
  /** Days that were sealed anew again and again while they were read, and so not compared. */
  readonly daysUnsettled: number
  readonly differences: number
  /** The first of them, at most `differencesListedMax`. */
  readonly listed: readonly Difference[]
}

export const differencesListedMax = 20

export type Difference = FactDifference | TallyDifference | EdgeDifference

/** Facts of a journey are not those of its trail. */
export interface FactDifference {
  readonly table: 'facts'
  /** 16 hex digits. */
  readonly journey: string
  /** Columns that differ; `missing`: it has no facts; `trail`: it has no trail. */
  readonly columns: readonly string[]
}

/** A number of the rollup, with what changed since its seal, is not that of the journeys. */
export interface TallyDifference {
  readonly table: 'rollup'
  /** Empty: of all journeys. */
  readonly dimension: string
  readonly value: string
  readonly grain: 'hour' | 'day' | 'week'
  /** Start of the hour, day or week. */
  readonly bucket: number
  /** domain/tally/keys.ts. */
  readonly key: number
  readonly sealed: number
  readonly counted: number
}

/** A journey is in the edge so many times more often (or, below 0, less often) than it should be, as it stood at the seal. */
export interface EdgeDifference {
  readonly table: 'edge'
  readonly journey: string
  readonly surplus: number
}
