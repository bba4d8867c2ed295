import type { Child } from 'hono/jsx'
import { localDate } from './format.ts'
import { Input } from './fields.tsx'

export interface ShownPeriod {
  /** ISO 8601 instants, and the zone that days are of. */
  readonly from: string
  readonly to: string
  readonly tz: string
}

interface PeriodFormProps {
  readonly action: string
  /** Undefined where the period asked for was refused. */
  readonly shown: ShownPeriod | undefined
  readonly open: boolean
  /** What can be chosen, as the summary line says it. */
  readonly summary: string
  readonly errors?: Readonly<Record<string, string>>
  readonly children?: Child
}

/** Chooses days by GET, so that a choice has an address. */
export function PeriodForm({ action, shown, open, summary, errors = {}, children }: PeriodFormProps) {
  return (
    <details class="govuk-details wm-choices" open={open}>
      <summary class="govuk-details__summary">
        <span class="govuk-details__summary-text">{summary}</span>
      </summary>
      <div class="govuk-details__text">
        <form action={action} method="get" novalidate>
          <div class="wm-fields">
            <Input
              id="from"
              label="From"
              hint="First day"
              type="date"
              value={shown && localDate(Date.parse(shown.from), shown.tz)}
              error={errors['from']}
            />
            <Input
              id="to"
              label="To"
              hint="Day after the last"
              type="date"
              value={shown && localDate(Date.parse(shown.to), shown.tz)}
              error={errors['to']}
            />
            {children}
          </div>
          <button type="submit" class="govuk-button wm-choices__button">
            Show
          </button>
        </form>
      </div>
    </details>
  )
}
