/** Made-up data is called that wherever it is shown. */
export function MadeUpTag() {
  return <strong class="govuk-tag govuk-tag--yellow wm-tag">Made up</strong>
}

export function MadeUpNotice({ what }: { readonly what: string }) {
  return (
    <div class="govuk-inset-text wm-notice">
      <strong>Made-up data.</strong> {what} To remove it: <code>npx waymark sample remove</code>
    </div>
  )
}
