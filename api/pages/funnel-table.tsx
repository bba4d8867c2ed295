import type { BreakdownRow, FunnelAnswer, FunnelAnswerStep } from '../../queries/answers.ts'
import { serviceAddress, type Choices } from './address.ts'
import { count, duration, percentOf } from './format.ts'
import { worstStep } from './funnel-chart.tsx'
import { RateText, Unknown } from './rate.tsx'
import { Figure, Head, WideTable } from './table.tsx'

/** Every figure of a funnel: what the chart shows, and what it has no room for. */
export function StepsTable({ answer }: { readonly answer: FunnelAnswer }) {
  return (
    <WideTable id="steps" caption="Figures of every step">
      <StepsHead />
      <tbody class="govuk-table__body">
        {answer.steps.map((step) => (
          <StepRow step={step} />
        ))}
      </tbody>
    </WideTable>
  )
}

const stepGroups = [
  { name: 'Came no further', columns: ['Completed', 'Failed', 'Abandoned', 'Open', 'Of open, quiet (provisional)'] },
  { name: 'Rate', columns: ['From start', 'From previous'] },
  { name: 'Time from previous', columns: ['Median', '90% within'] },
]

function StepsHead() {
  return (
    <>
      <colgroup span={3} />
      {stepGroups.map(({ columns }) => (
        <colgroup span={columns.length} />
      ))}
      <thead class="govuk-table__head">
        <tr class="govuk-table__row wm-table__groups">
          <th scope="col" rowspan={2} class="govuk-table__header">
            Step
          </th>
          {['Reached', 'Went on'].map((name) => (
            <th scope="col" rowspan={2} class="govuk-table__header govuk-table__header--numeric">
              {name}
            </th>
          ))}
          {stepGroups.map(({ name, columns }) => (
            <th scope="colgroup" colspan={columns.length} class="govuk-table__header govuk-table__header--numeric">
              {name}
            </th>
          ))}
        </tr>
        <tr class="govuk-table__row">
          {stepGroups.flatMap(({ columns }) =>
            columns.map((name) => (
              <th scope="col" class="govuk-table__header govuk-table__header--numeric">
                {name}
              </th>
            )),
          )}
        </tr>
      </thead>
    </>
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
