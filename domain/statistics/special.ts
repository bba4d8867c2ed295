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

const hartAbove = [
  3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931,
  220.206867912376,
] as const
const hartBelow = [
  8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
  793.826512519948, 440.413735824752,
] as const

/**
 * Standard normal distribution function, Pr(Z <= z). Hart's rational approximation as given by West (Better
 * approximations to cumulative normal functions, Wilmott Magazine, 2005); absolute error below 1e-14.
 */
export function normalCdf(z: number): number {
  const far = Math.abs(z)
  if (far > 37) return z < 0 ? 0 : 1
  const density = Math.exp((-far * far) / 2)
  let tail: number
  if (far < 7.07106781186547) {
    const above = hartAbove.reduce((sum, coefficient) => sum * far + coefficient, 0)
    const below = hartBelow.reduce((sum, coefficient) => sum * far + coefficient, 0)
    tail = (density * above) / below
  } else tail = density / (far + 1 / (far + 2 / (far + 3 / (far + 4 / (far + 0.65))))) / Math.sqrt(2 * Math.PI)
  return z > 0 ? 1 - tail : tail
}
