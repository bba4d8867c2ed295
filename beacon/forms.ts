import type { Calls, Page, Waymark } from './page.ts'

// Extension `forms`: tells which field of a form was in error, and why. Of GOV.UK error summaries, which a page has when
// it comes back from the server, and of what the browser itself finds. Names only: never a message, never a value.
// Its tag stands before the beacon's.
;(function (w: Page, d: Document) {
  w.waymark =
    w.waymark ||
    function () {
      var stub = w.waymark as Waymark
      ;((stub.q = stub.q || ([] as unknown as Calls)) as unknown as unknown[]).push(arguments)
    }

  function slug(text: string): string {
    return text
      .replace(/([a-z])([A-Z])/g, '$1-$2')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, 64)
      .replace(/^-|-$/g, '')
  }

  function tell(field: string, code: string): void {
    ;(w.waymark as Waymark)('error', { field: slug(field), code: slug(code) })
  }

  var links = d.querySelectorAll<HTMLAnchorElement>('.govuk-error-summary a')
  for (var index = 0; index < links.length; index++)
    tell(links[index]!.hash, links[index]!.getAttribute('data-code') || 'invalid')

  d.addEventListener(
    'invalid',
    function (event) {
      var field = event.target as HTMLInputElement
      var validity = field.validity as unknown as Readonly<Record<string, boolean>>
      for (var name in validity) if (validity[name]) return tell(field.name || field.id, name)
    },
    true,
  )
})(window, document)
