import { binAt, binRange, timeOfBin } from '../domain/tally/bins.ts'

/** A time as answers give it, ms: the same whether it was counted journey by journey or read from tallies. */
export function shownTime(ms: number): number {
  return timeOfBin(binAt(ms))
}

/** The longest time of a bin, ms: what is longer than it is longer than all that the bin counts. */
export function lastOfBin(bin: number): number {
  return binRange(bin)[1] - 1
}
