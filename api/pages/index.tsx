import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { InvalidParameter, QueryTooLarge, StoreUnavailable, type WaymarkError } from '../../domain/errors.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Questions } from '../../queries/context.ts'
import { servicesMax } from '../../queries/low-completion.ts'
import { conditionsOf } from '../where.ts'
import { isOwnForm, isOwnMachine, mayReadEverything, mayReadService, safeNext, type Viewer } from './access.ts'
import { serviceAddress, type Choices } from './address.ts'
import type { Asset, PageAssets } from './assets.ts'
import { dayAfter, daysBefore, localDate } from './format.ts'
import { assetHeaders, pageHeaders } from './headers.ts'
import type { Shell } from './layout.tsx'
import { MessagePage, messages, type Message } from './message.tsx'
import { RankingPage, RefusedRankingPage } from './ranking.tsx'
import { RefusedPage, ServicePage, type Refusal } from './service.tsx'
import { createSessions, isHttps, type Sessions } from './session.ts'
import { ContinuePage, SignInPage } from './sign-in.tsx'

export interface PagesOptions {
  readonly questions: Pick<Questions, 'funnel' | 'lowCompletion'>
  readonly registry: Pick<Registry, 'service' | 'services' | 'keyBySecret' | 'keys'>
  readonly clock: Clock
  readonly auth: PageAuth
  readonly assets: PageAssets
  readonly signals: PageSignals
}

export interface PageAuth {
  /** This process listens on a loopback address: pages are open to requests of this very machine. */
  readonly loopback: boolean
  /** Signs the session cookie. Another one ends every session, so the hash of the admin key belongs into it. */
  readonly signingSecret: string
  /** Unpredictable: at least 16 letters, digits, `_` or `-`. */
  readonly newId: () => string
}

export interface PageSignals {
  /** A page could not be made. @param error with its cause; the person saw only that something failed */
  pageFailed(error: unknown): void
}

interface PagesEnv {
  Variables: { viewer: Viewer | undefined }
}

type PageContext = Context<PagesEnv>

/** A key is at most 128 characters; the rest is the path to go on to. */
const formBytesMax = 8 * 1024

/**
 * The pages for people: they work without script, and send nothing to anybody else.
 *
 * `app.fetch` answers any other path with the page for what is not there, so that the whole process can hand over
 * what no call has.
 */
export function createPages(options: PagesOptions): Hono<PagesEnv> {
  const { registry, clock, auth } = options
  const sessions = createSessions({ registry, clock, signingSecret: auth.signingSecret, newId: auth.newId })
  const app = new Hono<PagesEnv>()
  const assets = new Map([...options.assets.styles, options.assets.icon].map((asset) => [asset.path, asset]))

  app.onError((error, c) => failed(c, options, error))
  app.notFound((c) => message(c, options, messages.notFound))
  for (const asset of assets.values()) app.get(asset.path, (c: PageContext) => sendAsset(c, asset))

  for (const path of ['/', '/services/:id', '/sign-in', '/sign-out'])
    app.use(path, async (c: PageContext, next) => {
      const open = auth.loopback && isOwnMachine((name) => c.req.header(name))
      const key = open ? undefined : await sessions.key(c)
      c.set('viewer', open ? { kind: 'open' } : key === undefined ? undefined : { kind: 'key', key })
      await next()
    })

  app.get('/', (c) => forViewer(c, options, (viewer) => ranking(c, options, viewer)))
  app.get('/services/:id', (c) => forViewer(c, options, (viewer) => service(c, options, viewer, c.req.param('id'))))
  addSignIn(app, options, sessions)
  for (const [path, allow] of [
    ['/', 'GET, HEAD'],
    ['/services/:id', 'GET, HEAD'],
    ['/sign-in', 'GET, HEAD, POST'],
    ['/sign-out', 'POST'],
  ] as const)
    app.all(path, (c: PageContext) => message(c, options, messages.wrongMethod, { Allow: allow }))
  return app
}

