import type { Clock } from '../domain/ports/clock.ts'

/**
 * Revisions of facts: whole milliseconds since 1970, strictly increasing, so that a row that was read later
 * always stands on top. They follow the clock (a row tells when it was touched) but never go back with it.
 */
export interface Revisions {
  /** Take it before the read whose result it marks. */
  next(): number
  /** The last one taken, or the highest that is stored. */
  last(): number
}

/** @param stored the highest revision in the store: the clock may stand behind it after a restart */
export function createRevisions(clock: Clock, stored: number): Revisions {
  let last = stored
  return {
    next() {
      last = Math.max(last + 1, Math.floor(clock.now()))
      return last
    },
    last: () => last,
  }
}
