import { builtInDimensions } from '../../domain/stored-event.ts'
import type { Service } from '../../domain/service.ts'
import type { FunnelAnswer } from '../../queries/answers.ts'
import { serviceAddress, type Choices } from './address.ts'
import { Command, firstEvent } from './curl.tsx'
import { ErrorSummary, Input, Select } from './fields.tsx'
import { count, longTime, period } from './format.ts'
import { FunnelChart } from './funnel-chart.tsx'
import { BreakdownTable, StepsTable } from './funnel-table.tsx'
import { Page, type Shell } from './layout.tsx'
import { ProvisionalLeavers, silentOf } from './leavers.tsx'
import { PeriodForm, shownDays, typedDays } from './period-form.tsx'
import { MadeUpNotice } from './sample.tsx'
import { TotalsPanel } from './totals.tsx'

/** A choice that was refused: which, and what is allowed. */
export interface Refusal {
  readonly parameter: string
  readonly message: string
}

interface ServiceProps extends Shell {
  readonly service: Service
  readonly choices: Choices
  readonly answer: FunnelAnswer
  /** Since midnight of the service's zone. */
  readonly today: FunnelAnswer
  /** Dates of today and tomorrow there, for the link to it. */
  readonly todayChoices: Choices
  readonly base: string
  readonly now: number
}

export function ServicePage(props: ServiceProps) {
  const { service, answer, choices } = props
  const nothing = isEmpty(answer)
  return (
    <Page {...props} title={`${service.name}: where people leave`}>
      <ServiceHeading service={service} />
      {service.sample && <MadeUpNotice what="This service and its journeys are made up, to show what Waymark tells." />}
      <p class="govuk-body wm-period">
        Journeys started {period(answer)} <span class="wm-quiet">({answer.tz} time)</span>
      </p>
      <ChoicesForm service={service} choices={choices} answer={answer} />
      <Filters service={service} choices={choices} />
      {nothing ? (
        <>
          <Empty {...props} />
          {!isEmpty(props.today) && <Today {...props} />}
        </>
      ) : (
        <Figures {...props} />
      )}
      <p class="govuk-body-s wm-quiet">
        As of {longTime(Date.parse(answer.asOf), answer.tz)}.
        {answer.version !== null && ` Counted by version ${count(answer.version)} of the funnel.`}
      </p>
    </Page>
  )
}

/** The same page where a choice was refused: the form again, and no figures. */
export function RefusedPage(props: Shell & { service: Service; choices: Choices; refusal: Refusal }) {
  const { service, refusal } = props
  return (
    <Page {...props} title={`Error: ${service.name}`}>
      <ErrorSummary field={fieldOf(refusal.parameter)} message={refusal.message} />
      <ServiceHeading service={service} />
      <ChoicesForm service={service} choices={props.choices} refusal={refusal} />
      <p class="govuk-body">
        <a class="govuk-link" href={serviceAddress(service.id)}>
          Show the last 28 days instead
        </a>
      </p>
    </Page>
  )
}

function fieldOf(parameter: string): string | undefined {
  return ['from', 'to', 'breakdown', 'where'].includes(parameter) ? parameter : undefined
}

function ServiceHeading({ service }: { readonly service: Service }) {
  const about = [service.department, service.owner, service.supplier].filter((text) => text !== undefined)
  return (
    <>
      <h1 class="govuk-heading-l wm-heading">{service.name}</h1>
      {about.length > 0 && <p class="govuk-body wm-quiet">{about.join(' · ')}</p>}
    </>
  )
}

interface ChoicesFormProps {
  readonly service: Service
  readonly choices: Choices
  readonly answer?: FunnelAnswer
  readonly refusal?: Refusal
}

function ChoicesForm({ service, choices, answer, refusal }: ChoicesFormProps) {
  const dimensions = [...builtInDimensions, ...service.dimensions]
  const changed = choices.from ?? choices.to ?? choices.breakdown ?? choices.where?.[0]
  return (
    <PeriodForm
      action={serviceAddress(service.id)}
      days={answer === undefined ? typedDays(choices) : shownDays(answer)}
      open={refusal !== undefined || changed !== undefined}
      summary="Choose days, break down or filter"
      errors={refusal === undefined ? {} : { [refusal.parameter]: refusal.message }}
    >
      <Select
        id="breakdown"
        label="Break down by"
        hint="Compare groups"
        value={choices.breakdown}
        options={[{ value: '', text: 'Nothing' }, ...dimensions.map((name) => ({ value: name, text: name }))]}
        error={refusal?.parameter === 'breakdown' ? refusal.message : undefined}
      />
      <Input
        id="where"
        label="Filter"
        hint="Such as device:mobile"
        error={refusal?.parameter === 'where' ? refusal.message : undefined}
      />
      {(choices.where ?? []).map(([dimension, value]) => (
        <input type="hidden" name="where" value={`${dimension}:${value}`} />
      ))}
    </PeriodForm>
  )
}

