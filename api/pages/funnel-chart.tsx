import type { Child } from 'hono/jsx'
import type { FunnelAnswer, FunnelAnswerStep } from '../../queries/answers.ts'
import { count, percent, plural } from './format.ts'
import { hatch } from './layout.tsx'
import { share } from './rate.tsx'

type Part = 'passed' | 'completed' | 'lost' | 'silent' | 'open'

const legend: readonly (readonly [Part, string])[] = [
  ['passed', 'Went on to a later step'],
  ['completed', 'Completed here'],
  ['lost', 'Left here: failed or abandoned'],
  ['silent', 'Quiet: open, but provisionally left here'],
  ['open', 'Open: may still go on'],
]

/** Who reached a step, by what became of them, in the order that the bar shows. Adds up to `entered`. */
function parts({ passed, left }: FunnelAnswerStep): readonly (readonly [Part, number])[] {
  const silent = Math.min(left.silent ?? 0, left.open)
  return [
    ['passed', passed],
    ['completed', left.completed],
    ['lost', left.failed + left.abandoned],
    ['silent', silent],
    ['open', left.open - silent],
  ]
}

/** The step where most failed or were abandoned: the first of equals, none when nobody did. */
export function worstStep(steps: readonly FunnelAnswerStep[]): FunnelAnswerStep | undefined {
  const lost = ({ left }: FunnelAnswerStep): number => left.failed + left.abandoned
  return steps.reduce<FunnelAnswerStep | undefined>((worst, step) => {
    return lost(step) > (worst === undefined ? 0 : lost(worst)) ? step : worst
  }, undefined)
}

/** The step where most have gone quiet: what can be said before anybody's window has passed. */
function quietestStep(steps: readonly FunnelAnswerStep[]): FunnelAnswerStep | undefined {
  return steps.reduce<FunnelAnswerStep | undefined>(
    (most, step) => ((step.left.silent ?? 0) > (most?.left.silent ?? 0) ? step : most),
    undefined,
  )
}

/**
 * A funnel as bars: each as long as the share of starts that reached the step, cut by what became of them.
 * Every figure stands in words beside its bar, so the bars themselves are for the eye only.
 */
export function FunnelChart({ answer, id }: { readonly answer: FunnelAnswer; readonly id: string }) {
  const { started } = answer.totals
  const worst = worstStep(answer.steps)
  const quietest = worst === undefined ? quietestStep(answer.steps) : undefined
  const shown = new Set(
    answer.steps.flatMap((step) => parts(step).filter(([, journeys]) => journeys > 0)).map(([part]) => part),
  )
  return (
    <figure class="wm-figure" aria-labelledby={`${id}-caption`}>
      <figcaption id={`${id}-caption`} class="govuk-body wm-figure__caption">
        How many of {plural(started, 'journey')} reached each step, and what became of them there
      </figcaption>
      <ul class="wm-legend" aria-label="What the parts of a bar mean">
        {legend
          .filter(([part]) => shown.has(part))
          .map(([part, text]) => (
            <li class="wm-legend__item">
              <Swatch part={part} /> {text}
            </li>
          ))}
      </ul>
      <ol class="wm-funnel">
        {answer.steps.map((step) => (
          <Step step={step} started={started}>
            {step === worst && <strong class="govuk-tag govuk-tag--red wm-funnel__tag">Most leave here</strong>}
            {step === quietest && (
              <strong class="govuk-tag govuk-tag--yellow wm-funnel__tag">Most go quiet here (provisional)</strong>
            )}
          </Step>
        ))}
      </ol>
    </figure>
  )
}

function Swatch({ part }: { readonly part: Part }) {
  return (
    <svg class="wm-swatch" width="16" height="16" aria-hidden="true" focusable="false">
      <PartOfBar part={part} x="0" width="16" height={16} />
    </svg>
  )
}

function PartOfBar({ part, x, width, height }: { part: Part; x: string; width: string; height: number }) {
  return (
    <rect
      class={`wm-part wm-part--${part}`}
      fill={part === 'silent' ? hatch : undefined}
      x={x}
      y="0"
      width={width}
      height={height}
    />
  )
}

function Step({ step, started, children }: { step: FunnelAnswerStep; started: number; children?: Child }) {
  return (
    <li class="wm-funnel__step">
      <div class="wm-funnel__name">
        <span class="wm-funnel__position">{step.position}.</span> {step.name}
        {step.optional && <span class="wm-quiet"> (optional)</span>}
        {children}
      </div>
      <div class="wm-funnel__bar">
        <Bar step={step} started={started} />
        <p class="wm-funnel__note">{note(step)}</p>
      </div>
      <div class="wm-funnel__figures">
        <span class="wm-funnel__entered">{count(step.entered)}</span> <span class="wm-quiet">reached it</span>
        {step.rateFromStart !== null && (
          <span class="wm-funnel__rate">
            {percent(step.rateFromStart.value)} <span class="wm-quiet">of starts</span>
          </span>
        )}
      </div>
    </li>
  )
}

function Bar({ step, started }: { step: FunnelAnswerStep; started: number }) {
  const rows = parts(step)
  return (
    <svg class="wm-bar" width="100%" height="28" aria-hidden="true" focusable="false">
      <rect class="wm-bar__track" x="0" y="0" width="100%" height="28" />
      {rows.map(([part, journeys], index) => {
        if (journeys === 0 || started === 0) return null
        const before = rows.slice(0, index).reduce((sum, [, earlier]) => sum + earlier, 0)
        return <PartOfBar part={part} x={share(before / started)} width={share(journeys / started)} height={28} />
      })}
    </svg>
  )
}

/** What became of those who came no further than this step. */
function note({ entered, left }: FunnelAnswerStep): string {
  if (entered === 0) return 'Nobody reached it'
  const words: string[] = []
  if (left.completed > 0) words.push(`${count(left.completed)} completed here`)
  if (left.abandoned > 0) words.push(`${count(left.abandoned)} abandoned here`)
  if (left.failed > 0) words.push(`${count(left.failed)} failed here`)
  if (left.open > 0) {
    const silent = left.silent ?? 0
    words.push(
      `${count(left.open)} still open here${silent > 0 ? `, of which ${count(silent)} quiet (provisional)` : ''}`,
    )
  }
  return words.length === 0 ? 'Everybody went on' : words.join('; ')
}
