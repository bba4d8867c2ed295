import type { Service } from '../../domain/service.ts'
import type { LowCompletionAnswer } from '../../queries/answers.ts'
import { serviceAddress } from './address.ts'
import { Command, firstService } from './curl.tsx'
import { ErrorSummary, Select } from './fields.tsx'
import { count, longTime, percent, period, plural } from './format.ts'
import { FunnelPlot } from './funnel-plot.tsx'
import { Page, type Shell } from './layout.tsx'
import { PeriodForm, shownDays, typedDays } from './period-form.tsx'
import { RateMark, RateText, Unknown } from './rate.tsx'
import { MadeUpNotice, MadeUpTag } from './sample.tsx'
import type { Refusal } from './service.tsx'

type Ranked = LowCompletionAnswer['services'][number]

export interface RankingChoices {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly department?: string | undefined
}

interface RankingProps extends Shell {
  readonly answer: LowCompletionAnswer
  readonly choices: RankingChoices
  /** Those that the viewer may choose from. */
  readonly departments: readonly string[]
  /** Readable services that the ranking leaves out. */
  readonly others: readonly Service[]
  readonly base: string
}

const heading = 'Services by low completion'

export function RankingPage(props: RankingProps) {
  const { answer, choices, others } = props
  const ranked = answer.services.some(({ rank }) => rank !== null)
  const nothing = answer.services.length === 0 && others.length === 0 && choices.department === undefined
  return (
    <Page {...props} title={heading}>
      <h1 class="govuk-heading-l wm-heading">{heading}</h1>
      {allMadeUp(answer) && (
        <MadeUpNotice what="These services and their journeys are made up, to show what Waymark tells. They leave the ranking when the first real service has events." />
      )}
      {!nothing && (
        <>
          <p class="govuk-body wm-period">
            Journeys started {period(answer)} <span class="wm-quiet">({answer.tz} time)</span>
          </p>
          <RankingForm {...props} />
        </>
      )}
      {answer.services.length === 0 ? <NoService {...props} /> : <Ranking answer={answer} />}
      {ranked && answer.funnelPlot.points.length > 1 && (
        <section>
          <h2 class="govuk-heading-m" id="plot">
            Low, or only small?
          </h2>
          <FunnelPlot answer={answer} id="plot-figure" />
        </section>
      )}
      {others.length > 0 && answer.services.length > 0 && choices.department === undefined && (
        <Others others={others} />
      )}
      <p class="govuk-body-s wm-quiet">As of {longTime(Date.parse(answer.asOf), answer.tz)}.</p>
    </Page>
  )
}

function allMadeUp({ services }: LowCompletionAnswer): boolean {
  return services.length > 0 && services.every(({ sample }) => sample)
}

/** The same page where a choice was refused: the form again, and no figures. */
export function RefusedRankingPage(
  props: Shell & { departments: readonly string[]; choices: RankingChoices; refusal: Refusal },
) {
  const { refusal, choices, departments } = props
  const field = ['from', 'to', 'department'].find((name) => name === refusal.parameter)
  return (
    <Page {...props} title={`Error: ${heading}`}>
      <ErrorSummary field={field} message={refusal.message} />
      <h1 class="govuk-heading-l wm-heading">{heading}</h1>
      <RankingForm choices={choices} departments={departments} refusal={refusal} />
      <p class="govuk-body">
        <a class="govuk-link" href="/">
          Show the last 28 days instead
        </a>
      </p>
    </Page>
  )
}

interface RankingFormProps {
  readonly choices: RankingChoices
  readonly departments: readonly string[]
  readonly answer?: LowCompletionAnswer
  readonly refusal?: Refusal
}

function RankingForm({ choices, departments, answer, refusal }: RankingFormProps) {
  const changed = choices.from ?? choices.to ?? choices.department
  return (
    <PeriodForm
      action="/"
      days={answer === undefined ? typedDays(choices) : shownDays(answer)}
      open={refusal !== undefined || changed !== undefined}
      summary={departments.length > 1 ? 'Choose days or a department' : 'Choose days'}
      errors={refusal === undefined ? {} : { [refusal.parameter]: refusal.message }}
    >
      {departments.length > 1 && (
        <Select
          id="department"
          label="Department"
          hint="Compare its services"
          value={choices.department}
          options={[{ value: '', text: 'All' }, ...departments.map((name) => ({ value: name, text: name }))]}
          error={refusal?.parameter === 'department' ? refusal.message : undefined}
        />
      )}
    </PeriodForm>
  )
}

function standing(services: readonly Ranked[]): string {
  if (services.every(({ rank }) => rank === null)) return 'Nothing to rank yet'
  const flagged = services.filter((service) => service.flagged).length
  if (flagged === 0) return 'No service stands out'
  return `${plural(flagged, 'service')} ${flagged === 1 ? 'needs' : 'need'} help first`
}

