import { problemCodes, problems } from '../../domain/problems.ts'
import { problemsOf } from '../openapi.ts'
import type { Operation, Parameter } from '../operation.ts'
import type { PageAssets } from '../pages/assets.ts'
import { Command } from '../pages/curl.tsx'
import { Page } from '../pages/layout.tsx'
import { Head, WideTable } from '../pages/table.tsx'
import { curl } from './curl.ts'
import { TryIt } from './try-it.tsx'

interface DocsProps {
  readonly operations: readonly Operation[]
  readonly assets: PageAssets
  readonly scriptPath: string
  readonly base: string
}

/** The reference, made of the same table as `/openapi.json`. It reads without script; with it, calls can be tried. */
export function DocsPage({ operations, assets, scriptPath, base }: DocsProps) {
  const tags = [...new Set(operations.map(({ tag }) => tag))]
  return (
    <Page title="API reference" assets={assets} viewer={undefined}>
      <h1 class="govuk-heading-xl">API reference</h1>
      <Introduction />
      <KeyField />
      <nav aria-label="Calls">
        <h2 class="govuk-heading-m">Calls</h2>
        <ul class="govuk-list">
          {operations.map((operation) => (
            <li class="govuk-!-text-break-word">
              <a class="govuk-link" href={`#${operation.id}`}>
                {operation.summary}
              </a>{' '}
              <code>{signature(operation)}</code>
            </li>
          ))}
          <li>
            <a class="govuk-link" href="#problems">
              What can go wrong
            </a>
          </li>
        </ul>
      </nav>
      {tags.map((tag) => (
        <section aria-labelledby={`tag-${slugOf(tag)}`}>
          <h2 class="govuk-heading-l" id={`tag-${slugOf(tag)}`}>
            {tag}
          </h2>
          {operations
            .filter((operation) => operation.tag === tag)
            .map((operation) => (
              <Call operation={operation} base={base} />
            ))}
        </section>
      ))}
      <Problems />
      <script type="module" src={scriptPath}></script>
    </Page>
  )
}

function Introduction() {
  return (
    <>
      <p class="govuk-body">
        Everything here is also in the{' '}
        <a class="govuk-link" href="/openapi.json">
          OpenAPI 3.1 document
        </a>
        .
      </p>
      <ul class="govuk-list govuk-list--bullet">
        <li>
          Send a key as <code>Authorization: Bearer</code>. A call says which scope it needs: ingest, read or admin.
        </li>
        <li>
          A rate is a proportion with its Wilson score interval (95&nbsp;%), and <code>null</code> where nothing can be
          said.
        </li>
        <li>
          Answers come as JSON; those that are tables also as CSV, with <code>Accept: text/csv</code>. Values in CSV
          stand as they are: have a spreadsheet read them as text.
        </li>
        <li>
          Errors are problem documents (RFC&nbsp;9457) with a stable <code>code</code>, and hold nothing of what was
          sent.
        </li>
      </ul>
    </>
  )
}

function KeyField() {
  return (
    <div class="govuk-form-group" hidden>
      <label class="govuk-label" for="try-key">
        Key for trying calls
      </label>
      <div class="govuk-hint" id="try-key-hint">
        It stays in this field, and goes to this server only.
      </div>
      <input
        class="govuk-input govuk-input--width-20"
        id="try-key"
        type="password"
        autocomplete="off"
        aria-describedby="try-key-hint"
      />
    </div>
  )
}

