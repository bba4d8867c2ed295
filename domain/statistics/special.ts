/** Coefficients of Lanczos's approximation with g = 7, n = 9 (Lanczos 1964; as in Press et al. 2007, §6.1). */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const

/**
 * Natural logarithm of the gamma function, for x > 0. Relative error below 1e-13.
 * Lanczos's approximation below 20, Stirling's series from there.
 */
export function logGamma(x: number): number {
  if (!(x > 0)) throw new RangeError('logGamma is for positive numbers')
  if (x >= 20) return stirling(x)
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const shifted = x - 1
  const series = lanczos.reduce((sum, c, index) => (index === 0 ? c : sum + c / (shifted + index)), 0)
  const t = shifted + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series)
}

/** Abramowitz and Stegun 1964, 6.1.41. */
function stirling(x: number): number {
  const inverse = 1 / x
  const square = inverse * inverse
  const tail = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + tail
}

/**
 * Regularised incomplete beta function I_x(a, b): the probability that a Beta(a, b) variable is at most x.
 * Continued fraction by Lentz's method (Press et al. 2007, §6.4; DLMF 8.17.22), absolute error below 1e-9 for
 * a + b up to 1e8; it takes about sqrt(a + b) terms.
 * @param x in [0, 1]
 */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  // The fraction converges fast on this side of the mean; the other follows by symmetry.
  const value =
    x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b
  return Math.min(1, Math.max(0, value))
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let result = d
  for (let m = 1; m <= 200_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    result *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    const step = d * c
    result *= step
    if (Math.abs(step - 1) < 1e-15) break
  }
  return result
}

/**
 * The x at which I_x(a, b) = probability: a quantile of Beta(a, b). Found by halving: it always ends, and the
 * function is only asked for once a fit.
 */
export function betaQuantile(probability: number, a: number, b: number): number {
  let low = 0
  let high = 1
  // Halving moves towards a bound by its logarithm as long as it is near 0, where small quantiles lie.
  for (let halving = 0; halving < 200; halving += 1) {
    const middle = low === 0 && high > 1e-300 && halving > 50 ? high / 1024 : (low + high) / 2
    if (middle === low || middle === high) break
    if (regularisedBeta(middle, a, b) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}