function Ranking({ answer }: { readonly answer: LowCompletionAnswer }) {
  return (
    <section>
      <h2 class="govuk-heading-m" id="ranking">
        {standing(answer.services)}
      </h2>
      <details class="govuk-details">
        <summary class="govuk-details__summary">
          <span class="govuk-details__summary-text">How services are ranked</span>
        </summary>
        <div class="govuk-details__text">
          Rates are over journeys whose window has passed. A small service may be low by chance alone, so each rate is
          drawn towards what such services usually reach, the more the fewer journeys it has (its shrunk rate), and
          services are ranked by that, lowest first. A service is marked when it is in the worst tenth with a
          probability of at least 95%; among fewer than 10 services none is.
        </div>
      </details>
      <RankingTable services={answer.services} tagged={!allMadeUp(answer)} />
    </section>
  )
}

/**
 * On a narrow screen each row becomes a card by style alone, which takes the meaning of a table from some browsers:
 * the roles give it back.
 */
function RankingTable({ services, tagged }: { readonly services: readonly Ranked[]; readonly tagged: boolean }) {
  const columns = [
    'Rank',
    'Service',
    'Completion rate',
    'Journeys',
    'Shrunk rate',
    'In the worst tenth',
    'Most leave at',
  ]
  return (
    <table class="govuk-table wm-table wm-cards" role="table">
      <caption class="govuk-table__caption govuk-visually-hidden">
        Services by completion rate, lowest first. Rates are over journeys whose window has passed.
      </caption>
      <thead class="govuk-table__head wm-cards__head" role="rowgroup">
        <tr class="govuk-table__row" role="row">
          {columns.map((name) => (
            <th scope="col" role="columnheader" class="govuk-table__header">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody class="govuk-table__body" role="rowgroup">
        {services.map((service) => (
          <RankingRow service={service} tagged={tagged} />
        ))}
      </tbody>
    </table>
  )
}

/** @param props.tagged made-up services are called that one by one: where all are, the page says so once */
function RankingRow({ service, tagged }: { readonly service: Ranked; readonly tagged: boolean }) {
  return (
    <tr class={`govuk-table__row wm-cards__row${service.flagged ? ' wm-cards__row--flagged' : ''}`} role="row">
      <td class="govuk-table__cell wm-cards__rank" role="cell">
        <span class="wm-cards__label">Rank </span>
        {service.rank ?? <Unknown />}
      </td>
      <th scope="row" role="rowheader" class="govuk-table__header wm-table__name wm-cards__name">
        <a class="govuk-link" href={serviceAddress(service.id)}>
          {service.name}
        </a>
        {service.department !== null && <span class="wm-table__more">{service.department}</span>}
        {service.flagged && <strong class="govuk-tag govuk-tag--red wm-tag">Needs help first</strong>}{' '}
        {service.sample && tagged && <MadeUpTag />}
      </th>
      <td class="govuk-table__cell wm-cards__rate" role="cell">
        <span class="wm-cards__label">Completion rate </span>
        <RateText rate={service.rate} />
        <RateMark rate={service.rate} />
      </td>
      <td class="govuk-table__cell" role="cell">
        <span class="wm-cards__label">Journeys </span>
        <span>
          {count(service.elapsed.started)}{' '}
          {service.started > service.elapsed.started && (
            <span class="wm-interval-text">of {count(service.started)} started</span>
          )}
        </span>
      </td>
      <td class="govuk-table__cell" role="cell">
        <span class="wm-cards__label">Shrunk rate </span>
        <span>{service.shrunkRate === null ? <Unknown /> : percent(service.shrunkRate)}</span>
      </td>
      <td class="govuk-table__cell" role="cell">
        <span class="wm-cards__label">In the worst tenth </span>
        <span>{service.probabilityWorst === null ? <Unknown /> : percent(service.probabilityWorst)}</span>
      </td>
      <td class="govuk-table__cell" role="cell">
        <span class="wm-cards__label">Most leave at </span>
        <span>
          {service.worstStep === null ? (
            <Unknown />
          ) : (
            <>
              {service.worstStep.name} <span class="wm-interval-text">{plural(service.worstStep.lost, 'journey')}</span>
            </>
          )}
        </span>
      </td>
    </tr>
  )
}

function Others({ others }: { readonly others: readonly Service[] }) {
  return (
    <section>
      <h2 class="govuk-heading-m" id="others">
        Not in the ranking
      </h2>
      <ul class="govuk-list">
        {others.map(({ id, name, sample }) => (
          <li>
            <a class="govuk-link" href={serviceAddress(id)}>
              {name}
            </a>{' '}
            {sample && <MadeUpTag />}
          </li>
        ))}
      </ul>
    </section>
  )
}

function NoService({ base, viewer, others, choices }: RankingProps) {
  if (others.length > 0 || choices.department !== undefined)
    return <p class="govuk-body">Nothing to rank in these days.</p>
  return (
    <section class="wm-prose">
      <h2 class="govuk-heading-m" id="empty">
        No service yet
      </h2>
      {viewer?.kind === 'key' && <p class="govuk-body">There is none that your key may read.</p>}
      <p class="govuk-body">To register a first one, with the admin key that the first start printed:</p>
      <Command label="Command that registers a service" text={firstService(base)} />
      <p class="govuk-body">
        The{' '}
        <a class="govuk-link" href="/docs">
          API reference
        </a>{' '}
        says what a service may hold.
      </p>
    </section>
  )
}
