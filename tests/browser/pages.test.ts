import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { farName, hasBrowser, openBrowser, serveLocally, type Served } from '../support/browser.ts'
import { empty, fishing, hostile, long, madeUp, pagesWorld, secrets, young, type PagesWorld } from '../support/pages.ts'

/** The pages in a real Chromium: under their own policy, without script, on a telephone, and by axe. */

let browser: Browser
let open: Served
let closed: Served
let unregistered: Served
let closedWorld: PagesWorld

const started: Served[] = []
async function start(world: PagesWorld): Promise<Served> {
  const served = await serveLocally((request) => world.pages.fetch(request))
  started.push(served)
  return served
}

beforeAll(async () => {
  if (!hasBrowser) return
  const world = await pagesWorld()
  closedWorld = await pagesWorld({ auth: { ...world.options.auth, loopback: false } })
  open = await start(world)
  closed = await start(closedWorld)
  unregistered = await start(await pagesWorld({}, []))
  browser = await openBrowser()
})

afterAll(async () => {
  await browser?.close()
  await Promise.all(started.map((served) => served.close()))
})

const at = (served: Served, path: string, host = '127.0.0.1'): string => `http://${host}:${served.port}${path}`

/** Every page there is, by what it shows. */
const everyPage: readonly (readonly [name: string, address: () => string])[] = [
  ['ranking', () => at(open, '/')],
  ['ranking of a department', () => at(open, '/?department=transport&from=2026-11-01')],
  ['funnel', () => at(open, `/services/${fishing.id}`)],
  ['funnel before any window has passed', () => at(open, `/services/${young.id}`)],
  ['funnel broken down and filtered', () => at(open, `/services/${fishing.id}?breakdown=device&where=device:mobile`)],
  ['funnel of a long name', () => at(open, `/services/${long.id}`)],
  ['funnel of hostile names', () => at(open, `/services/${hostile.id}`)],
  ['funnel of made-up data', () => at(open, `/services/${madeUp.id}`)],
  ['no event yet', () => at(open, `/services/${empty.id}`)],
  ['no service yet', () => at(unregistered, '/')],
  ['refused choice', () => at(open, `/services/${fishing.id}?where=mobile`)],
  ['not found', () => at(open, '/services/nowhere')],
  ['sign-in', () => at(closed, '/')],
]

async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options })
  onTestFinished(() => context.close())
  return context.newPage()
}

/** Gathers what a browser complains of, but for the status of the page itself. */
function complaints(page: Page): string[] {
  const found: string[] = []
  page.on('console', (message) => {
    const ofPage = message.location().url === page.url()
    if (['error', 'warning'].includes(message.type()) && !ofPage) found.push(message.text())
    if (/Content.Security.Policy|violates/i.test(message.text())) found.push(message.text())
  })
  page.on('pageerror', (error) => found.push(error.message))
  page.on('requestfailed', (request) => found.push(`failed: ${request.url()}`))
  return found
}

async function signIn(page: Page, secret: string): Promise<void> {
  await page.getByLabel('Key', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

describe.skipIf(!hasBrowser)('pages in Chromium', () => {
  it.each(everyPage)(
    '%s: runs, fetches and complains of nothing but its own, and needs no sideways scrolling',
    async (name, address) => {
      const shots = await screenshots()
      const page = await newPage()
      const found = complaints(page)
      const hosts = new Set<string>()
      page.on('request', (request) => hosts.add(new URL(request.url()).host))
      await page.goto(address())
      expect(await page.evaluate('document.scripts.length')).toBe(0)
      // A policy that stopped our own styles would leave the page in the browser's typeface.
      expect(await page.evaluate('getComputedStyle(document.querySelector("h1")).fontFamily')).toContain('system-ui')
      // 320 pixels are what is left of 1280 at 400 %.
      for (const width of [1280, 768, 320]) {
        await page.setViewportSize({ width, height: 900 })
        await page.screenshot({ path: join(shots, `${name}-${width}.png`), fullPage: true })
        expect(await page.evaluate('document.documentElement.scrollWidth'), `${width} pixels`).toBe(width)
      }
      expect(found).toEqual([])
      expect([...hosts]).toEqual([new URL(address()).host])
    },
  )

  it.each(everyPage)('%s: axe finds nothing, at 1280 and at 320 pixels', async (_, address) => {
    const page = await newPage({ bypassCSP: true })
    await page.goto(address())
    const closedDetails = page.locator('details:not([open]) > summary')
    while ((await closedDetails.count()) > 0) await closedDetails.first().click()
    await page.evaluate(axe.source)
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 900 })
      const violations: unknown = await page.evaluate(
        `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
          .then(({ violations }) => violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' | ')))`,
      )
      expect(violations, `${width} pixels`).toEqual([])
    }
  })

  it('lets the policy stop what is inline', async () => {
    const page = await newPage()
    const found = complaints(page)
    await page.goto(at(open, '/'))
    await page.evaluate(
      `document.body.insertAdjacentHTML('beforeend', '<p style="color:red">x</p><img src="http://other.test/x.png">')`,
    )
    await expect.poll(() => found.filter((text) => /Content Security Policy/.test(text)).length).toBeGreaterThan(1)
  })

  it('keeps to the width with letters and lines set apart as WCAG 1.4.12 has them', async () => {
    const page = await newPage({ viewport: { width: 320, height: 900 }, bypassCSP: true })
    for (const path of ['/', `/services/${fishing.id}`]) {
      await page.goto(at(open, path))
      await page.addStyleTag({
        content:
          '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }',
      })
      expect(await page.evaluate('document.documentElement.scrollWidth'), path).toBe(320)
    }
  })

  it('draws bars as long as their figures, all from one edge', async () => {
    const page = await newPage()
    await page.goto(at(open, `/services/${fishing.id}`))
    const bars = await page.locator('.wm-bar').all()
    const passed = [1379, 1362, 1311, 840]
    const boxes = await Promise.all(bars.map((bar) => bar.boundingBox()))
    expect(new Set(boxes.map((box) => `${box?.x} ${box?.width}`)).size).toBe(1)
    for (const [index, journeys] of passed.entries()) {
      const part = await bars[index]?.locator('.wm-part--passed').boundingBox()
      expect((part?.width ?? 0) / (boxes[index]?.width ?? 1)).toBeCloseTo(journeys / 1497, 2)
    }
  })

  it('is used by keyboard: past the header, into the table that scrolls', async () => {
    const page = await newPage({ viewport: { width: 320, height: 900 } })
    await page.goto(at(open, `/services/${fishing.id}`))
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to main content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('main-content')
    const region = page.getByRole('region', { name: 'Figures of every step' })
    await region.focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => page.evaluate('document.activeElement.scrollLeft')).toBeGreaterThan(0)
  })

  it('keeps the ranking a table for who listens to it, as cards too', async () => {
    for (const width of [1280, 320]) {
      const page = await newPage({ viewport: { width, height: 900 } })
      await page.goto(at(open, '/'))
      const row = page.getByRole('table').getByRole('row', { name: /Renew a fishing licence/ })
      expect(await row.getByRole('cell').count()).toBe(6)
      expect(await row.getByRole('rowheader').count()).toBe(1)
      expect(await page.getByRole('columnheader').count()).toBe(7)
    }
  })
})

