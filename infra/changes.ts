import type { Clock } from '../domain/ports/clock.ts'

/** What is kept as rows of rising revisions changes one after the other. */
export type InTurn = <Result>(change: () => Promise<Result>) => Promise<Result>

/** Each change begins when the one before has ended, well or not. */
export function inTurnQueue(): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return (change) => {
    const result = last.then(change)
    last = result.catch(() => undefined)
    return result
  }
}

/** Revisions in microseconds, rising by at least one: never back after a restart, even when the clock goes back. */
export function revisionsAfter(last: number, clock: Clock): () => number {
  let revision = last
  return () => (revision = Math.max(revision + 1, clock.now() * 1000))
}
