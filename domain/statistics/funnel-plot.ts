import type { Trials } from './beta-binomial.ts'
import { z95 } from './wilson.ts'

/** Two-sided 99.8 %: the 0.999 quantile of the standard normal distribution. */
const z998 = 3.090232306167813

/** Share of the z-scores at each end that are held to the next one inside. */
const winsorised = 0.1

/**
 * A funnel plot of proportions with over-dispersed limits (Spiegelhalter, Funnel plots for comparing
 * institutional performance, Statistics in Medicine 24, 2005; Handling over-dispersion of performance
 * indicators, Quality and Safety in Health Care 14, 2005). On the scale of asin(sqrt(rate)), where the sampling
 * variance is 1 / (4 trials) whatever the rate, so that limits never leave [0, 1].
 */
export interface FunnelPlotFit {
  /** Successes / trials of all. */
  readonly mean: number
  /** Mean of the squared winsorised z-scores: 1 when members differ by chance alone. */
  readonly phi: number
  /** Standard deviation between members beyond chance, on the asin(sqrt) scale; 0 when chance explains it. */
  readonly tau: number
}

export interface FunnelLimits {
  readonly low95: number
  readonly high95: number
  readonly low998: number
  readonly high998: number
}

/** @returns `null` when no member has trials */
export function fitFunnelPlot(members: readonly Trials[]): FunnelPlotFit | null {
  const telling = members.filter(({ trials }) => trials > 0)
  const trials = telling.reduce((sum, member) => sum + member.trials, 0)
  if (trials === 0) return null
  const mean = telling.reduce((sum, { successes }) => sum + successes, 0) / trials
  const scores = winsorise(telling.map((member) => naiveScore(mean, member)))
  const count = scores.length
  const phi = scores.reduce((sum, score) => sum + score * score, 0) / count
  // Method of moments (DerSimonian and Laird 1986) for the additive variance, on winsorised scores.
  const weights = telling.map((member) => 4 * member.trials)
  const weight = weights.reduce((sum, w) => sum + w, 0)
  const spread = weight - weights.reduce((sum, w) => sum + w * w, 0) / weight
  const excess = count * phi - (count - 1)
  return { mean, phi, tau: excess > 0 && spread > 0 ? Math.sqrt(excess / spread) : 0 }
}

/** Standard errors from the mean, by chance alone. */
function naiveScore(mean: number, { successes, trials }: Trials): number {
  return (angle(successes / trials) - angle(mean)) * 2 * Math.sqrt(trials)
}

/** Standard errors from the mean, chance and the differences between members together. */
export function plotScore({ mean, tau }: FunnelPlotFit, { successes, trials }: Trials): number {
  return (angle(successes / trials) - angle(mean)) / Math.sqrt(1 / (4 * trials) + tau * tau)
}

function winsorise(scores: readonly number[]): number[] {
  const sorted = [...scores].sort((a, b) => a - b)
  const held = Math.floor(winsorised * sorted.length)
  const low = sorted[held] ?? 0
  const high = sorted[sorted.length - 1 - held] ?? 0
  return scores.map((score) => Math.min(high, Math.max(low, score)))
}

/** Where a member with so many trials is expected to lie. */
export function funnelLimits({ mean, tau }: FunnelPlotFit, trials: number): FunnelLimits {
  const error = Math.sqrt(1 / (4 * trials) + tau * tau)
  const at = (z: number) => proportion(angle(mean) + z * error)
  return { low95: at(-z95), high95: at(z95), low998: at(-z998), high998: at(z998) }
}

function angle(rate: number): number {
  return Math.asin(Math.sqrt(rate))
}

function proportion(radians: number): number {
  return Math.sin(Math.min(Math.PI / 2, Math.max(0, radians))) ** 2
}
