import type { Child } from 'hono/jsx'

interface WideTableProps {
  readonly id: string
  readonly caption: string
  readonly children?: Child
}

/** A table that may be wider than the screen: it scrolls in a region of its own, by keyboard too, and the page does not. */
export function WideTable({ id, caption, children }: WideTableProps) {
  return (
    <div class="wm-scroll" role="region" aria-labelledby={`${id}-caption`} tabindex={0}>
      <table class="govuk-table wm-table" id={id}>
        <caption class="govuk-table__caption govuk-visually-hidden" id={`${id}-caption`}>
          {caption}
        </caption>
        {children}
      </table>
    </div>
  )
}

interface HeadProps {
  readonly columns: readonly { readonly name: string; readonly numeric?: boolean }[]
}

export function Head({ columns }: HeadProps) {
  return (
    <thead class="govuk-table__head">
      <tr class="govuk-table__row">
        {columns.map(({ name, numeric }) => (
          <th scope="col" class={`govuk-table__header${numeric === true ? ' govuk-table__header--numeric' : ''}`}>
            {name}
          </th>
        ))}
      </tr>
    </thead>
  )
}

export function Figure({ children }: { readonly children?: Child }) {
  return <td class="govuk-table__cell govuk-table__cell--numeric">{children}</td>
}
