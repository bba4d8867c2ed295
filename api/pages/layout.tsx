import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { PageAssets } from './assets.ts'
import type { Viewer } from './access.ts'

export interface Shell {
  readonly assets: PageAssets
  /** Undefined where nobody has signed in and nothing may be read. */
  readonly viewer: Viewer | undefined
}

export interface PageProps extends Shell {
  /** Says what is on the page, and on no other; the name of the site follows. */
  readonly title: string
  /** A path of these pages that the browser goes on to at once. */
  readonly refreshTo?: string
  readonly children?: Child
}

/** The frame of every page: skip link, header, main, footer, one `h1` inside `children`. */
export function Page(props: PageProps) {
  return html`<!doctype html>${(<Document {...props} />)}`
}

function Document({ title, refreshTo, assets, viewer, children }: PageProps) {
  return (
    <html lang="en-GB" class="govuk-template">
      <head>
        <meta charset="utf-8" />
        <title>{`${title} – Waymark`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light" />
        {refreshTo !== undefined && <meta http-equiv="refresh" content={`0; url=${refreshTo}`} />}
        {assets.styles.map((style) => (
          <link rel="stylesheet" href={style.path} />
        ))}
        <link rel="icon" href={assets.icon.path} type={assets.icon.mediaType} />
      </head>
      <body class="govuk-template__body">
        <a href="#main-content" class="govuk-skip-link">
          Skip to main content
        </a>
        <Header viewer={viewer} />
        <div class="govuk-width-container">
          <main class="govuk-main-wrapper" id="main-content" tabindex={-1}>
            {children}
          </main>
        </div>
        <Footer />
        <Patterns />
      </body>
    </html>
  )
}

function Header({ viewer }: Pick<Shell, 'viewer'>) {
  return (
    <header class="wm-header">
      <div class="govuk-width-container wm-header__row">
        <a href="/" class="wm-header__name">
          Waymark
        </a>
        {viewer !== undefined && (
          <nav aria-label="Main" class="wm-header__nav">
            <a href="/" class="wm-header__link">
              Services
            </a>
          </nav>
        )}
        {viewer?.kind === 'key' && (
          <form action="/sign-out" method="post" class="wm-header__session">
            <span class="wm-header__key">
              <span class="govuk-visually-hidden">Signed in with the key </span>
              {viewer.key.name}
            </span>
            <button type="submit" class="wm-header__button">
              Sign out
            </button>
          </form>
        )}
      </div>
    </header>
  )
}

function Footer() {
  return (
    <footer class="wm-footer">
      <div class="govuk-width-container">
        <ul class="wm-footer__list">
          <li>
            <a href="/docs" class="govuk-link govuk-footer__link">
              API reference
            </a>
          </li>
          <li>
            <a href="/openapi.json" class="govuk-link govuk-footer__link">
              OpenAPI document
            </a>
          </li>
        </ul>
      </div>
    </footer>
  )
}

export const hatch = 'url(#wm-hatch)'

/** What fills of charts refer to; a style sheet elsewhere cannot hold it. */
function Patterns() {
  return (
    <svg class="wm-patterns" width="0" height="0" aria-hidden="true" focusable="false">
      <defs>
        <pattern id="wm-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="6" height="6" class="wm-hatch__ground" />
          <rect width="3" height="6" class="wm-hatch__line" />
        </pattern>
      </defs>
    </svg>
  )
}
