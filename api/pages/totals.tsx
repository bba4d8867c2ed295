import type { FunnelAnswer, PeriodState, Totals } from '../../queries/answers.ts'
import { count, exactPercent, interval, percent, plural } from './format.ts'
import { RateMark, Unknown } from './rate.tsx'

interface TotalsProps {
  readonly answer: Pick<FunnelAnswer, 'totals' | 'period' | 'to' | 'asOf'>
  /** The rate that the team aims at. */
  readonly target: number | undefined
}

/** What became of the journeys of a period, rates and counts apart: rates are of fewer. */
export function TotalsPanel({ answer: { totals, period, to, asOf }, target }: TotalsProps) {
  const over = Date.parse(to) <= Date.parse(asOf)
  return (
    <div class="wm-totals">
      <CompletionRate totals={totals} target={target} />
      <dl class="wm-counts">
        <Count name="Started" value={totals.started} />
        <Count name="Completed" value={totals.completed} of={totals.started} />
        <Count name="Failed" value={totals.failed} of={totals.started} />
        <Count name="Abandoned" value={totals.abandoned} of={totals.started} />
        <Count name="Open" value={totals.open} of={totals.started} />
      </dl>
      <p class="govuk-body-s wm-totals__note">{outside(totals)}</p>
      <p class="govuk-body-s wm-totals__note">
        {stateText[period]}
        {!over && ' The period is not over: more journeys may start in it.'}
      </p>
    </div>
  )
}

const stateText: Record<PeriodState, string> = {
  partial: 'Partial: the window of some journeys has not passed, so these figures will change.',
  complete: 'Complete: the window of every journey has passed.',
  revised: 'Revised: events that came in late have changed figures of this period after it was complete.',
}

function CompletionRate({ totals, target }: { totals: Totals; target: number | undefined }) {
  const { completionRate: rate, elapsed, soFar, atBest } = totals
  return (
    <div class="wm-headline">
      <h3 class="wm-headline__name">Completion rate</h3>
      <p class="wm-headline__value">
        {rate === null ? <Unknown /> : <data value={String(rate.value)}>{percent(rate.value)}</data>}
      </p>
      <RateMark rate={rate} />
      <p class="wm-headline__note">
        {rate === null
          ? 'Rates are over journeys whose window has passed, and that of none has.'
          : `${count(elapsed.completed)} of ${count(elapsed.started)} is ${exactPercent(rate.value)}. 95% interval: ${interval(rate)}. Rates are over the ${plural(elapsed.started, 'journey')} whose window has passed.`}
        {target !== undefined && ` The target is ${percent(target)}.`}
      </p>
      {soFar !== null && atBest !== null && totals.open > 0 && (
        <p class="wm-headline__note">
          Of all that started, {percent(soFar.value)} have completed so far; if every open one did, it would be{' '}
          {percent(atBest.value)}.
        </p>
      )}
    </div>
  )
}

function Count({ name, value, of }: { name: string; value: number; of?: number }) {
  return (
    <div class="wm-counts__item">
      <dt class="wm-counts__name">{name}</dt>
      <dd class="wm-counts__value">
        {count(value)}
        {of !== undefined && of > 0 && <span class="wm-counts__share">{percent(value / of)}</span>}
      </dd>
    </div>
  )
}

function outside({ unstarted, excluded }: Totals): string {
  const words = [
    ...(unstarted > 0 ? [`${plural(unstarted, 'journey')} never reached the first step`] : []),
    ...(excluded > 0 ? [`${plural(excluded, 'journey')} removed by an exclusion`] : []),
  ]
  return words.length === 0 ? '' : `Outside every figure above: ${words.join(', ')}.`
}
