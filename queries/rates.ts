import { wilson } from '../domain/statistics/wilson.ts'
import type { Rate } from './answers.ts'

/** A proportion as answers give it; `null` when there is nothing to divide by. */
export function rateOf(part: number, whole: number): Rate | null {
  const interval = wilson(part, whole)
  return interval === null ? null : { value: part / whole, ...interval }
}
