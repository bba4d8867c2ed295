import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createProxy, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import type { Browser, Page } from 'puppeteer-core'
import { createBeaconFiles } from '../../collector/beacon-files.ts'
import { openBeacon } from '../../infra/beacon.ts'
import { asPerson, launch, type BrowserName } from './beacon-browser.ts'
import { openCollector, type Bench } from './collector.ts'

/**
 * Pages that are gone as soon as their script has run, under latency, across origins, with TLS: how many of their steps
 * arrive, sent by the beacon, by `fetch` with keepalive alone, and by an image alone.
 */

export const senders = ['beacon', 'fetch', 'image'] as const
export type Sender = (typeof senders)[number]

/** How a page goes: it follows a link, sends a form, or its tab is closed, frozen and closed, or dies. */
const ways = { chromium: ['close', 'freeze', 'kill'], firefox: ['close'] } as const
type Way = (typeof ways)[BrowserName][number]

export interface Arrivals {
  readonly sent: number
  readonly arrived: number
}

const roundTripMs = 100
/** So many tabs at once: the browser's own work is no part of what is asked. */
const tabs = 6
/** Of the steps, those whose tab the driver ends. */
const endedShare = 0.1

/** @param steps that each of the senders sends */
export async function measureArrival(
  browserName: BrowserName,
  steps: number,
  directory: string,
): Promise<Record<Sender, Arrivals>> {
  const world = await openWorld(directory)
  try {
    const browser = await launch(browserName, { acceptInsecureCerts: true })
    try {
      const results: Partial<Record<Sender, Arrivals>> = {}
      for (const sender of senders) {
        await sendSteps(browser, browserName, { origin: world.site, sender, steps })
        await settled(world.bench, sender, steps)
        results[sender] = { sent: steps, arrived: arrivedOf(world.bench, sender) }
      }
      return results as Record<Sender, Arrivals>
    } finally {
      await browser.close()
    }
  } finally {
    await world.close()
  }
}

async function sendSteps(
  browser: Browser,
  name: BrowserName,
  { origin, sender, steps }: { origin: string; sender: Sender; steps: number },
): Promise<void> {
  const ended = Math.round(steps * endedShare)
  const chained = steps - ended
  const lengths = Array.from({ length: tabs }, (_, tab) => Math.floor((chained + tab) / tabs))
  const pages: Page[] = []
  for (const _ of lengths) pages.push(await browser.newPage())
  await Promise.all(pages.map((page, tab) => followChain(page, `${origin}/${sender}/${tab}`, lengths[tab] ?? 0)))
  const waysOf: readonly Way[] = ways[name]
  // One after the other: Firefox loses a tab that is made while another one goes.
  for (let index = 0; index < ended; index++)
    await endTab(browser, `${origin}/${sender}/ended-${index}/0?stay`, waysOf[index % waysOf.length] ?? 'close')
}

/** Each page goes to the next by itself; the last one is no step. */
async function followChain(page: Page, base: string, length: number): Promise<void> {
  await asPerson(page)
  await page.goto(`${base}/0?of=${length}`, { waitUntil: 'domcontentloaded' })
  while (!page.url().endsWith('/end'))
    await page.waitForFunction('location.pathname', { timeout: 0 }).catch(() => undefined)
  await page.close()
}

async function endTab(browser: Browser, url: string, way: Way): Promise<void> {
  const page = await browser.newPage()
  await asPerson(page)
  // Scripts that are deferred have run by then.
  await page.goto(url, { waitUntil: 'domcontentloaded' })
  if (way !== 'close') {
    const session = await page.createCDPSession()
    if (way === 'freeze') await session.send('Page.setWebLifecycleState', { state: 'frozen' })
    // Nobody answers for a tab that has died.
    else session.send('Page.crash').catch(() => undefined)
  }
  await page.close().catch(() => undefined)
}

function arrivedOf(bench: Bench, sender: Sender): number {
  return new Set(
    bench.log.events.filter(({ type, step }) => type === 'step' && step === sender).map(({ journey }) => journey),
  ).size
}

