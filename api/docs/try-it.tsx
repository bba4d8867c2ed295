import type { Operation, Parameter } from '../operation.ts'

/** A form that the script of the page sends; without script it stays hidden, since a form sends no key. */
export function TryIt({ operation }: { readonly operation: Operation }) {
  const { id, method, path, summary, body, answers } = operation
  const types = answers.flatMap(({ content }) => Object.keys(content ?? {}))
  const [mediaType, content] = Object.entries(body?.content ?? {})[0] ?? []
  return (
    <div hidden>
      <details class="govuk-details">
        <summary class="govuk-details__summary">
          <span class="govuk-details__summary-text">Try it: {summary}</span>
        </summary>
        <form class="govuk-details__text" data-method={method.toUpperCase()} data-path={path}>
          {Object.entries(operation.pathParameters ?? {}).map(([name, is]) => (
            <Field id={`${id}-${name}`} name={name} kind="path" parameter={is} />
          ))}
          {Object.entries(operation.query ?? {}).map(([name, is]) => (
            <Field id={`${id}-${name}`} name={name} kind="query" parameter={is} />
          ))}
          {types.length > 1 && (
            <div class="govuk-form-group">
              <label class="govuk-label" for={`${id}-accept`}>
                Accept
              </label>
              <select class="govuk-select" id={`${id}-accept`} data-in="accept">
                {[...new Set(types)].map((type) => (
                  <option value={type}>{type}</option>
                ))}
              </select>
            </div>
          )}
          {mediaType !== undefined && (
            <div class="govuk-form-group">
              <label class="govuk-label" for={`${id}-body`}>
                Body
              </label>
              <textarea class="govuk-textarea" id={`${id}-body`} rows={8} data-in="body" data-type={mediaType}>
                {typeof content?.example === 'string' ? content.example : JSON.stringify(content?.example, null, 2)}
              </textarea>
            </div>
          )}
          <button class="govuk-button" type="submit">
            Send {method.toUpperCase()}
          </button>
          <pre class="wm-code" tabindex={0} role="region" aria-label={`Answer: ${summary}`} hidden>
            <output></output>
          </pre>
        </form>
      </details>
    </div>
  )
}

interface FieldProps {
  readonly id: string
  readonly name: string
  readonly kind: 'path' | 'query'
  readonly parameter: Parameter
}

function Field({ id, name, kind, parameter }: FieldProps) {
  const hint = parameter.repeated === true ? `${parameter.description} One a line.` : parameter.description
  return (
    <div class="govuk-form-group">
      <label class="govuk-label" for={id}>
        {name}
      </label>
      <div class="govuk-hint" id={`${id}-hint`}>
        {hint}
      </div>
      {parameter.repeated === true ? (
        <textarea class="govuk-textarea" id={id} name={name} rows={2} data-in={kind} aria-describedby={`${id}-hint`} />
      ) : (
        <input
          class="govuk-input"
          id={id}
          name={name}
          data-in={kind}
          aria-describedby={`${id}-hint`}
          {...(kind === 'path' ? { value: parameter.example, required: true } : {})}
        />
      )}
    </div>
  )
}
