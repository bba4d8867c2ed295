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
            hint="It begins with wmk_. It is sent once and not kept in your browser; you stay signed in for 12 hours."
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
              <code>npx waymark keys create "Fishing team" --scope read</code>
            </pre>
          </div>
        </details>
      </div>
    </Page>
  )
}

/**
 * Browsers keep a SameSite=Strict cookie back when a link on another site leads here, and so a person who is signed
 * in would be asked to sign in again. This page asks for the same address once more, now from a page of ours.
 */
export function ContinuePage({ here, ...shell }: Shell & { readonly here: string }) {
  return (
    <Page {...shell} title="Continue" refreshTo={here}>
      <h1 class="govuk-heading-l">Continue to Waymark</h1>
      <p class="govuk-body">
        <a href={here} class="govuk-link">
          Continue
        </a>
      </p>
    </Page>
  )
}