/** Until all are there, or none has come for longer than anything takes. */
async function settled(bench: Bench, sender: Sender, steps: number): Promise<void> {
  for (let before = -1, quietSince = Date.now(); Date.now() - quietSince < 4_000;) {
    const arrived = arrivedOf(bench, sender)
    if (arrived >= steps) return
    if (arrived !== before) quietSince = Date.now()
    before = arrived
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

interface World {
  readonly bench: Bench
  readonly site: string
  close(): Promise<void>
}

async function openWorld(directory: string): Promise<World> {
  const tls = certificate(directory)
  const bench = await openCollector()
  bench.app.route('/', createBeaconFiles((await openBeacon(directory)).files))
  const collector = await far(tls, async (request) => {
    bench.clock.ms = Date.now()
    return bench.app.fetch(request)
  })
  const site = await far(tls, (request) => sitePage(new URL(request.url), `https://127.0.0.1:${collector.port}`))
  return {
    bench,
    site: `https://localhost:${site.port}`,
    close: async () => {
      await site.close()
      await collector.close()
    },
  }
}

/** `/SENDER/CHAIN/NUMBER?of=LENGTH`, and the script that sends it on. */
function sitePage(url: URL, collector: string): Response {
  const [, sender = '', chain = '', number = ''] = url.pathname.split('/')
  if (sender === 'go.js') return script(goOn)
  if (sender === 'send.js') return script(sendAlone(collector))
  if (number === '') return new Response(null, { status: 204 })
  if (number === 'end') return html('<title>end</title>')
  const of = Number(url.searchParams.get('of'))
  const next = Number(number) + 1 >= of ? 'end' : `${Number(number) + 1}?of=${of}`
  const told = `data-service="fishing" data-step="${sender}" data-journey="${chain}-${number}"`
  const source = sender === 'beacon' ? `${collector}/beacon.js` : '/send.js'
  const goes = url.searchParams.has('stay')
    ? ''
    : `<script defer src="/go.js" data-next="/${sender}/${chain}/${next}"></script>`
  return html(`<title>step</title><form method="post"></form><script defer src="${source}" ${told}></script>${goes}`)
}

/** A link and a form in turn. Forms that are posted get their page as others do. */
const goOn = `(function () {
  var next = document.currentScript.dataset.next
  if (/[13579](\\?|$)/.test(next)) return location.assign(next)
  document.forms[0].action = next
  document.forms[0].submit()
})()`

const sendAlone = (collector: string): string => `(function () {
  var data = document.currentScript.dataset
  if (data.step === 'image') {
    new Image().src = '${collector}/v1/pixel.gif?service=fishing&step=image&journey=' + data.journey
    return
  }
  var events = [{ step: data.step, at: Date.now() }]
  var body = JSON.stringify({ service: data.service, journey: data.journey, events: events })
  fetch('${collector}/v1/events', { method: 'POST', body: body, keepalive: true, credentials: 'omit' })
})()`

const script = (text: string): Response =>
  new Response(text, { headers: { 'Content-Type': 'text/javascript', 'Cache-Control': 'max-age=3600' } })
const html = (text: string): Response =>
  new Response(`<!doctype html>${text}`, { headers: { 'Content-Type': 'text/html', 'Cache-Control': 'no-store' } })

interface Tls {
  readonly key: Buffer
  readonly cert: Buffer
}

/** For this run alone: browsers are told to take it. */
function certificate(directory: string): Tls {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

/** Serves over TLS behind half a round trip each way. */
async function far(tls: Tls, fetch: (request: Request) => Response | Promise<Response>) {
  const near = createAdaptorServer({ fetch, createServer: createTlsServer, serverOptions: tls }) as Server
  const nearPort = await listening(near)
  const sockets = new Set<Socket>()
  const proxy = createProxy((client) => {
    const server = connect(nearPort, '127.0.0.1')
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => void setTimeout(() => to.write(bytes), roundTripMs / 2))
      from.on('end', () => void setTimeout(() => to.end(), roundTripMs / 2))
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
    }
  })
  const port = await listening(proxy)
  return {
    port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await Promise.all([proxy, near].map((one) => new Promise((closed) => one.close(closed))))
    },
  }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
