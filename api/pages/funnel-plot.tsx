import type { Child } from 'hono/jsx'
import type { LowCompletionAnswer } from '../../queries/answers.ts'
import { count, percent } from './format.ts'
import { share } from './rate.tsx'

type Plot = LowCompletionAnswer['funnelPlot']
type Limit = Plot['limits'][number]

const height = 300
const ticksOfRate = [0, 0.25, 0.5, 0.75, 1]

/** Sizes differ by powers of ten, so they stand on a logarithmic scale with a little room at both ends. */
function sizeScale(sizes: readonly number[]): { at: (size: number) => number; ticks: readonly number[] } {
  const from = Math.log10(Math.max(1, Math.min(...sizes))) - 0.08
  const to = Math.log10(Math.max(1, ...sizes)) + 0.08
  const at = (size: number): number => (Math.log10(Math.max(1, size)) - from) / (to - from)
  const steps = to - from > 2 ? [1] : to - from > 1 ? [1, 3] : [1, 2, 5]
  const ticks: number[] = []
  for (let power = Math.floor(from); power <= Math.ceil(to); power += 1)
    for (const step of steps) {
      const tick = step * 10 ** power
      if (at(tick) >= 0.02 && at(tick) <= 0.98) ticks.push(tick)
    }
  return { at, ticks }
}

/**
 * Completion rates by size, with the limits inside which services differ as such services do (Spiegelhalter 2005).
 * The ranking's table says the same in words; this shows it at a glance. Texts do not scale with the drawing, so
 * it can be read on a telephone.
 */
export function FunnelPlot({ answer, id }: { readonly answer: LowCompletionAnswer; readonly id: string }) {
  const { points, limits, mean } = answer.funnelPlot
  const flagged = new Set(answer.services.filter((service) => service.flagged).map((service) => service.id))
  const names = new Map(answer.services.map((service) => [service.id, service]))
  const { at, ticks } = sizeScale([...points, ...limits].map(({ started }) => started))
  return (
    <figure class="wm-figure" aria-labelledby={`${id}-caption`}>
      <figcaption id={`${id}-caption`} class="govuk-body wm-figure__caption">
        Completion rate by number of journeys. Between the lines services differ as much as chance and the usual
        differences explain.
      </figcaption>
      <PlotLegend flagged={flagged.size > 0} />
      <svg class="wm-plot" width="100%" height={height + 28} role="img" aria-label={description(answer)}>
        {ticksOfRate.map((rate) => (
          <line class="wm-plot__grid" x1="0" x2="100%" y1={y(rate)} y2={y(rate)} />
        ))}
        <svg width="100%" height={height} viewBox="0 0 1000 300" preserveAspectRatio="none">
          <Limits limits={limits} at={at} />
          {mean !== null && <line class="wm-plot__mean" x1="0" x2="1000" y1={y(mean)} y2={y(mean)} />}
        </svg>
        {points.map((point) => (
          <Point
            x={share(at(point.started))}
            y={y(point.rate)}
            title={`${names.get(point.id)?.name ?? point.id}: ${percent(point.rate)} of ${count(point.started)}`}
            mark={flagged.has(point.id) ? String(names.get(point.id)?.rank ?? '') : undefined}
          />
        ))}
        {ticksOfRate.slice(1).map((rate) => (
          <text class="wm-plot__tick" x="0" y={y(rate) + 14}>
            {`${rate * 100}%`}
          </text>
        ))}
        {ticks.map((tick) => (
          <text
            class="wm-plot__tick"
            x={share(at(tick))}
            y={height + 18}
            text-anchor={at(tick) > 0.93 ? 'end' : at(tick) < 0.07 ? 'start' : 'middle'}
          >
            {count(tick)}
          </text>
        ))}
      </svg>
      <p class="wm-plot__axis" aria-hidden="true">
        Journeys in the rate (each step of the scale multiplies)
      </p>
    </figure>
  )
}

function y(rate: number): number {
  return Math.round((8 + (1 - rate) * (height - 16)) * 10) / 10
}

function Limits({ limits, at }: { limits: readonly Limit[]; at: (size: number) => number }) {
  const line = (value: (limit: Limit) => number): string =>
    limits.map((limit) => `${Math.round(at(limit.started) * 10_000) / 10},${y(value(limit))}`).join(' ')
  return (
    <>
      <polyline class="wm-plot__limit wm-plot__limit--outer" points={line(({ low998 }) => low998)} />
      <polyline class="wm-plot__limit wm-plot__limit--outer" points={line(({ high998 }) => high998)} />
      <polyline class="wm-plot__limit" points={line(({ low95 }) => low95)} />
      <polyline class="wm-plot__limit" points={line(({ high95 }) => high95)} />
    </>
  )
}

/** Flagged services differ by form and number as well as by colour. */
function Point(props: { x: string; y: number; title: string; mark: string | undefined }) {
  if (props.mark === undefined)
    return (
      <circle class="wm-plot__point" cx={props.x} cy={props.y} r="5">
        <title>{props.title}</title>
      </circle>
    )
  return (
    <svg x={props.x} y={props.y} overflow="visible">
      <path class="wm-plot__point wm-plot__point--flagged" d="M0-9 9 0 0 9-9 0Z">
        <title>{props.title}</title>
      </path>
      <text class="wm-plot__mark" x="0" y="24" text-anchor="middle">
        {props.mark}
      </text>
    </svg>
  )
}

function PlotLegend({ flagged }: { readonly flagged: boolean }) {
  return (
    <ul class="wm-legend" aria-label="What the marks mean">
      <li class="wm-legend__item">
        <Key>
          <circle class="wm-plot__point" cx="12" cy="8" r="5" />
        </Key>{' '}
        A service
      </li>
      {flagged && (
        <li class="wm-legend__item">
          <Key>
            <path class="wm-plot__point wm-plot__point--flagged" d="M12 0 20 8 12 16 4 8Z" />
          </Key>{' '}
          Needs help first, with its rank
        </li>
      )}
      <li class="wm-legend__item">
        <Key>
          <line class="wm-plot__mean" x1="0" x2="24" y1="8" y2="8" />
        </Key>{' '}
        All services together
      </li>
      <li class="wm-legend__item">
        <Key>
          <line class="wm-plot__limit" x1="0" x2="24" y1="8" y2="8" />
        </Key>{' '}
        95% limits
      </li>
      <li class="wm-legend__item">
        <Key>
          <line class="wm-plot__limit wm-plot__limit--outer" x1="0" x2="24" y1="8" y2="8" />
        </Key>{' '}
        99.8% limits
      </li>
    </ul>
  )
}

function Key({ children }: { readonly children?: Child }) {
  return (
    <svg class="wm-swatch" width="24" height="16" aria-hidden="true" focusable="false">
      {children}
    </svg>
  )
}

/** What the picture says, for who does not see it; the table has the figures. */
function description({ services, funnelPlot: { mean, points } }: LowCompletionAnswer): string {
  const flagged = services.filter((service) => service.flagged).map(({ name }) => name)
  return [
    `A funnel plot of ${count(points.length)} services.`,
    ...(mean === null ? [] : [`All together complete ${percent(mean)}.`]),
    flagged.length === 0
      ? 'No service is marked as needing help first.'
      : `Marked as needing help first: ${flagged.join(', ')}.`,
    'The figures are in the table of services on this page.',
  ].join(' ')
}
