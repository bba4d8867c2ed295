import { ErrorSummary, Input } from './fields.tsx'
import { Page, type Shell } from './layout.tsx'

interface SignInProps extends Shell {
  /** Where to go afterwards: a path of these pages. */
  readonly next: string
  readonly error?: string
}

export function SignInPage({ next, error, ...shell }: SignInProps) {
  return (
    <Page {...shell} title={error === undefined ? 'Sign in' : 'Error: Sign in'}>
      <div class="wm-prose">
        {error !== undefined && <ErrorSummary field="key" message={error} />}
        <h1 class="govuk-heading-l">Sign in</h1>
        <p class="govuk-body">You need a key with the scope read. You then see what this key may read.</p>
        <form action="/sign-in" method="post" novalidate>
          <input type="hidden" name="next" value={next} />
          <Input
            id="key"
            label="Key"
            hint="It is sent once and not kept in your browser; you stay signed in for 12 hours."
            type="password"
            autocomplete="current-password"
            required
            error={error}
          />
          <button type="submit" class="govuk-button">
            Sign in
          </button>
        </form>
        <details class="govuk-details">
          <summary class="govuk-details__summary">
            <span class="govuk-details__summary-text">I have no key</span>
          </summary>
          <div class="govuk-details__text">
            <p class="govuk-body">Whoever runs Waymark here can make one, on the machine that it runs on:</p>
            <pre class="wm-code" tabindex={0} role="region" aria-label="Command that makes a key">
              <code>npx waymark keys create --name "Fishing team" --scope read</code>
            </pre>
          </div>
        </details>
      </div>
    </Page>
  )
}

/**
 * Browsers keep a SameSite=Strict cookie back when a link on another site leads here, and through redirects too, so
 * a person who is signed in would be asked to sign in again. This page goes to the sign-in from a page of ours: the
 * cookie comes along, and who is signed in is sent on.
 */
export function ContinuePage({ to, ...shell }: Shell & { readonly to: string }) {
  return (
    <Page {...shell} title="Sign in to continue" refreshTo={to}>
      <h1 class="govuk-heading-l">Sign in to continue</h1>
      <p class="govuk-body">
        <a href={to} class="govuk-link">
          Continue
        </a>
      </p>
    </Page>
  )
}
