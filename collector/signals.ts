import type { DropReason, ProblemCode } from '../domain/problems.ts'

/** What the collector tells the outside of what it did: metrics and log lines are made of these, and of nothing else. */
export interface CollectorSignals {
  /** So many events are durable and acknowledged. */
  accepted(events: number): void
  /** A request, a line or a pixel was refused, with so many events as far as they could be counted. */
  refused(code: ProblemCode, events: number): void
  /** Acknowledged, and not kept whole: events (`bot`, `erased`) or attribute values. */
  dropped(reason: DropReason, count: number): void
  /** The event log or the registry refused; callers got 429 or 503. */
  unavailable(code: ProblemCode, error: unknown): void
  /** A fault of ours; the caller got 500. */
  failed(error: unknown): void
}
