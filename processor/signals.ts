import type { WaymarkError } from '../domain/errors.ts'
import type { Difference } from '../domain/verification.ts'
import type { RemovalReason } from './removal.ts'

/** What the processor tells of itself; metrics and log lines are made of it elsewhere. */
export interface ProcessorSignals {
  /** A batch is in every answer, and the log may forget it. */
  processed(batch: ProcessedBatch): void
  /** Events that can never become a trail were put aside. */
  setAside(entries: number, reason: string): void
  /** ClickHouse is away: the batch, or the piece of work named, is tried again after `waitMs`. */
  retrying(work: string, error: WaymarkError, waitMs: number): void
  /** Journeys of a service were recomputed for a new version of its funnel. */
  rebuilt(service: string, version: number, journeys: number): void
  /** Events past the last that a trail keeps were deleted. */
  pruned(events: number): void
  /** Events of erased journeys that still waited in the log were dropped. */
  erasedEvents(events: number): void
  /** Journeys were removed from trail and facts. */
  removed(reason: RemovalReason, journeys: number): void
  /** The bytes of removed journeys are gone. */
  purged(): void
  /** Cohort hours that can no longer change by the clock. */
  sealed(hours: number): void
  /** Sealed cohort hours that late events changed. */
  revised(hours: number): void
  /** Services whose tallies were brought up to date. */
  tallied(services: number): void
  /** Journeys were computed anew from their trails, and compared. */
  verified(journeys: number): void
  /** What answers are read from is not what the trails say; `healed`: it is being made anew. */
  differs(service: string, differences: readonly Difference[], healed: boolean): void
}

export interface ProcessedBatch {
  readonly events: number
  readonly journeys: number
  readonly services: number
  /** Seconds for the rows of the trails, for the facts, and for all. */
  readonly trailSeconds: number
  readonly factsSeconds: number
  readonly seconds: number
}
