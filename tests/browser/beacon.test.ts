import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'puppeteer-core'
import { snippet } from '../../api/snippet.ts'
import { openBeacon } from '../../infra/beacon.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import {
  asPerson,
  browserNames,
  consoleOf,
  hasThisBrowser,
  launch,
  openSite,
  tag,
  unmarked,
  type Site,
} from '../support/beacon-browser.ts'

/** The beacon in real browsers: what reaches the collector, and what the page notices. */

const text = (body: string, head = ''): string =>
  `<!doctype html><html lang="en"><head><title>t</title>${head}</head><body>${body}</body></html>`
/** A machine that is busy is slow, not wrong. */
const eventually = <Value>(read: () => Value) => expect.poll(read, { timeout: 15_000 })
const attributes = { service: 'fishing', step: 'start', journey: 'j1' }

describe.each(browserNames)('the beacon in %s', (name) => {
  const has = hasThisBrowser(name)
  let browser: Browser
  let site: Site
  let directory: string

  beforeAll(async () => {
    if (!has) return
    directory = await mkdtemp(join(tmpdir(), 'waymark-beacon-'))
    browser = await launch(name)
  })
  afterAll(async () => {
    if (!has) return
    await browser.close()
    await rm(directory, { recursive: true, force: true })
  })
  beforeEach(async () => {
    if (!has) return
    site = await openSite(directory)
    const opened = site
    onTestFinished(() => opened.close())
  })

  const put = (path: string, html: string, headers: Record<string, string> = {}): void =>
    void site.pages.set(path, { html, headers })
  const core = (more: Record<string, string> = {}): string => tag(site.collector, { ...attributes, ...more })

  async function person(before?: string): Promise<{ page: Page; said: { type: string; text: string }[] }> {
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await asPerson(page)
    if (before !== undefined) await page.evaluateOnNewDocument(before)
    return { page, said: consoleOf(page) }
  }
  const visit = (page: Page, path: string) => page.goto(`${site.site}${path}`)
  const stored = () =>
    site.events().map(({ type, step, outcome }) => [type, step, outcome].filter((word) => word !== '').join(' '))
  const arrive = (expected: readonly string[]) => eventually(stored).toEqual(expected)
  const steps = () => site.events().filter(({ type }) => type === 'step')

  describe.skipIf(!has)('counts', () => {
    it('a step on load, and attention when the page goes, once a view', async () => {
      put('/', text('<a href="/next">next</a>', core()))
      put('/next', text('next'))
      const { page, said } = await person()
      await visit(page, '/')
      await arrive(['step start'])
      await visit(page, '/next')
      await eventually(() => stored().length).toBeGreaterThan(1)
      const leaves = site.events().filter(({ type }) => type === 'leave')
      expect(new Set(leaves.map(({ identity }) => identity)).size).toBe(1)
      expect(leaves[0]?.engagedMs).toBeGreaterThan(0)
      expect(leaves[0]?.seq).toBe(2)
      expect(said).toEqual([])
      expect(site.requests.filter((request) => request.includes('events'))).toHaveLength(site.events().length)
    })

    it('an outcome beside the step', async () => {
      put('/', text('done', core({ step: 'done', outcome: 'completed' })))
      const { page } = await person()
      await visit(page, '/')
      await arrive(['step done', 'outcome done completed'])
      expect(new Set(site.events().map(({ journey }) => journey)).size).toBe(1)
    })

    it('no change of the hash, as links of an error summary make', async () => {
      put('/', text('<a href="#name">Enter your name</a><input id="name">', core()))
      const { page } = await person()
      await visit(page, '/')
      await arrive(['step start'])
      await page.click('a')
      await page.evaluate(`history.back(); new Promise((done) => addEventListener('hashchange', done, { once: true }))`)
      expect(stored()).toEqual(['step start'])
    })

    it('once, however often it is loaded and whatever a second tag says', async () => {
      put('/', text('twice', `${core()}${core()}${core({ service: 'listed', step: 'done' })}`))
      const { page, said } = await person()
      await visit(page, '/')
      await page.evaluate(`new Promise((done) => {
        var again = document.createElement('script')
        again.src = '${site.collector}/beacon.js'
        again.dataset.service = 'fishing'
        again.dataset.step = 'done'
        again.onload = done
        document.head.appendChild(again)
      })`)
      await arrive(['step start'])
      expect(said).toEqual([])
    })

    it('a page from the back/forward cache as a new view', async () => {
      put('/', text('first', core()))
      put('/next', text('next'))
      const { page } = await person()
      await visit(page, '/')
      await arrive(['step start'])
      await visit(page, '/next')
      await page.evaluate('setTimeout(function () { history.back() })')
      await eventually(() => steps().length).toBe(2)
      expect(new Set(steps().map(({ identity }) => identity)).size).toBe(2)
    })

    // Firefox makes no page ready.
    if (name === 'chromium')
      it('a page that was made ready before it was asked for, when it is shown', async () => {
        const rules = JSON.stringify({ prerender: [{ source: 'list', urls: ['/next'], eagerness: 'immediate' }] })
        put('/', text('<a href="/next">next</a>', `<script type="speculationrules">${rules}</script>`))
        put(
          '/next',
          text(`<script>${unmarked}; window.early = document.prerendering</script>`, core({ step: 'your-name' })),
        )
        const { page } = await person()
        await visit(page, '/')
        // Its script has come, so it has run or waits for the page to be shown.
        await eventually(() => site.requests).toContain('GET /beacon.js')
        await page.evaluate(`fetch('${site.collector}/v1/pixel.gif').then(function () {})`)
        expect(stored()).toEqual([])
        await Promise.all([page.waitForNavigation(), page.click('a')])
        expect(await page.evaluate('early')).toBe(true)
        await arrive(['step your-name'])
      })

    it('under a clock that is wrong by a day, at the right time', async () => {
      put('/', text('late', core()))
      const { page } = await person(`var now = Date.now; Date.now = function () { return now() + 86400000 }`)
      await visit(page, '/')
      await arrive(['step start'])
      expect(Math.abs((site.events()[0]?.at ?? 0) - Date.now())).toBeLessThan(120_000)
    })

    it('without script, by the image', async () => {
      const image = `${site.collector}/v1/pixel.gif?service=fishing&amp;step=start&amp;journey=j1`
      put('/', text(`<noscript><img src="${image}" alt=""></noscript>`, core()))
      // Firefox turns scripts off for all of its pages at once.
      const scriptless =
        name === 'firefox' ? await launch(name, { extraPrefsFirefox: { 'javascript.enabled': false } }) : null
      onTestFinished(async () => scriptless?.close())
      const page = scriptless === null ? (await person()).page : await scriptless.newPage()
      if (scriptless === null) await page.setJavaScriptEnabled(false)
      await visit(page, '/')
      await arrive(['step start'])
    })
  })

  describe.skipIf(!has)('whose journey', () => {
    it('is the one of the tag, else one of its own that ends with the page, and says so where pages belong together', async () => {
      const own = { ...attributes, journey: '' }
      put('/', text('<a href="/next">next</a>', tag(site.collector, own)))
      put('/next', text('next', tag(site.collector, { ...own, step: 'your-name' })))
      const { page, said } = await person()
      await visit(page, '/')
      await eventually(() => steps().length).toBe(1)
      expect(said).toEqual([])
      await page.click('a')
      await eventually(() => steps().length).toBe(2)
      expect(new Set(steps().map(({ journey }) => journey)).size).toBe(2)
      await eventually(() => said.length).toBe(1)
      expect(said[0]?.text).toContain('data-journey')
      expect(said[0]?.text).toContain('/docs')
    })

    it('is the same on every page where session storage is allowed', async () => {
      const own = { ...attributes, journey: '', session: 'on' }
      put('/', text('<a href="/next">next</a>', tag(site.collector, own)))
      put('/next', text('next', tag(site.collector, { ...own, step: 'your-name' })))
      const { page, said } = await person()
      await visit(page, '/')
      await eventually(() => steps().length).toBe(1)
      await page.click('a')
      await eventually(() => steps().length).toBe(2)
      expect(new Set(steps().map(({ journey }) => journey)).size).toBe(1)
      expect(said).toEqual([])
    })

    it('ends with the page where storage is blocked, and nothing breaks', async () => {
      put('/', text('blocked', tag(site.collector, { ...attributes, journey: '', session: 'on' })))
      const { page, said } = await person(
        `Object.defineProperty(window, 'sessionStorage', { get: function () { throw new DOMException('blocked', 'SecurityError') } })`,
      )
      await visit(page, '/')
      await arrive(['step start'])
      expect(said).toEqual([])
    })

    it('leaves nothing in any storage unless it is allowed to', async () => {
      put('/', text('clean', tag(site.collector, { ...attributes, journey: '' })))
      const { page } = await person()
      await visit(page, '/')
      await arrive(['step start'])
      expect(await page.evaluate('sessionStorage.length + localStorage.length + document.cookie')).toBe('0')
    })
  })

  describe.skipIf(!has)('is silent', () => {
    async function quiet(page: Page): Promise<void> {
      await visit(page, '/')
      // A page that calls it finds something to call, and a request that is later than any of the beacon's.
      expect(await page.evaluate(`waymark('error', { field: 'name', code: 'missing' }); typeof waymark`)).toBe(
        'function',
      )
      await page.evaluate(`fetch('${site.collector}/v1/pixel.gif').then(function () {})`)
      expect(site.requests.filter((request) => request.includes('events'))).toEqual([])
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
    }

    it('in a browser that is driven by a program', async () => {
      put('/', text('driven', core({ journey: '', session: 'on' })))
      const unchanged = await launch(name, { unchanged: true })
      onTestFinished(() => unchanged.close())
      await quiet(await unchanged.newPage())
    })

    it.each(['globalPrivacyControl', 'doNotTrack'])('where the visitor says %s', async (signal) => {
      put('/', text('asked', core({ journey: '', session: 'on' })))
      const value = signal === 'doNotTrack' ? `'1'` : 'true'
      const { page, said } = await person(
        `Object.defineProperty(Navigator.prototype, '${signal}', { get: function () { return ${value} } })`,
      )
      await quiet(page)
      expect(said).toEqual([])
    })

    it('where it is blocked itself: the page is as it was', async () => {
      put('/', text('<p>here</p>', `<script defer src="${site.collector}/blocked.js" data-service="fishing"></script>`))
      const { page } = await person()
      await visit(page, '/')
      expect(await page.evaluate(`document.querySelector('p').textContent`)).toBe('here')
      expect(site.events()).toEqual([])
    })

    it('under a policy that lets nothing be sent, and floods no console', async () => {
      const policy = `default-src 'none'; script-src ${site.collector}`
      put('/', text('closed', core()), { 'Content-Security-Policy': policy })
      const { page, said } = await person()
      await visit(page, '/')
      await page.evaluate(`new Promise((done) => setTimeout(done, 300))`)
      expect(site.events()).toEqual([])
      // The browser's own word for each way that was tried, which no page can keep quiet, and nothing of ours.
      const words = said.filter((one) => !one.text.includes('favicon'))
      expect(words.filter((one) => !/content[ -]security[ -]policy/i.test(one.text))).toEqual([])
      expect(words.length).toBeLessThanOrEqual(3)
    })
  })

  describe.skipIf(!has)('is handed to teams', () => {
    it('as a tag with a hash, and a policy under which it works', async () => {
      const { scripts } = await openBeacon(directory)
      const service = await site.bench.registry.service('fishing')
      if (service === undefined) throw new Error('the service of the tests is not there')
      const handed = snippet(service, { base: `${site.collector}/`, scripts, extensions: [] })
      const page =
        handed.pages.find(({ step }) => step === 'Pay, by card')?.html.replaceAll('{{ reference }}', 'j1') ?? ''
      const policy = Object.entries(handed.contentSecurityPolicy).map(([name, source]) => `${name} ${source}`)
      put('/', text('pasted', page), { 'Content-Security-Policy': ["default-src 'none'", ...policy].join('; ') })
      const { page: shown, said } = await person()
      await visit(shown, '/')
      await arrive(['step Pay, by card'])
      expect(said.filter((one) => !one.text.includes('favicon'))).toEqual([])
      expect(site.requests.some((request) => /^GET \/beacon-[0-9a-f]{16}\.js$/.test(request))).toBe(true)
    })
  })

  describe.skipIf(!has)('finds a way', () => {
    it('by an image where a policy lets nothing else pass', async () => {
      const policy = `default-src 'none'; script-src ${site.collector}; img-src ${site.collector}`
      put('/', text('images only', core()), { 'Content-Security-Policy': policy })
      // A browser may say of a refused sendBeacon that it was sent.
      const { page } = await person('delete Navigator.prototype.sendBeacon')
      await visit(page, '/')
      await arrive(['step start'])
    })

    it('by sendBeacon where a fetch would end with the page', async () => {
      put('/', text('old', core()))
      const { page } = await person(`delete Request.prototype.keepalive; window.fetch = undefined`)
      await visit(page, '/')
      await arrive(['step start'])
      expect(site.requests).toContain('POST /v1/events')
    })

    it('by an image where there is neither', async () => {
      put('/', text('older', core({ step: 'Pay, by card' })))
      const { page } = await person(`window.Request = undefined; delete Navigator.prototype.sendBeacon`)
      await visit(page, '/')
      await arrive(['step Pay, by card'])
      expect(site.requests).toContain('GET /v1/pixel.gif')
    })
  })

  describe.skipIf(!has)('lets pages speak', () => {
    const stub = `window.waymark = window.waymark || function () { (waymark.q = waymark.q || []).push(arguments) }`

    it('before it has come and after, and makes a view of every step told', async () => {
      put('/', text('app', `<script>${stub}; waymark('save')</script>${core()}`))
      const { page, said } = await person()
      await visit(page, '/')
      await arrive(['step start', 'save start'])
      await page.evaluate(`waymark('step', { step: 'your-name' })`)
      await page.evaluate(`waymark('error', { field: 'name', code: 'missing' })`)
      await page.evaluate(`waymark('error', { code: 'timeout' })`)
      await page.evaluate(`waymark('feedback', { rating: 4 })`)
      await expect
        .poll(() => stored().slice(3).toSorted())
        .toEqual(['error your-name', 'error your-name', 'feedback your-name', 'step your-name'])
      const errors = site.events().filter(({ type }) => type === 'error')
      expect(errors.map(({ field, code }) => `${field}/${code}`).sort()).toEqual(['/timeout', 'name/missing'])
      expect(stored()[2]).toBe('leave start')
      expect(said).toEqual([])
    })

    it('of the errors of their forms, field and code and nothing else', async () => {
      const summary = `<div class="govuk-error-summary"><a href="#full-name-1">Enter your name</a> <a href="#postcode" data-code="Not found">Enter X</a></div>`
      const form = `<form><input name="dateOfBirth[year]" required><input type="email" id="eMail" value="not one"><button>Go</button></form>`
      put('/', text(`${summary}${form}`, `<script defer src="${site.collector}/beacon-forms.js"></script>${core()}`))
      const { page, said } = await person()
      await visit(page, '/')
      await eventually(() => site.events().length).toBe(3)
      await page.click('button')
      await eventually(() => site.events().length).toBe(5)
      const errors = site.events().filter(({ type }) => type === 'error')
      expect(errors.map(({ step, field, code }) => `${step} ${field} ${code}`).sort()).toEqual([
        'start date-of-birth-year value-missing',
        'start e-mail type-mismatch',
        'start full-name-1 invalid',
        'start postcode not-found',
      ])
      expect(said).toEqual([])
    })

    it('and throws nothing at them, whatever they say', async () => {
      put('/', text('app', core()))
      const { page, said } = await person()
      await visit(page, '/')
      await page.evaluate(
        `var loop = {}; loop.loop = loop; waymark('error', loop); waymark(); waymark('step'); waymark('x', 7)`,
      )
      await page.evaluate(`waymark('outcome', { outcome: 'completed' })`)
      await eventually(stored).toContain('outcome start completed')
      expect(said.filter(({ type }) => type === 'pageerror')).toEqual([])
    })

    it.each([
      ['no service', { step: 'start', journey: 'j' }, '"path":"service"'],
      ['an unknown service', { ...attributes, service: 'nowhere' }, 'unknown-service'],
      ['no step', { service: 'fishing', journey: 'j' }, 'step"'],
      ['an outcome that is none', { ...attributes, outcome: 'won' }, 'outcome"'],
    ])('and says once what is wrong with a tag of %s', async (_, wrong, which) => {
      put('/', text('wrong', tag(site.collector, wrong)))
      put('/next', text('next'))
      const { page, said } = await person()
      await visit(page, '/')
      const warnings = () => said.filter(({ type }) => type === 'warn')
      await eventually(() => warnings().length).toBe(1)
      await page.evaluate(`waymark('error', { field: 'Not a slug' })`)
      await page.evaluate(`fetch('${site.collector}/v1/pixel.gif').then(function () {})`)
      expect(warnings()).toHaveLength(1)
      expect(warnings()[0]?.text).toContain(which)
      expect(warnings()[0]?.text).toContain('/docs')
    })
  })
})
