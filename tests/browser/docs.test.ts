import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import { Hono } from 'hono'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { apiRoutes, createApi, type ApiEnv } from '../../api/app.ts'
import { scriptsExample } from '../../api/examples-set-up.ts'
import { createPages } from '../../api/pages/index.tsx'
import { defaultLimits } from '../../domain/limits.ts'
import { openDocumentation } from '../../infra/documentation.ts'
import { readPageAssets } from '../../infra/page-assets.ts'
import { definition, movableClock } from '../contract/registry.ts'
import { adminSecret, exampleQuestions, noErasures } from '../support/api.ts'
import { hasBrowser, openBrowser, serveLocally, type Served } from '../support/browser.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'

let browser: Browser
let served: Served
let shots: string
const { questions, asked } = exampleQuestions()

/** The API, its reference, and the pages for their styles. */
async function site(): Promise<Hono<ApiEnv>> {
  const clock = movableClock(0)
  const registry = openMemoryRegistry({ clock, adminSecret })
  await registry.putService('renew-fishing-licence', definition({}))
  const status = async () => ({ pendingEvents: 7, pendingSeconds: 0, refusedEvents: 0, revision: 'r', versions: [] })
  const annotations = openMemoryAnnotations({ clock })
  const parts = {
    questions,
    registry,
    annotations,
    erasures: noErasures,
    clock,
    status,
    doctor: async () => [],
    scripts: scriptsExample,
    verify: () => Promise.reject(new Error('not asked')),
    replay: () => Promise.reject(new Error('not asked')),
    limits: defaultLimits,
  }
  const assets = await readPageAssets()
  const auth = { loopback: true, signingSecret: 'secret', newId: () => '0123456789abcdef' }
  const app = new Hono<ApiEnv>()
  app.route('/', createApi({ ...parts, signals: { answered: () => {}, failed: () => {} } }))
  const base = 'http://127.0.0.1:8080'
  app.route('/', await openDocumentation({ routes: apiRoutes(parts), limits: defaultLimits, registry, assets, base }))
  app.route('/', createPages({ questions, registry, clock, auth, assets, signals: { pageFailed: () => {} } }))
  return app
}

beforeAll(async () => {
  if (!hasBrowser) return
  shots = await mkdtemp(join(tmpdir(), 'waymark-docs-'))
  const app = await site()
  served = await serveLocally((request) => app.fetch(request, {}))
  browser = await openBrowser()
})

afterAll(async () => {
  if (!hasBrowser) return
  await browser.close()
  await served.close()
  if (process.env['KEEP_SHOTS'] === undefined) await rm(shots, { recursive: true, force: true })
})

async function openDocs(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // A call that is refused is in the console, as it is on the page.
    if (['error', 'warning'].includes(message.type()) && !/status of 4\d\d/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`http://127.0.0.1:${served.port}/docs`)
  return { page, complaints }
}

async function tryCall(page: Page, summary: string, fill: (form: ReturnType<Page['locator']>) => Promise<void>) {
  const details = page.locator('details').filter({ has: page.getByText(`Try it: ${summary}`, { exact: true }) })
  await details.locator('summary').click()
  await fill(details)
  await details.getByRole('button').click()
  const output = details.locator('output')
  await expect.poll(() => output.textContent()).toMatch(/\d{3} /)
  return (await output.textContent()) ?? ''
}

describe.skipIf(!hasBrowser)('the reference in Chromium', () => {
  it('complains of nothing under its own policy, and needs no sideways scrolling', async () => {
    const { page, complaints } = await openDocs()
    for (const width of [1280, 768, 320]) {
      await page.setViewportSize({ width, height: 900 })
      await page.screenshot({ path: join(shots, `docs-${width}.png`), fullPage: true })
      expect(await page.evaluate('document.documentElement.scrollWidth'), `${width} pixels`).toBe(width)
    }
    expect(complaints).toEqual([])
  })

  it('axe finds nothing, with everything unfolded, at 1280 and at 320 pixels', async () => {
    const { page } = await openDocs({ bypassCSP: true })
    await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true')
    await page.evaluate(axe.source)
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 900 })
      await page.screenshot({ path: join(shots, `docs-open-${width}.png`), fullPage: true })
      const violations: unknown = await page.evaluate(
        `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
          .then(({ violations }) => violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.html).join(' | ')))`,
      )
      expect(violations, `${width} pixels`).toEqual([])
    }
  })

  it('tries a call with the key that was typed in, and its parameters', async () => {
    const { page, complaints } = await openDocs()
    await page.getByLabel('Key for trying calls').fill(adminSecret)
    expect(await tryCall(page, 'How far answers are behind', async () => {})).toContain('"pendingEvents": 7')

    const answer = await tryCall(page, 'Where people leave', async (form) => {
      await form.getByLabel('step', { exact: true }).fill('start, here\npay & go')
      await form.getByLabel('window', { exact: true }).fill('P1D')
      await form.getByLabel('Accept', { exact: true }).selectOption('text/csv')
    })
    expect(answer).toContain('/v1/services/renew-fishing-licence/funnel?step=start%2C+here&step=pay+%26+go&window=P1D')
    expect(answer).toContain('whole,value,other,position')
    expect(asked.at(-1)).toMatchObject({ with: { funnel: { steps: ['start, here', 'pay & go'], window: 'P1D' } } })
    expect(complaints).toEqual([])
  })

  it('sends a body, and shows a refusal', async () => {
    const { page } = await openDocs()
    const refused = await tryCall(page, 'Create a key', async () => {})
    expect(refused).toContain('"code": "bad-key"')
    await page.getByLabel('Key for trying calls').fill(adminSecret)
    const details = page.locator('details').filter({ has: page.getByText('Try it: Create a key', { exact: true }) })
    await details.getByRole('button').click()
    await expect.poll(() => details.locator('output').textContent()).toContain('"secret": "wmk_')
  })

  it('reads without script, and offers nothing then that would not work', async () => {
    const { page } = await openDocs({ javaScriptEnabled: false })
    expect(await page.getByRole('heading', { level: 3 }).count()).toBeGreaterThan(15)
    expect(
      await page
        .getByText(/^Try it:/)
        .filter({ visible: true })
        .count(),
    ).toBe(0)
    expect(await page.getByLabel('Key for trying calls').isVisible()).toBe(false)
  })
})
