import type { Child } from 'hono/jsx'
import { localDate } from './format.ts'
import { Input } from './fields.tsx'

/** What stands in the fields: dates, `YYYY-MM-DD`. */
export interface Days {
  readonly from: string | undefined
  readonly to: string | undefined
}

/** The days of an answer, in its zone. */
export function shownDays({ from, to, tz }: { from: string; to: string; tz: string }): Days {
  return { from: localDate(Date.parse(from), tz), to: localDate(Date.parse(to), tz) }
}

/** Where an answer was refused, the days that were typed, if they are days: nobody has to type them again. */
export function typedDays({ from, to }: { from?: string | undefined; to?: string | undefined }): Days {
  const day = (text: string | undefined) => (text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : undefined)
  return { from: day(from), to: day(to) }
}

interface PeriodFormProps {
  readonly action: string
  readonly days: Days
  readonly open: boolean
  /** What can be chosen, as the summary line says it. */
  readonly summary: string
  readonly errors?: Readonly<Record<string, string>>
  readonly children?: Child
}

/** Chooses days by GET, so that a choice has an address. */
export function PeriodForm({ action, days, open, summary, errors = {}, children }: PeriodFormProps) {
  return (
    <details class="govuk-details wm-choices" open={open}>
      <summary class="govuk-details__summary">
        <span class="govuk-details__summary-text">{summary}</span>
      </summary>
      <div class="govuk-details__text">
        <form action={action} method="get" novalidate>
          <div class="wm-fields">
            <Input id="from" label="From" hint="First day" type="date" value={days.from} error={errors['from']} />
            <Input id="to" label="To" hint="Day after the last" type="date" value={days.to} error={errors['to']} />
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
