import type { Rate } from '../../queries/answers.ts'
import { interval, percent, unknown } from './format.ts'

/** A rate with its interval in words; a dash, with the reason for who cannot see it, where nothing can be said. */
export function RateText({ rate }: { readonly rate: Rate | null }) {
  if (rate === null) return <Unknown />
  return (
    <span>
      {percent(rate.value)} <span class="wm-interval-text">{interval(rate)}</span>
    </span>
  )
}

export function Unknown() {
  return (
    <>
      <span aria-hidden="true">{unknown}</span>
      <span class="govuk-visually-hidden">nothing can be said yet</span>
    </>
  )
}

/** The same as a mark on a scale from 0 to 100 %, for the eye only: it always stands beside the words. */
export function RateMark({ rate }: { readonly rate: Rate | null }) {
  return (
    <svg class="wm-rate" width="100%" height="16" aria-hidden="true" focusable="false">
      <rect class="wm-rate__track" x="0" y="7" width="100%" height="2" />
      {rate !== null && (
        <>
          <rect
            class="wm-rate__interval"
            x={share(rate.low)}
            y="3"
            width={share(Math.max(rate.high - rate.low, 0.005))}
            height="10"
          />
          <circle class="wm-rate__value" cx={share(rate.value)} cy="8" r="5" />
        </>
      )}
    </svg>
  )
}

/** As a length in SVG; two decimals are finer than any screen. */
export function share(value: number): string {
  return `${Math.round(value * 10_000) / 100}%`
}
