import type { BreakdownRow, FunnelAnswer, FunnelAnswerStep } from '../../queries/answers.ts'
import { serviceAddress, type Choices } from './address.ts'
import { count, duration, percentOf } from './format.ts'
import { worstStep } from './funnel-chart.tsx'
import { RateText, Unknown } from './rate.tsx'
import { Figure, Head, WideTable } from './table.tsx'

const stepColumns = [
  { name: 'Step' },
  { name: 'Reached', numeric: true },
  { name: 'Went on', numeric: true },
  { name: 'Completed here', numeric: true },
  { name: 'Failed here', numeric: true },
  { name: 'Abandoned here', numeric: true },
  { name: 'Open here', numeric: true },
  { name: 'Of these quiet (provisional)', numeric: true },
  { name: 'Rate from start', numeric: true },
  { name: 'Rate from previous step', numeric: true },
  { name: 'Time from previous step, median', numeric: true },
  { name: '90% within', numeric: true },
]

/** Every figure of a funnel: what the chart shows, and what it has no room for. */
export function StepsTable({ answer }: { readonly answer: FunnelAnswer }) {
  return (
    <WideTable id="steps" caption="Figures of every step">
      <Head columns={stepColumns} />
      <tbody class="govuk-table__body">
        {answer.steps.map((step) => (
          <StepRow step={step} />
        ))}
      </tbody>
    </WideTable>
  )
}

function StepRow({ step }: { readonly step: FunnelAnswerStep }) {
  const { left, secondsFromPrevious: seconds } = step
  return (
    <tr class="govuk-table__row">
      <th scope="row" class="govuk-table__header wm-table__name">
        {step.position}. {step.name}
        {step.optional && <span class="wm-quiet"> (optional)</span>}
        {step.anyOf !== undefined && <span class="wm-table__more">any of {step.anyOf.join(', ')}</span>}
      </th>
      <Figure>{count(step.entered)}</Figure>
      <Figure>{count(step.passed)}</Figure>
      <Figure>{count(left.completed)}</Figure>
      <Figure>{count(left.failed)}</Figure>
      <Figure>{count(left.abandoned)}</Figure>
      <Figure>{count(left.open)}</Figure>
      <Figure>{left.silent === null ? <Unknown /> : count(left.silent)}</Figure>
      <Figure>
        <RateText rate={step.rateFromStart} />
      </Figure>
      <Figure>{step.position === 1 ? '' : <RateText rate={step.rateFromPrevious} />}</Figure>
      <Figure>{step.position === 1 ? '' : <Seconds value={seconds.median} />}</Figure>
      <Figure>{step.position === 1 ? '' : <Seconds value={seconds.p90} />}</Figure>
    </tr>
  )
}

function Seconds({ value }: { readonly value: number | null }) {
  return value === null ? <Unknown /> : <>{duration(value)}</>
}

const breakdownColumns = [
  { name: 'Started', numeric: true },
  { name: 'Completed', numeric: true },
  { name: 'Failed', numeric: true },
  { name: 'Abandoned', numeric: true },
  { name: 'Open', numeric: true },
  { name: 'Completion rate', numeric: true },
  { name: 'Most leave at' },
]

interface BreakdownProps {
  readonly dimension: string
  readonly rows: readonly BreakdownRow[]
  readonly service: string
  readonly choices: Choices
}

export function BreakdownTable({ dimension, rows, service, choices }: BreakdownProps) {
  return (
    <WideTable id="breakdown" caption={`The same journeys by ${dimension}`}>
      <Head columns={[{ name: capital(dimension) }, ...breakdownColumns]} />
      <tbody class="govuk-table__body">
        {rows.map(({ value, other, totals, steps }) => (
          <tr class="govuk-table__row">
            <th scope="row" class="govuk-table__header wm-table__name">
              {value === null ? (
                <span class="wm-quiet">{other === true ? 'All other values' : 'Without a value'}</span>
              ) : (
                <a class="govuk-link" href={only(service, choices, dimension, value)}>
                  {value}
                </a>
              )}
            </th>
            <Figure>{count(totals.started)}</Figure>
            <Figure>{count(totals.completed)}</Figure>
            <Figure>{count(totals.failed)}</Figure>
            <Figure>{count(totals.abandoned)}</Figure>
            <Figure>{count(totals.open)}</Figure>
            <Figure>
              <RateText rate={totals.completionRate} />
            </Figure>
            <td class="govuk-table__cell">
              <MostLeaveAt steps={steps} started={totals.started} />
            </td>
          </tr>
        ))}
      </tbody>
    </WideTable>
  )
}

/** The page of only the journeys that have this value. */
function only(service: string, choices: Choices, dimension: string, value: string): string {
  return serviceAddress(service, {
    ...choices,
    breakdown: undefined,
    where: [...(choices.where ?? []).filter(([name]) => name !== dimension), [dimension, value]],
  })
}

function MostLeaveAt({ steps, started }: { steps: readonly FunnelAnswerStep[]; started: number }) {
  const worst = worstStep(steps)
  if (worst === undefined) return <Unknown />
  return (
    <>
      {worst.name} <span class="wm-interval-text">{percentOf(worst.left.failed + worst.left.abandoned, started)}</span>
    </>
  )
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