function Call({ operation, base }: { readonly operation: Operation; readonly base: string }) {
  const { id, summary, description, scope, body, answers } = operation
  return (
    <article aria-labelledby={id}>
      <h3 class="govuk-heading-m" id={id} tabindex={-1}>
        {summary}
      </h3>
      <p class="govuk-body govuk-!-text-break-word">
        <code>{signature(operation)}</code>
      </p>
      {description !== undefined && (
        <p class="govuk-body">
          <Prose text={description} />
        </p>
      )}
      <p class="govuk-body">{scope === null ? 'Needs no secret key.' : `Needs a key with the scope ${scope}.`}</p>
      <Parameters operation={operation} />
      <Command label={`Command: ${summary}`} text={curl(operation, base)} />
      {Object.entries(body?.content ?? {}).map(([mediaType, { example }]) => (
        <Example label={`Body of ${id}, ${mediaType}`} example={example} />
      ))}
      {answers.map(({ status, description: meaning, content }) => (
        <>
          <p class="govuk-body">
            <strong>{status}</strong> <Prose text={meaning} />
          </p>
          {Object.entries(content ?? {}).map(
            ([mediaType, { example }]) =>
              example !== undefined && <Example label={`Answer ${status} of ${id}, ${mediaType}`} example={example} />,
          )}
        </>
      ))}
      <p class="govuk-body">
        Problems:{' '}
        {problemsOf(operation).map((code, index) => (
          <>
            {index > 0 && ', '}
            <a class="govuk-link" href={`#problem-${code}`}>
              {code}
            </a>
          </>
        ))}
      </p>
      <TryIt operation={operation} />
    </article>
  )
}

function Parameters({ operation }: { readonly operation: Operation }) {
  const rows: [string, string, Parameter][] = [
    ...Object.entries(operation.pathParameters ?? {}).map(([name, is]): [string, string, Parameter] => [
      name,
      'path',
      is,
    ]),
    ...Object.entries(operation.query ?? {}).map(([name, is]): [string, string, Parameter] => [name, 'query', is]),
  ]
  if (rows.length === 0) return null
  return (
    <WideTable id={`${operation.id}-parameters`} caption={`Parameters: ${operation.summary}`}>
      <Head columns={[{ name: 'Parameter' }, { name: 'In' }, { name: 'Meaning' }, { name: 'Example' }]} />
      <tbody class="govuk-table__body">
        {rows.map(([name, where, { description, example, repeated }]) => (
          <tr class="govuk-table__row">
            <th scope="row" class="govuk-table__header">
              <code>{name}</code>
            </th>
            <td class="govuk-table__cell">{repeated === true ? `${where}, repeated` : where}</td>
            <td class="govuk-table__cell">
              <Prose text={description} />
            </td>
            <td class="govuk-table__cell">
              <code>{example}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </WideTable>
  )
}

function Example({ label, example }: { readonly label: string; readonly example: unknown }) {
  return (
    <details class="govuk-details">
      <summary class="govuk-details__summary">
        <span class="govuk-details__summary-text">{label}</span>
      </summary>
      <div class="govuk-details__text">
        <Command label={label} text={typeof example === 'string' ? example : JSON.stringify(example, null, 2)} />
      </div>
    </details>
  )
}

function Problems() {
  return (
    <section aria-labelledby="problems">
      <h2 class="govuk-heading-l" id="problems" tabindex={-1}>
        What can go wrong
      </h2>
      <p class="govuk-body">These are all the codes there are.</p>
      <WideTable id="problem-table" caption="Problem codes">
        <Head columns={[{ name: 'Code' }, { name: 'Status' }, { name: 'Meaning' }]} />
        <tbody class="govuk-table__body">
          {problemCodes.map((code) => (
            <tr class="govuk-table__row" id={`problem-${code}`}>
              <th scope="row" class="govuk-table__header">
                <code>{code}</code>
              </th>
              <td class="govuk-table__cell">{problems[code].status}</td>
              <td class="govuk-table__cell">
                <Prose text={problems[code].meaning} />
              </td>
            </tr>
          ))}
        </tbody>
      </WideTable>
    </section>
  )
}

/** What stands between backticks is code. */
function Prose({ text }: { readonly text: string }) {
  return <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part))}</>
}

function signature({ method, path }: Operation): string {
  return `${method.toUpperCase()} ${path}`
}

function slugOf(tag: string): string {
  return tag.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}
