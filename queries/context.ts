import type { Limits } from '../domain/limits.ts'
import type { Annotations } from '../domain/ports/annotations.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Store } from '../domain/ports/store.ts'
import type { FunnelInput, Service } from '../domain/service.ts'
import type {
  Compared,
  DiscoverAnswer,
  AnnotationAnswer,
  AnnotationsAnswer,
  DrillDownState,
  ErrorsAnswer,
  FunnelAnswer,
  Interval,
  JourneysAnswer,
  LiveAnswer,
  LowCompletionAnswer,
  TimeToCompleteAnswer,
  OpportunitiesAnswer,
  PathsAnswer,
  TrailAnswer,
  TrendAnswer,
} from './answers.ts'

/** What every question is given. */
export interface QueryContext {
  readonly reads: Store
  readonly registry: Registry
  readonly annotations: Pick<Annotations, 'of'>
  readonly clock: Clock
  readonly limits: Limits
  /** Keyed hash of (service, reference): 16 lower-case hex digits. */
  readonly journeyHash: (service: string, reference: string) => string
}

/** `from` and `to` as a caller writes them: ISO 8601 dates or instants. */
export interface PeriodInput {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly tz?: string | undefined
}

/** The journeys with one of these values of a dimension or, with `not`, all others. */
export interface WhereCondition {
  readonly dimension: string
  /** At least one; null: journeys without a value. */
  readonly values: readonly (string | null)[]
  readonly not: boolean
}

/** Which journeys of a service, and by which funnel. */
export interface FunnelAsk extends PeriodInput {
  readonly service: Service
  /** An older version of the service's funnel, over all the data. */
  readonly version?: number | undefined
  /** An ad hoc funnel, without a fault; wins over `version`. */
  readonly funnel?: FunnelInput | undefined
  /** All must hold. */
  readonly where?: readonly WhereCondition[] | undefined
}

export interface FunnelQuestion extends FunnelAsk {
  /** With which period the answer is compared. */
  readonly compare?: Compared | undefined
  /** A dimension: built in, or one of the service's. */
  readonly breakdown?: string | undefined
  /**
   * ISO 8601 date or instant: who is silent is judged by the waits of journeys that started from then until now,
   * rather than of those of the period. For a period that has only begun: its own few say nothing, or only of the quick.
   */
  readonly silenceFrom?: string | undefined
}

export interface TrendQuestion extends FunnelAsk {
  /** A dimension: built in, or one of the service's. */
  readonly breakdown?: string | undefined
  /** With which period the answer is compared. */
  readonly compare?: Compared | undefined
  readonly interval?: Interval | undefined
  /** Name of a step of the funnel: how many reached it. */
  readonly step?: string | undefined
  /** Tells apart a step that stands several times, from 1; may stand without `step`. */
  readonly position?: number | undefined
}

/** How long journeys took. */
export type TimeToCompleteQuestion = FunnelAsk

export interface JourneysQuestion extends FunnelAsk {
  /** Name of a step of the funnel. Alone: who entered it; with `state`: who left there in that state. */
  readonly step?: string | undefined
  /** Tells apart a step that stands several times, from 1; may stand without `step`. */
  readonly position?: number | undefined
  readonly state?: DrillDownState | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

export interface PathsQuestion extends FunnelAsk {
  /** Name of a step, of the funnel or not; the whole service when absent. */
  readonly step?: string | undefined
  /** Tells apart a step that stands several times in the funnel, from 1; only with `step`. */
  readonly position?: number | undefined
  /** Rows of each list. */
  readonly limit?: number | undefined
}

export interface TrailQuestion {
  readonly service: Service
  /** Hash (tried first) or reference. */
  readonly journey: string
}

export interface LiveQuestion {
  readonly service: Service
  /** Events of the answer. */
  readonly limit?: number | undefined
}

export interface DiscoverQuestion extends PeriodInput {
  readonly service: Service
  /** Dimension and value; several must all hold. */
  readonly where?: FunnelAsk['where']
  /** Most positions that the suggestion may have. */
  readonly limit?: number | undefined
}

export interface ErrorsQuestion extends FunnelAsk {
  /** Rows by step, field and code, and rows by field and code. */
  readonly limit?: number | undefined
}

export interface AnnotationsQuestion extends PeriodInput {
  readonly service: Service
  readonly limit?: number | undefined
}

export interface AnnotationQuestion {
  readonly service: Service
  readonly id: string
}

export interface LowCompletionQuestion extends PeriodInput {
  /** Of these services; all that the caller may read when absent. */
  readonly services?: readonly string[] | undefined
  readonly department?: string | undefined
  readonly limit?: number | undefined
}

export type OpportunitiesQuestion = LowCompletionQuestion

/**
 * The questions, bound to a context.
 * Each rejects with {InvalidParameter} (which parameter, what is allowed), {QueryTooLarge}, {StoreUnavailable}.
 */
export interface Questions {
  funnel(question: FunnelQuestion): Promise<FunnelAnswer>
  trend(question: TrendQuestion): Promise<TrendAnswer>
  timeToComplete(question: TimeToCompleteQuestion): Promise<TimeToCompleteAnswer>
  journeys(question: JourneysQuestion): Promise<JourneysAnswer>
  /** `null` when nothing is known of the journey. */
  trail(question: TrailQuestion): Promise<TrailAnswer | null>
  live(question: LiveQuestion): Promise<LiveAnswer>
  opportunities(question: OpportunitiesQuestion): Promise<OpportunitiesAnswer>
  paths(question: PathsQuestion): Promise<PathsAnswer>
  discover(question: DiscoverQuestion): Promise<DiscoverAnswer>
  errors(question: ErrorsQuestion): Promise<ErrorsAnswer>
  annotations(question: AnnotationsQuestion): Promise<AnnotationsAnswer>
  /** `null` when there is none. */
  annotation(question: AnnotationQuestion): Promise<AnnotationAnswer | null>
  lowCompletion(question: LowCompletionQuestion): Promise<LowCompletionAnswer>
  /** Of everything: changes when any answer may have. */
  revision(): Promise<string>
}
