import { regularisedBeta } from './regularised-beta.ts'

/**
 * Probability that |t| of Student's distribution is at least this large (Abramowitz and Stegun 1964, 26.7.1, by
 * the incomplete beta function, 26.5.27).
 * @param degrees of freedom, above 0; need not be whole
 */
export function studentTwoSided(t: number, degrees: number): number {
  return regularisedBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
}

/** The t that |t| passes with this probability, by halving: 0.05 gives the bound of a 95 % interval. */
export function studentBound(probability: number, degrees: number): number {
  let [low, high] = [0, 1]
  while (studentTwoSided(high, degrees) > probability && high < 1e9) high *= 2
  for (let halving = 0; halving < 60; halving += 1) {
    const middle = (low + high) / 2
    if (studentTwoSided(middle, degrees) > probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}
