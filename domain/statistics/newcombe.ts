import { wilson } from './wilson.ts'

/**
 * Interval for the difference of two independent proportions, 95 %: Newcombe's hybrid score method (Newcombe 1998, Statistics in
 * Medicine 17, 873-890, method 10), from the Wilson intervals of both.
 * @returns bounds within [-1, 1]; null when one of them has no trials
 */
export function newcombe(
  successes: number,
  trials: number,
  successesBefore: number,
  trialsBefore: number,
): { readonly low: number; readonly high: number } | null {
  const now = wilson(successes, trials)
  const before = wilson(successesBefore, trialsBefore)
  if (now === null || before === null) return null
  const p = successes / trials
  const q = successesBefore / trialsBefore
  const value = p - q
  return {
    low: Math.max(-1, value - Math.hypot(p - now.low, before.high - q)),
    high: Math.min(1, value + Math.hypot(now.high - p, q - before.low)),
  }
}