function addSignIn(app: Hono<PagesEnv>, options: PagesOptions, sessions: Sessions): void {
  const ownForm = (c: PageContext): boolean => isOwnForm((name) => c.req.header(name))

  app.get('/sign-in', (c) => {
    const next = safeNext(c.req.query('next'))
    if (c.var.viewer !== undefined) return redirect(c, next)
    return send(c, 200, <SignInPage {...shell(c, options)} next={next} />)
  })
  app.post(
    '/sign-in',
    bodyLimit({ maxSize: formBytesMax, onError: (c: PageContext) => message(c, options, messages.tooLarge) }),
    async (c) => {
      if (!ownForm(c)) return message(c, options, messages.otherSite)
      const form = await c.req.parseBody()
      const next = safeNext(typeof form['next'] === 'string' ? form['next'] : undefined)
      const secret = typeof form['key'] === 'string' ? form['key'].trim() : ''
      const again = (status: 400 | 403, error: string) =>
        send(c, status, <SignInPage {...shell(c, options)} next={next} error={error} />)
      if (secret === '') return again(400, 'Enter a key')
      if (!(await sessions.begin(c, secret)))
        return again(403, 'This key is unknown, was revoked, or lacks the scope read')
      return redirect(c, next)
    },
  )
  app.post('/sign-out', async (c) => {
    if (!ownForm(c)) return message(c, options, messages.otherSite)
    await sessions.end(c)
    return redirect(c, '/sign-in')
  })
}

/** Shows a page to who may see pages at all; anyone else is asked to sign in and comes back here. */
async function forViewer(
  c: PageContext,
  options: PagesOptions,
  show: (viewer: Viewer) => Promise<Response>,
): Promise<Response> {
  if (c.var.viewer !== undefined) return show(c.var.viewer)
  const { pathname, search } = new URL(c.req.url)
  const here = safeNext(pathname + search)
  const signIn = here === '/' ? '/sign-in' : `/sign-in?${new URLSearchParams({ next: here }).toString()}`
  if (['same-origin', 'none'].includes(c.req.header('Sec-Fetch-Site') ?? '')) return redirect(c, signIn)
  return send(c, 403, <ContinuePage {...shell(c, options)} to={signIn} />)
}

async function ranking(c: PageContext, options: PagesOptions, viewer: Viewer): Promise<Response> {
  const { questions, registry } = options
  if (viewer.kind === 'key' && viewer.key.service !== undefined) return redirect(c, serviceAddress(viewer.key.service))
  const readable = (await registry.services()).filter((candidate) => mayReadService(viewer, candidate))
  const departments = [...new Set(readable.flatMap(({ department }) => department ?? []))].sort()
  const choices = { from: given(c, 'from'), to: given(c, 'to'), department: given(c, 'department') }
  const own = viewer.kind === 'key' ? viewer.key.department : undefined
  try {
    if (choices.department !== undefined && !departments.includes(choices.department))
      throw new InvalidParameter('department', 'a department of the list')
    const department = own ?? choices.department
    // All of them: who is not in the answer is shown as not ranked.
    const answer = await questions.lowCompletion({ ...choices, department, limit: servicesMax })
    const ranked = new Set(answer.services.map(({ id }) => id))
    const others = readable.filter(({ id }) => !ranked.has(id))
    const props = { ...shell(c, options), answer, choices, departments, others, base: originOf(c) }
    return await send(c, 200, <RankingPage {...props} />)
  } catch (error) {
    if (!(error instanceof InvalidParameter)) throw error
    const props = { ...shell(c, options), departments, choices, refusal: refusal(error) }
    return send(c, 400, <RefusedRankingPage {...props} />)
  }
}

