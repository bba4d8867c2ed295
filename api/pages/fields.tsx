import type { Child } from 'hono/jsx'

/** Form parts of GOV.UK Frontend, as its Nunjucks macros write them. */

interface FieldProps {
  readonly id: string
  readonly label: string
  readonly hint?: string
  readonly error?: string | undefined
}

interface InputProps extends FieldProps {
  readonly type?: 'text' | 'date' | 'password'
  readonly value?: string | undefined
  readonly autocomplete?: string
  readonly required?: boolean
  readonly class?: string
}

function describedBy({ id, hint, error }: FieldProps): string | undefined {
  const ids = [...(hint === undefined ? [] : [`${id}-hint`]), ...(error === undefined ? [] : [`${id}-error`])]
  return ids.length === 0 ? undefined : ids.join(' ')
}

function Field({ id, label, hint, error, children }: FieldProps & { readonly children?: Child }) {
  return (
    <div class={error === undefined ? 'govuk-form-group' : 'govuk-form-group govuk-form-group--error'}>
      <label class="govuk-label" for={id}>
        {label}
      </label>
      {hint !== undefined && (
        <div id={`${id}-hint`} class="govuk-hint">
          {hint}
        </div>
      )}
      {error !== undefined && (
        <p id={`${id}-error`} class="govuk-error-message">
          <span class="govuk-visually-hidden">Error:</span> {error}
        </p>
      )}
      {children}
    </div>
  )
}

export function Input(props: InputProps) {
  const { id, type = 'text', value, autocomplete = 'off', required, error } = props
  return (
    <Field {...props}>
      <input
        class={['govuk-input', error !== undefined && 'govuk-input--error', props.class].filter(Boolean).join(' ')}
        id={id}
        name={id}
        type={type}
        value={value}
        autocomplete={autocomplete}
        spellcheck={false}
        required={required}
        aria-describedby={describedBy(props)}
        aria-invalid={error === undefined ? undefined : 'true'}
      />
    </Field>
  )
}

interface SelectProps extends FieldProps {
  readonly options: readonly { readonly value: string; readonly text: string }[]
  readonly value: string | undefined
}

export function Select(props: SelectProps) {
  const { id, options, value, error } = props
  return (
    <Field {...props}>
      <select
        class={error === undefined ? 'govuk-select' : 'govuk-select govuk-select--error'}
        id={id}
        name={id}
        aria-describedby={describedBy(props)}
      >
        {options.map((option) => (
          <option value={option.value} selected={option.value === (value ?? '')}>
            {option.text}
          </option>
        ))}
      </select>
    </Field>
  )
}

export function ErrorSummary({ field, message }: { readonly field?: string | undefined; readonly message: string }) {
  return (
    <div class="govuk-error-summary">
      <div role="alert">
        <h2 class="govuk-error-summary__title">There is a problem</h2>
        <div class="govuk-error-summary__body">
          <ul class="govuk-list govuk-error-summary__list">
            <li>{field === undefined ? message : <a href={`#${field}`}>{message}</a>}</li>
          </ul>
        </div>
      </div>
    </div>
  )
}