function Filters({ service, choices }: { readonly service: Service; readonly choices: Choices }) {
  const where = choices.where ?? []
  if (where.length === 0) return null
  return (
    <ul class="wm-filters" aria-label="Only journeys with">
      {where.map(([dimension, value]) => (
        <li class="wm-filters__item">
          Only {dimension}: <strong>{value}</strong>{' '}
          <a
            class="govuk-link wm-filters__remove"
            href={serviceAddress(service.id, {
              ...choices,
              where: where.filter((other) => other[0] !== dimension || other[1] !== value),
            })}
          >
            Remove<span class="govuk-visually-hidden"> the filter {`${dimension}: ${value}`}</span>
          </a>
        </li>
      ))}
    </ul>
  )
}

function isEmpty({ totals }: FunnelAnswer): boolean {
  return totals.started + totals.unstarted + totals.excluded === 0
}

function Figures(props: ServiceProps) {
  const { service, choices, answer, today } = props
  return (
    <>
      <section>
        <h2 class="govuk-heading-m" id="totals">
          How many finish
        </h2>
        <TotalsPanel answer={answer} target={service.targets?.completionRate} />
      </section>
      {!isEmpty(today) && <Today {...props} />}
      <section>
        <h2 class="govuk-heading-m" id="funnel">
          Where people leave
        </h2>
        <FunnelChart answer={answer} id="funnel-chart" />
      </section>
      <ProvisionalLeavers answer={answer} />
      {answer.breakdown !== undefined && choices.breakdown !== undefined && (
        <section>
          <h2 class="govuk-heading-m" id="groups">
            By {choices.breakdown}
          </h2>
          <BreakdownTable
            dimension={choices.breakdown}
            rows={answer.breakdown}
            service={service.id}
            choices={choices}
          />
        </section>
      )}
      <section>
        <h2 class="govuk-heading-m" id="figures">
          Figures of every step
        </h2>
        <StepsTable answer={answer} />
      </section>
    </>
  )
}

function Today({ service, today, todayChoices }: ServiceProps) {
  const { totals } = today
  const { silent, everywhere } = silentOf(today.steps)
  return (
    <section class="wm-today">
      <h2 class="govuk-heading-m" id="today">
        Today so far
      </h2>
      <p class="govuk-body">
        {`${count(totals.started)} started since midnight: ${count(totals.completed)} completed, ${count(totals.failed)} failed, ${count(totals.abandoned)} abandoned, ${count(totals.open)} still open`}
        {silent !== null &&
          silent > 0 &&
          `, ${everywhere ? '' : 'at least '}${count(silent)} of them quiet (provisional leavers)`}
        .
      </p>
      <p class="govuk-body">
        <a class="govuk-link" href={serviceAddress(service.id, todayChoices)}>
          Show the funnel of today
        </a>
      </p>
    </section>
  )
}

function Empty({ service, choices, today, base, now, todayChoices }: ServiceProps) {
  const filtered = (choices.where ?? []).length > 0
  return (
    <section class="wm-prose">
      <h2 class="govuk-heading-m" id="empty">
        No journeys in these days
      </h2>
      {filtered && <p class="govuk-body">No journey of these days has what the filter asks for.</p>}
      {!isEmpty(today) && <p class="govuk-body">Journeys of today are not in these days: they are below.</p>}
      {!filtered && !service.sample && isEmpty(today) && (
        <>
          <p class="govuk-body">
            No event of this service falls into these days. If it has sent none yet, this sends a first one:
          </p>
          <Command label="Command that sends a first event" text={firstEvent(base, service, now)} />
          <p class="govuk-body">
            It answers 204, and{' '}
            <a class="govuk-link" href={serviceAddress(service.id, todayChoices)}>
              the funnel of today
            </a>{' '}
            shows it within seconds.
          </p>
        </>
      )}
    </section>
  )
}
