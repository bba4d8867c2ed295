export interface Interval {
  readonly low: number
  readonly high: number
}

/** Two-sided 95 %: the 0.975 quantile of the standard normal distribution. */
export const z95 = 1.959963984540054

/**
 * Wilson score interval for a proportion (Wilson 1927; recommended for small counts by Brown, Cai and
 * DasGupta 2001). It never leaves [0, 1], and holds the observed proportion.
 * @param z standard normal quantile of the confidence wanted
 * @returns `null` when `trials` is 0: no trials say nothing, and 0 would be a claim
 */
export function wilson(successes: number, trials: number, z = z95): Interval | null {
  if (trials === 0) return null
  const observed = successes / trials
  const z2 = z * z
  const middle = observed + z2 / (2 * trials)
  const half = z * Math.sqrt((observed * (1 - observed)) / trials + z2 / (4 * trials * trials))
  const scale = 1 + z2 / trials
  // At none and at all, the bound is 0 or 1 exactly, and rounding must not move it past the observed.
  return {
    low: successes === 0 ? 0 : Math.max(0, Math.min(observed, (middle - half) / scale)),
    high: successes === trials ? 1 : Math.min(1, Math.max(observed, (middle + half) / scale)),
  }
}
