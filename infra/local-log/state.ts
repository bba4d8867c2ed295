import type { Segment } from './segment.ts'

/** A place in the log: the next entry to hand over. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

/** What the writer and the consumer both know. Changed only between two awaits, so never seen half done. */
export interface LogState {
  readonly directory: string
  /** Oldest first; the newest is the one written to, while a file is open for it. */
  readonly segments: Segment[]
  /** The consumer's: what stands before is forgotten. */
  head: Position
  /** Acknowledged and not forgotten. */
  events: number
  bytes: number
  oldestAt: number | null
  /** Wakes the consumer: there is more, or it is to stop. */
  wake: () => void
}
