import { existsSync } from 'node:fs'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import { createBeaconFiles } from '../../collector/beacon-files.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openBeacon } from '../../infra/beacon.ts'
import { serveLocally, type Served } from './browser.ts'
import { openCollector, type Bench } from './collector.ts'

/** Real browsers for the beacon, Chromium and Firefox by one driver: puppeteer, since it speaks to both. */
export const browsers = {
  chromium: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  firefox: process.env['FIREFOX_PATH'] ?? '/usr/bin/firefox-esr',
} as const
export type BrowserName = keyof typeof browsers
export const browserNames = Object.keys(browsers) as BrowserName[]
export const hasThisBrowser = (name: BrowserName): boolean => existsSync(browsers[name])

export interface LaunchOptions {
  /** As it comes, with a name that says what it is. */
  readonly unchanged?: true
  readonly acceptInsecureCerts?: boolean
  readonly extraPrefsFirefox?: Record<string, boolean>
}

/** Headless Chromium calls itself one, where Firefox has the name of any other. */
const personsChromium =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

export function launch(name: BrowserName, { unchanged, ...more }: LaunchOptions = {}): Promise<Browser> {
  const chromiumOnly = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // Told to a page afterwards, it is not told to what the page sends as it goes.
    ...(unchanged ? [] : [`--user-agent=${personsChromium}`]),
  ]
  return puppeteer.launch({
    browser: name === 'chromium' ? 'chrome' : 'firefox',
    executablePath: browsers[name],
    args: name === 'chromium' ? chromiumOnly : [],
    ...more,
  })
}

export interface SitePage {
  readonly html: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A service's site and the collector, each an origin of its own, with what the collector stored. */
export interface Site {
  readonly bench: Bench
  /** Origin of the site. */
  readonly site: string
  /** Origin of the collector. */
  readonly collector: string
  readonly pages: Map<string, SitePage>
  /** Requests of the collector, as `POST /v1/events`. */
  readonly requests: string[]
  events(): readonly StoredEvent[]
  close(): Promise<void>
}

export async function openSite(directory: string): Promise<Site> {
  const bench = await openCollector()
  const { app } = bench
  app.route('/', createBeaconFiles((await openBeacon(directory)).files))
  const requests: string[] = []
  const collector: Served = await serveLocally(async (request) => {
    const { pathname } = new URL(request.url)
    requests.push(`${request.method} ${pathname}`)
    bench.clock.ms = Date.now()
    return app.fetch(request)
  })
  const pages = new Map<string, SitePage>()
  const served = await serveLocally((request) => {
    const page = pages.get(new URL(request.url).pathname)
    // Browsers ask for an icon by themselves.
    if (page === undefined) return new Response(null, { status: 204 })
    return new Response(page.html, { headers: { 'Content-Type': 'text/html; charset=utf-8', ...page.headers } })
  })
  return {
    bench,
    site: `http://localhost:${served.port}`,
    collector: `http://127.0.0.1:${collector.port}`,
    pages,
    requests,
    events: () => bench.log.events,
    close: async () => {
      await served.close()
      await collector.close()
    },
  }
}

/** Attributes by their names without `data-`. */
export function tag(at: string, attributes: Readonly<Record<string, string>>): string {
  const written = Object.entries(attributes).map(([name, value]) => ` data-${name}="${value}"`)
  return `<script defer src="${at}/beacon.js"${written.join('')}></script>`
}

/** Takes away the mark of a browser that a program drives. */
export const unmarked = `Object.defineProperty(Navigator.prototype, 'webdriver', { get: function () { return false } })`

export async function asPerson(page: Page): Promise<void> {
  await page.evaluateOnNewDocument(unmarked)
}

/** What the page said in its console, the browser's own complaints with it. */
export function consoleOf(page: Page): { type: string; text: string }[] {
  const said: { type: string; text: string }[] = []
  page.on('console', (message) => void said.push({ type: message.type(), text: message.text() }))
  page.on('pageerror', (error) => void said.push({ type: 'pageerror', text: String(error) }))
  return said
}
