import type { FunnelAnswer, FunnelAnswerStep } from '../../queries/answers.ts'
import { count, plural } from './format.ts'
import { Unknown } from './rate.tsx'
import { Figure, Head } from './table.tsx'

/**
 * Quiet journeys of the steps that can say; `null` while none can. `everywhere`: every step where journeys are open can
 * say, so that these are all.
 */
export function silentOf(steps: readonly FunnelAnswerStep[]): { silent: number | null; everywhere: boolean } {
  const open = steps.filter(({ left }) => left.open > 0)
  const known = open.map(({ left }) => left.silent).filter((silent) => silent !== null)
  return {
    silent: known.length === 0 ? null : known.reduce((sum, silent) => sum + silent, 0),
    everywhere: known.length === open.length,
  }
}

/**
 * Where people seem to leave before any window has passed. Shown apart from who left, and called provisional in
 * the heading, the text and the column: they may still come back.
 */
export function ProvisionalLeavers({ answer }: { readonly answer: FunnelAnswer }) {
  const rows = answer.steps.filter(({ left }) => left.open > 0)
  if (rows.length === 0) return null
  const { silent, everywhere } = silentOf(rows)
  return (
    <section>
      <h2 class="govuk-heading-m" id="leavers">
        Provisional leavers
      </h2>
      <div class="wm-prose">
        <p class="govuk-body">
          {silent === null
            ? 'Too few journeys have gone on from any step to say who has gone quiet.'
            : `${plural(silent, 'open journey')} ${silent === 1 ? 'has' : 'have'} been quiet for longer than 95% of those who went on from the same step ever waited.`}{' '}
          {silent !== null &&
            !everywhere &&
            'Only steps from which enough have gone on can say so: where there is a dash, too few have.'}{' '}
          They may still come back, so no rate counts them as gone.
        </p>
        <table class="govuk-table wm-table wm-table--narrow">
          <caption class="govuk-table__caption govuk-visually-hidden">Open journeys by the step they are at</caption>
          <Head
            columns={[{ name: 'Step' }, { name: 'Open', numeric: true }, { name: 'Quiet, provisional', numeric: true }]}
          />
          <tbody class="govuk-table__body">
            {rows.map(({ position, name, left }) => (
              <tr class="govuk-table__row">
                <th scope="row" class="govuk-table__header wm-table__name">
                  {position}. {name}
                </th>
                <Figure>{count(left.open)}</Figure>
                <Figure>{left.silent === null ? <Unknown /> : count(left.silent)}</Figure>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