async function service(c: PageContext, options: PagesOptions, viewer: Viewer, id: string): Promise<Response> {
  const { questions, registry, clock } = options
  const found = await registry.service(id)
  if (found === undefined)
    return message(c, options, mayReadEverything(viewer) ? messages.unknownService : messages.notYours)
  if (!mayReadService(viewer, found)) return message(c, options, messages.notYours)

  const now = clock.now()
  const day = localDate(now, found.timeZone)
  const today = { from: day, to: dayAfter(day) }
  try {
    const choices = chosen(c)
    const where = conditionsOf((choices.where ?? []).map(([dimension, value]) => ({ dimension, value, not: false })))
    // The journeys of one morning are too few, and those that went on were quick, to say how long a quiet is too long.
    const silence = { silenceFrom: daysBefore(day, 28) }
    const begunToday = choices.from !== undefined && choices.from >= day
    const [answer, todayAnswer] = await Promise.all([
      questions.funnel({ service: found, ...choices, where, ...(begunToday ? silence : {}) }),
      questions.funnel({ service: found, ...today, where, ...silence }),
    ])
    const props = { service: found, choices, answer, today: todayAnswer, base: originOf(c), now }
    return await send(
      c,
      200,
      <ServicePage {...shell(c, options)} {...props} todayChoices={{ ...today, where: choices.where }} />,
    )
  } catch (error) {
    if (!(error instanceof InvalidParameter)) throw error
    const choices = { from: given(c, 'from'), to: given(c, 'to'), breakdown: given(c, 'breakdown') }
    return send(
      c,
      400,
      <RefusedPage {...shell(c, options)} service={found} choices={choices} refusal={refusal(error)} />,
    )
  }
}

/** A parameter as a form sends it: an empty field is none. */
function given(c: PageContext, name: string): string | undefined {
  const value = c.req.query(name)?.trim()
  return value === '' ? undefined : value
}

/** @throws {InvalidParameter} when a filter has no value */
function chosen(c: PageContext): Choices {
  const where = (c.req.queries('where') ?? [])
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text): readonly [string, string] => {
      const colon = text.indexOf(':')
      if (colon < 1 || colon === text.length - 1)
        throw new InvalidParameter('where', 'a dimension and a value, such as device:mobile')
      return [text.slice(0, colon), text.slice(colon + 1)]
    })
  return {
    from: given(c, 'from'),
    to: given(c, 'to'),
    breakdown: given(c, 'breakdown'),
    where: where.length === 0 ? undefined : where,
  }
}

const labels: Readonly<Record<string, string>> = {
  from: 'From',
  to: 'To',
  breakdown: 'Break down by',
  where: 'Filter',
  department: 'Department',
}

function refusal({ parameter, allowed }: InvalidParameter): Refusal {
  return { parameter, message: `${labels[parameter] ?? 'The choice'} must be ${allowed.replaceAll('`', '')}` }
}

function shell(c: PageContext, { assets }: PagesOptions): Shell {
  return { assets, viewer: c.get('viewer') }
}

async function send(
  c: PageContext,
  status: 200 | Message['status'],
  page: ReturnType<typeof MessagePage>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return c.html(await page, status, { ...pageHeaders, ...headers })
}

/** Where this Waymark is for who looks at it: what the commands on empty pages send to. */
function originOf(c: PageContext): string {
  return `${isHttps(c) ? 'https' : 'http'}://${new URL(c.req.url).host}`
}

function redirect(c: PageContext, path: string): Response {
  return c.body(null, 303, { ...pageHeaders, Location: path })
}

function message(
  c: PageContext,
  options: PagesOptions,
  text: Message,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return send(c, text.status, <MessagePage {...shell(c, options)} message={text} />, headers)
}

function sendAsset(c: PageContext, { bytes, gzipped, mediaType }: Asset): Response {
  const headers = { ...assetHeaders, 'Content-Type': mediaType }
  if (/\bgzip\b/.test(c.req.header('Accept-Encoding') ?? ''))
    return c.body(gzipped, 200, { ...headers, 'Content-Encoding': 'gzip' })
  return c.body(bytes, 200, headers)
}

/** The one place where errors become pages. */
function failed(c: PageContext, options: PagesOptions, error: Error): Promise<Response> {
  if (error instanceof QueryTooLarge) return message(c, options, messages.queryTooLarge, retryAfter(error, 60))
  if (error instanceof StoreUnavailable) return message(c, options, messages.unavailable, retryAfter(error, 5))
  options.signals.pageFailed(error)
  return message(c, options, messages.internal)
}

function retryAfter({ retryAfterSeconds }: WaymarkError, seconds: number): Record<string, string> {
  return { 'Retry-After': String(retryAfterSeconds ?? seconds) }
}