describe.skipIf(!hasBrowser)('pages without script', () => {
  it('choose days, break down, filter and take the filter away', async () => {
    const page = await newPage({ javaScriptEnabled: false })
    await page.goto(at(open, '/'))
    await page.getByRole('link', { name: fishing.name }).click()
    await page.getByText('Choose days, break down or filter').click()
    await page.getByLabel('From').fill('2026-11-01')
    await page.getByLabel('Break down by').selectOption('device')
    await page.getByRole('button', { name: 'Show' }).click()
    expect(page.url()).toContain('from=2026-11-01&to=2026-11-23&breakdown=device')
    await page.getByRole('link', { name: 'mobile' }).click()
    expect(page.url()).toContain('where=device%3Amobile')
    await page.getByRole('link', { name: 'Remove the filter device: mobile' }).click()
    expect(page.url()).not.toContain('where')
  })
})

describe.skipIf(!hasBrowser)('signing in with Chromium', () => {
  it('works without script over plain http, where browsers say little of where a form is from', async () => {
    const page = await newPage({ javaScriptEnabled: false })
    const path = `/services/${fishing.id}?from=2026-11-01`
    await page.goto(at(closed, path, farName))
    await signIn(page, 'wmk_wrong')
    expect(await page.getByRole('alert').textContent()).toContain('unknown, was revoked')
    await signIn(page, secrets.fishing)
    expect(page.url()).toBe(at(closed, path, farName))
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(fishing.name)
    expect(page.url()).not.toContain(secrets.fishing)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.goto(at(closed, path, farName))
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in')
  })

  it('lasts for who comes by a link of another site', async () => {
    const page = await newPage({ javaScriptEnabled: false })
    const path = `/services/${fishing.id}?from=2026-11-01`
    await page.goto(at(closed, '/', farName))
    await signIn(page, secrets.read)
    const other = await serveLocally(
      () => new Response(`<a href="${at(closed, path, farName)}">go</a>`, { headers: { 'Content-Type': 'text/html' } }),
    )
    onTestFinished(() => other.close())
    await page.goto(at(other, '/', 'localhost'))
    await page.getByRole('link', { name: 'go' }).click()
    await page.getByRole('heading', { level: 1, name: fishing.name }).waitFor()
    expect(page.url()).toBe(at(closed, path, farName))
  })

  it('cannot be done, nor undone, by another site', async () => {
    const page = await newPage()
    await page.goto(at(closed, '/', farName))
    await signIn(page, secrets.read)
    const other = await serveLocally(
      () =>
        new Response(
          `<form method="post" action="${at(closed, '/sign-out', farName)}"><button>out</button></form>
           <form method="post" action="${at(closed, '/sign-in', farName)}"><input name="key" value="${secrets.fishing}"><button>in</button></form>`,
          { headers: { 'Content-Type': 'text/html' } },
        ),
    )
    onTestFinished(() => other.close())
    for (const name of ['out', 'in']) {
      await page.goto(at(other, '/', 'localhost'))
      await page.getByRole('button', { name }).click()
      await page.getByRole('heading', { level: 1, name: 'This form came from somewhere else' }).waitFor()
    }
    await page.goto(at(closed, '/', farName))
    expect(await page.getByText('The read key').count()).toBe(1)
  })

  it('is asked of a name that somebody pointed at this machine, though it listens on loopback', async () => {
    const page = await newPage()
    await page.goto(at(open, '/', 'rebound.test'))
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in')
    await page.goto(at(open, '/', 'localhost'))
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Services by low completion')
  })
})

/** Kept where SCREENSHOTS says; else only for as long as the test runs. */
async function screenshots(): Promise<string> {
  const kept = process.env['SCREENSHOTS']
  if (kept !== undefined) {
    await mkdir(kept, { recursive: true })
    return kept
  }
  const directory = await mkdtemp(join(tmpdir(), 'waymark-pages-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}
