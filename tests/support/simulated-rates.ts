import type { Trials } from '../../domain/statistics/beta-binomial.ts'
import { seededRandom, type Random } from './random.ts'

/** A distribution of true rates, as it is drawn from and as it is known to the optimum. */
export interface Spread {
  /** As written down in docs/statistics.md. */
  readonly words: string
  draw(random: Random): number
  /** By radian of angle = asin(sqrt(rate)), of any scale. */
  density(angle: number): number
  /** Middle and standard deviation on the scale of angles, roughly: where the optimum's grid is dense. */
  readonly centre: number
  readonly scale: number
}

/** The three spreads of `npm run bench -- ranking`. The skewed one is no beta distribution, by intent. */
export const spreads = {
  narrow: betaSpread(255, 45),
  wide: betaSpread(4, 2),
  skewed: logitNormalMixture([
    { share: 0.85, mean: 2.2, deviation: 0.4 },
    { share: 0.15, mean: 0.2, deviation: 0.8 },
  ]),
} as const satisfies Readonly<Record<string, Spread>>
export type SpreadName = keyof typeof spreads

function betaSpread(alpha: number, beta: number): Spread {
  const mean = alpha / (alpha + beta)
  return {
    words: `Beta(${alpha}, ${beta})`,
    draw: (random) => drawBeta(random, alpha, beta),
    density: (angle) =>
      Math.exp((2 * alpha - 1) * Math.log(Math.sin(angle)) + (2 * beta - 1) * Math.log(Math.cos(angle))),
    centre: Math.asin(Math.sqrt(mean)),
    scale: 1 / (2 * Math.sqrt(alpha + beta + 1)),
  }
}

interface LogitNormal {
  readonly share: number
  readonly mean: number
  readonly deviation: number
}

function logitNormalMixture(parts: readonly [LogitNormal, ...LogitNormal[]]): Spread {
  const angleOf = (logit: number) => Math.asin(Math.sqrt(1 / (1 + Math.exp(-logit))))
  return {
    words: parts.map(({ share, mean, deviation }) => `${share} of logit-normal(${mean}, ${deviation})`).join(' and '),
    draw: (random) => {
      let left = random.next()
      const part = parts.find(({ share }) => (left -= share) < 0) ?? parts[0]
      return 1 / (1 + Math.exp(-(part.mean + part.deviation * drawNormal(random))))
    },
    density: (angle) => {
      const logit = 2 * Math.log(Math.tan(angle))
      const slope = 4 / Math.sin(2 * angle)
      return parts.reduce(
        (sum, { share, mean, deviation }) =>
          sum + ((share * slope) / deviation) * Math.exp(-(((logit - mean) / deviation) ** 2) / 2),
        0,
      )
    },
    centre: angleOf(parts[0].mean),
    scale: 0.1,
  }
}

export interface Simulated {
  readonly members: readonly Trials[]
  readonly rates: readonly number[]
}

/** Sizes log-uniform from 30 to 3 million, as services of one government are; counts binomial. */
export function simulate(spread: Spread, seed: number, count = 2_000): Simulated {
  const random = seededRandom(seed * 7_919 + 1)
  const rates: number[] = []
  const members: Trials[] = []
  for (let index = 0; index < count; index += 1) {
    const rate = spread.draw(random)
    const trials = Math.round(30 * 1e5 ** random.next())
    rates.push(rate)
    members.push({ trials, successes: drawBinomial(random, trials, rate) })
  }
  return { members, rates }
}

/** Box and Muller 1958. */
function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

/** Marsaglia and Tsang 2000, for shapes of 1 and more. */
function drawGamma(random: Random, shape: number): number {
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = drawNormal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random.next()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v
  }
}

function drawBeta(random: Random, alpha: number, beta: number): number {
  const a = drawGamma(random, alpha)
  return a / (a + drawGamma(random, beta))
}

/** Exact, in log(trials) steps: the middle of the uniforms is beta distributed (Devroye 1986, §X.4.3). */
export function drawBinomial(random: Random, trials: number, rate: number): number {
  let [left, share, successes] = [trials, rate, 0]
  while (left > 20) {
    const middle = 1 + Math.floor(left / 2)
    const at = drawBeta(random, middle, left + 1 - middle)
    if (at <= share) {
      successes += middle
      left -= middle
      share = (share - at) / (1 - at)
    } else {
      left = middle - 1
      share /= at
    }
  }
  for (; left > 0; left -= 1) if (random.next() < share) successes += 1
  return successes
}
