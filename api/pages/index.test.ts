import { beforeEach, describe, expect, it } from 'vitest'
import { QueryTooLarge, StoreUnavailable } from '../../domain/errors.ts'
import {
  empty,
  fishing,
  hostile,
  madeUp,
  pagesNow,
  pagesWorld,
  secrets,
  young,
  type PagesWorld,
} from '../../tests/support/pages.ts'
import type { FunnelQuestion, LowCompletionQuestion } from '../../queries/context.ts'
import { aFunnelAnswer, aLowCompletionAnswer, aService, type LeftHere } from '../../tests/support/answers.ts'
import { contentSecurityPolicy } from './headers.ts'
import { sessionSeconds } from './session.ts'

const ownHost = { Host: '127.0.0.1:8080' }
/** As a browser sends it for an address that somebody typed. */
const farHost = { Host: 'waymark.example', 'Sec-Fetch-Site': 'none' }
const ownForm = { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'application/x-www-form-urlencoded' }

let world: PagesWorld
beforeEach(async () => {
  world = await pagesWorld()
})

const get = async (path: string, headers: Record<string, string> = ownHost) =>
  world.pages.request(`http://${headers['Host'] ?? 'nowhere'}${path}`, { headers })
const text = async (path: string, headers?: Record<string, string>) => (await get(path, headers)).text()

async function signIn(secret: string, headers: Record<string, string> = {}, next?: string) {
  const body = new URLSearchParams({ key: secret, ...(next === undefined ? {} : { next }) })
  return world.pages.request('/sign-in', { method: 'POST', headers: { ...farHost, ...ownForm, ...headers }, body })
}

/** What a browser would send back. */
function cookieOf(response: Response): string {
  return response.headers.get('Set-Cookie')?.split(';')[0] ?? ''
}

async function signedIn(secret: string): Promise<Record<string, string>> {
  return { ...farHost, Cookie: cookieOf(await signIn(secret)) }
}

describe('every answer', () => {
  it.each(['/', `/services/${fishing.id}`, '/services/nowhere', '/nowhere', `/services/${fishing.id}?where=x`])(
    '%s is sent with the headers that keep a page alone',
    async (path) => {
      const response = await get(path)
      expect(response.headers.get('Content-Security-Policy')).toBe(contentSecurityPolicy)
      expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(response.headers.get('Referrer-Policy')).toBe('same-origin')
      expect(response.headers.get('Cache-Control')).toBe('private, no-store')
      expect(response.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    },
  )

  it('has a policy that admits nothing inline and nothing from elsewhere', () => {
    expect(contentSecurityPolicy).not.toMatch(/unsafe|https?:|\*/)
    expect(contentSecurityPolicy).toContain("default-src 'none'")
    expect(contentSecurityPolicy).toContain("frame-ancestors 'none'")
  })

  it.each(['/', `/services/${fishing.id}`, `/services/${empty.id}`, `/services/${young.id}`, '/nowhere'])(
    '%s has one language, title, main heading and skip link, and neither script nor inline style',
    async (path) => {
      const page = await text(path)
      expect(page).toMatch(/^<!doctype html><html lang="en-GB"/)
      expect(page.match(/<title>[^<]+ – Waymark<\/title>/g)).toHaveLength(1)
      expect(page.match(/<h1/g)).toHaveLength(1)
      expect(page).toContain('<a href="#main-content" class="govuk-skip-link">')
      expect(page).not.toMatch(/<script|<style|<[^>]*\s(style|on[a-z]+)=|="javascript:/)
    },
  )

  it('can be asked for by HEAD', async () => {
    const response = await world.pages.request('/', { method: 'HEAD', headers: ownHost })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })

  it.each([
    ['/', 'POST', 'GET, HEAD'],
    [`/services/${fishing.id}`, 'DELETE', 'GET, HEAD'],
    ['/sign-in', 'PUT', 'GET, HEAD, POST'],
    ['/sign-out', 'GET', 'POST'],
  ])('%s refuses %s and names what it takes', async (path, method, allow) => {
    const response = await world.pages.request(path, { method, headers: { ...ownHost, ...ownForm } })
    expect(response.status).toBe(405)
    expect(response.headers.get('Allow')).toBe(allow)
  })
})

describe('assets', () => {
  it('are kept for ever under a name that their bytes make, compressed where that is taken', async () => {
    const paths = [...(await text('/')).matchAll(/href="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
    expect(paths).toHaveLength(3)
    for (const path of paths) {
      const plain = await get(path)
      const small = await get(path, { ...ownHost, 'Accept-Encoding': 'gzip, br' })
      expect(plain.status).toBe(200)
      expect(plain.headers.get('Cache-Control')).toContain('immutable')
      expect(plain.headers.get('Content-Encoding')).toBeNull()
      expect(small.headers.get('Content-Encoding')).toBe('gzip')
      expect(small.headers.get('Vary')).toBe('Accept-Encoding')
    }
  })

  it('of another name are not there', async () => {
    expect((await get('/assets/waymark-0000000000000000.css')).status).toBe(404)
    expect((await get('/assets/..%2f..%2fpackage.json')).status).toBe(404)
  })
})

describe('names of others', () => {
  it.each(['/', `/services/${hostile.id}`])('are text on %s, whatever they hold', async (path) => {
    const page = await text(path)
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(page).not.toMatch(/<script|<img|<b>| onload="alert| onerror=alert\(2\)>"/)
  })

  it('are text in commands too: a quote cannot end the argument', async () => {
    world.services.set('quoted', {
      ...empty,
      id: 'empty-quoted',
      name: 'Quoted',
      funnel: { steps: ["it's; rm -rf ~", 'b'] },
    })
    const quoted = world.services.get('quoted')
    world = await pagesWorld({}, quoted === undefined ? [] : [{ ...quoted, id: empty.id }])
    expect(await text(`/services/${empty.id}`)).toContain(`it&#39;\\&#39;&#39;s; rm -rf ~`)
  })

  it('in the address come back nowhere but in the address of the same page', async () => {
    const evil = '<script>alert(9)</script>'
    for (const path of [
      `/services/${encodeURIComponent(evil)}`,
      `/${encodeURIComponent(evil)}`,
      `/?department=${encodeURIComponent(evil)}`,
    ])
      expect(await text(path)).not.toContain('alert(9)')
    const page = await text(`/services/${fishing.id}?where=${encodeURIComponent(`device:${evil}`)}`)
    expect(page).not.toContain(evil)
    expect(page).toContain('device:&lt;script&gt;alert(9)&lt;/script&gt;')
  })
})

describe('what is asked', () => {
  it('is the last 28 days by the question, and today of the zone', async () => {
    await get(`/services/${fishing.id}`)
    expect(world.asked.funnel.map(({ from, to }) => [from, to])).toEqual([
      [undefined, undefined],
      ['2026-11-23', '2026-11-24'],
    ])
  })

  it('judges by the last 28 days who has gone quiet today, and days in the past by themselves', async () => {
    await get(`/services/${fishing.id}`)
    await get(`/services/${fishing.id}?from=2026-11-23&to=2026-11-24`)
    expect(world.asked.funnel.map(({ from, silenceFrom }) => [from, silenceFrom])).toEqual([
      [undefined, undefined],
      ['2026-11-23', '2026-10-26'],
      ['2026-11-23', '2026-10-26'],
      ['2026-11-23', '2026-10-26'],
    ])
  })

  it('is what the form says; an empty field is none', async () => {
    await get(
      `/services/${fishing.id}?from=2026-11-01&to=2026-11-08&breakdown=device&where=&where=device:mobile&where=a:b:c`,
    )
    expect(world.asked.funnel[0]).toMatchObject({
      from: '2026-11-01',
      to: '2026-11-08',
      breakdown: 'device',
      where: [
        { dimension: 'device', values: ['mobile'], not: false },
        { dimension: 'a', values: ['b:c'], not: false },
      ],
    })
    await get(`/services/${fishing.id}?from=&to=&breakdown=&where=`)
    expect(world.asked.funnel[2]).toMatchObject({
      from: undefined,
      to: undefined,
      breakdown: undefined,
      where: [],
    })
  })

  it('is one department where one is chosen', async () => {
    await get('/?department=transport&from=2026-11-01')
    expect(world.asked.ranking).toMatchObject([{ from: '2026-11-01', to: undefined, department: 'transport' }])
  })
})

/** The page of a service whose journeys of today, and of the chosen days, came no further than these steps. */
async function answered(today: LeftHere[], days = today, to = '2026-11-23T00:00:00.000Z'): Promise<string> {
  const asOf = new Date(pagesNow).toISOString()
  const funnel = async ({ from }: FunnelQuestion) =>
    aFunnelAnswer({
      service: fishing.id,
      from: from ?? '2026-10-26',
      to,
      asOf,
      left: from === undefined ? days : today,
    })
  world = await pagesWorld({ questions: { ...world.options.questions, funnel } })
  return text(`/services/${fishing.id}`)
}

describe('what is shown', () => {
  it('is a rate with its interval, over whom it is, and what became of the others', async () => {
    const page = await text(`/services/${fishing.id}`)
    expect(page).toContain('57.9%')
    expect(page).toContain('<data value="0.5793103448275863">57.9%</data>')
    expect(page).toContain('840 of 1,450 is 57.93%. 95% interval: 55.4 to 60.4%')
    expect(page).toContain('1,450 journeys whose window has passed')
    expect(page).toContain('The target is 90.0%')
    expect(page).toContain('12 journeys never reached the first step, 3 journeys removed by an exclusion')
  })

  it('names provisional leavers as provisional, and no rate before a window has passed', async () => {
    const page = await text(`/services/${young.id}`)
    expect(page).toContain('Provisional leavers')
    expect(page).toContain('87 open journeys have been quiet for longer than 95%')
    expect(page).toContain('Most go quiet here (provisional)')
    expect(page).toContain('Rates are over journeys whose window has passed, and that of none has.')
    expect(page).not.toContain('NaN')
  })

  it('is every ranked service, however many there are', async () => {
    const many = Array.from({ length: 109 }, (_, index) => aService(`service-${index}`, { name: `Service ${index}` }))
    const lowCompletion = async ({ limit = 100 }: LowCompletionQuestion) => {
      const shapes = many.map(({ id, name }, index) => ({
        id,
        name,
        started: 200,
        completed: 100 - (index % 60),
        probabilityWorst: index % 60 > 57 ? 0.99 : 0,
      }))
      const days = { from: '2026-10-26T00:00:00Z', to: '2026-11-23T00:00:00Z', asOf: '2026-11-23T10:15:00Z' }
      const answer = aLowCompletionAnswer({ ...days, services: shapes })
      return { ...answer, services: answer.services.slice(0, limit) }
    }
    world = await pagesWorld({ questions: { ...world.options.questions, lowCompletion } }, many)
    const page = await text('/')
    expect(page.match(/<th scope="row"/g)).toHaveLength(109)
    expect(page).not.toContain('Not in the ranking')
  })

  it('adds up to all that started today', async () => {
    const page = await answered([
      { name: 'Start', abandoned: 7, open: 2, silent: 1 },
      { name: 'Pay', failed: 3, open: 4, silent: null },
      { name: 'Done', completed: 5 },
    ])
    expect(page).toContain(
      '21 started since midnight: 5 completed, 3 failed, 7 abandoned, 6 still open, at least 1 of them quiet (provisional leavers).',
    )
    expect(page).toContain('1 open journey has been quiet for longer than 95%')
    expect(page).toContain('where there is a dash, too few have')
  })

  it('is today so far where the chosen days hold nothing', async () => {
    const page = await answered([{ name: 'Start', open: 2 }, { name: 'Done' }], [{ name: 'Start' }, { name: 'Done' }])
    expect(page).toContain('No journeys in these days')
    expect(page).toContain('2 started since midnight')
    expect(page).not.toContain('curl')
  })

  it('says that a period is not over only where it is not', async () => {
    const left = [{ name: 'Start', open: 2 }, { name: 'Done' }]
    const notOver = 'The period is not over'
    expect(await answered(left)).not.toContain(notOver)
    expect(await answered(left, left, '2026-11-24T00:00:00.000Z')).toContain(notOver)
  })

  it('calls made-up data made up', async () => {
    expect(await text(`/services/${madeUp.id}`)).toContain('Made-up data.')
    expect(await text('/')).toContain('Made up')
    expect(await text(`/services/${fishing.id}`)).not.toContain('Made-up data.')
  })

  it('is how to send a first event where there is none', async () => {
    const page = await text(`/services/${empty.id}`)
    expect(page).toContain('curl -i &#39;http://127.0.0.1:8080/v1/events&#39;')
    expect(page).toContain('Authorization: Bearer $WAYMARK_ADMIN_KEY')
  })

  it('is how to register a first service where there is none', async () => {
    world = await pagesWorld({}, [])
    expect(await text('/')).toContain(
      'curl -i -X PUT &#39;http://127.0.0.1:8080/v1/services/renew-fishing-licence&#39;',
    )
  })
})

describe('what cannot be shown', () => {
  it('is a choice that has no meaning: the form again, naming the field', async () => {
    const response = await get(`/services/${fishing.id}?where=mobile`)
    const page = await response.text()
    expect(response.status).toBe(400)
    expect(page).toContain('<a href="#where">Filter must be a dimension and a value, such as device:mobile</a>')
    expect(page).toContain('aria-invalid="true"')
    expect(await text(`/services/${fishing.id}?where=mobile&from=2026-11-01&to=%22%3E&breakdown=device`)).toMatch(
      /id="from"[^>]* value="2026-11-01"[\s\S]*id="to"(?![^>]* value)[\s\S]*<option value="device" selected/,
    )
    const ranking = await get('/?department=nowhere')
    expect(ranking.status).toBe(400)
    expect(await ranking.text()).toContain('Department must be a department of the list')
  })

  it.each([
    [new StoreUnavailable('secret detail', { retryAfterSeconds: 7 }), 503, '7', 'The figures cannot be read now'],
    [new StoreUnavailable('secret detail'), 503, '5', 'The figures cannot be read now'],
    [new QueryTooLarge('secret detail'), 503, '60', 'That takes too long to count'],
    [new Error('secret detail at /home/x.ts:3'), 500, null, 'Something failed here'],
  ])('%s', async (error, status, retryAfter, heading) => {
    world = await pagesWorld({
      questions: { funnel: () => Promise.reject(error), lowCompletion: () => Promise.reject(error) },
    })
    for (const path of ['/', `/services/${fishing.id}`]) {
      const response = await get(path)
      const page = await response.text()
      expect(response.status).toBe(status)
      expect(response.headers.get('Retry-After')).toBe(retryAfter)
      expect(page).toContain(heading)
      expect(page).not.toMatch(/secret detail|x\.ts/)
    }
  })

  it('tells the operator, not the reader, what failed', async () => {
    const error = new Error('secret detail')
    world = await pagesWorld({
      questions: { funnel: () => Promise.reject(error), lowCompletion: () => Promise.reject(error) },
    })
    await get('/')
    const failures: unknown[] = []
    world = await pagesWorld({
      questions: world.options.questions,
      signals: { pageFailed: (failure) => failures.push(failure) },
    })
    await get('/')
    expect(failures).toEqual([error])
  })
})

describe('who may see pages', () => {
  it.each([
    ['on a loopback address, by a name of this machine', true, ownHost, 200],
    ['on a loopback address, by localhost', true, { Host: 'localhost:8080' }, 200],
    [
      'on a loopback address, by a name that somebody pointed here',
      true,
      { ...farHost, Host: 'rebound.example:8080' },
      303,
    ],
    ['on a loopback address, without a name', true, { 'Sec-Fetch-Site': 'none' }, 303],
    ['on a loopback address, through a proxy', true, { ...farHost, ...ownHost, 'X-Forwarded-For': '203.0.113.7' }, 303],
    ['elsewhere', false, farHost, 303],
    ['elsewhere, by a name of this machine', false, { ...farHost, ...ownHost }, 303],
  ])('%s', async (_, loopback, headers, status) => {
    world = await pagesWorld({ auth: { ...world.options.auth, loopback } })
    for (const path of ['/', `/services/${fishing.id}`, '/services/nowhere'])
      expect((await get(path, headers)).status, path).toBe(
        status === 200 && path === '/services/nowhere' ? 404 : status,
      )
    expect(world.asked.ranking.length > 0).toBe(status === 200)
  })

  it('is asked to sign in, and comes back to the same place', async () => {
    const path = `/services/${fishing.id}?from=2026-11-01&where=device%3Amobile`
    const asked = await get(path, farHost)
    const location = asked.headers.get('Location') ?? ''
    expect(location).toBe(`/sign-in?next=${encodeURIComponent(path)}`)
    expect(await text(location, farHost)).toContain(`name="next" value="${path.replace('&', '&amp;')}"`)
    const back = await signIn(secrets.read, {}, path)
    expect(back.status).toBe(303)
    expect(back.headers.get('Location')).toBe(path)
  })

  it.each([{ 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }, {}])(
    'is sent to the sign-in by a page of ours where a link of another site may have hidden the cookie: %j',
    async (headers) => {
      const path = `/services/${fishing.id}?from=2026-11-01`
      const response = await get(path, { Host: 'waymark.example', ...headers })
      const to = `/sign-in?next=${encodeURIComponent(path)}`
      expect(response.status).toBe(403)
      expect(await response.text()).toContain(`<meta http-equiv="refresh" content="0; url=${to}"`)
      expect(world.asked.funnel).toEqual([])
    },
  )

  it('does not go to another site after signing in', async () => {
    const response = await signIn(secrets.read, {}, '//evil.example/')
    expect(response.headers.get('Location')).toBe('/')
  })
})

describe('signing in', () => {
  it('keeps a cookie that only this site gets and no script reads', async () => {
    const response = await signIn(secrets.read)
    const cookie = response.headers.get('Set-Cookie') ?? ''
    expect(response.status).toBe(303)
    expect(cookie).toMatch(/^waymark-session=/)
    expect(cookie.split('; ').slice(1).sort()).toEqual(
      [`Max-Age=${sessionSeconds}`, 'HttpOnly', 'Path=/', 'SameSite=Strict'].sort(),
    )
    expect(decodeURIComponent(cookie)).not.toContain(secrets.read)
  })

  it.each([
    ['http', {}, 'http://waymark.example/sign-in', false],
    ['https', {}, 'https://waymark.example/sign-in', true],
    ['https to a proxy', { 'X-Forwarded-Proto': 'https' }, 'http://waymark.example/sign-in', true],
  ])('over %s: Secure as it should be', async (_, headers, url, secure) => {
    const response = await world.pages.request(url, {
      method: 'POST',
      headers: { ...farHost, ...ownForm, ...headers },
      body: new URLSearchParams({ key: secrets.read }),
    })
    expect(/; Secure/.test(response.headers.get('Set-Cookie') ?? '')).toBe(secure)
  })

  it.each([
    ['no key', '', 400, 'Enter a key'],
    ['spaces', '   ', 400, 'Enter a key'],
    ['an unknown key', 'wmk_unknown', 403, 'This key is unknown, was revoked, or lacks the scope read'],
    ['a key that only sends', secrets.ingest, 403, 'This key is unknown, was revoked, or lacks the scope read'],
  ])('refuses %s', async (_, secret, status, error) => {
    const response = await signIn(secret)
    const page = await response.text()
    expect(response.status).toBe(status)
    expect(response.headers.get('Set-Cookie')).toBeNull()
    expect(page).toContain(error)
    expect(page).toContain('<title>Error: Sign in – Waymark</title>')
    if (secret.trim() !== '') expect(page).not.toContain(secret)
  })

  it('takes a key that was copied with its line end', async () => {
    expect((await signIn(` ${secrets.read}\r\n`)).status).toBe(303)
  })

  it('refuses a form of another site, and one too large to be a key', async () => {
    expect((await signIn(secrets.read, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
    expect((await signIn('x'.repeat(8 * 1024))).status).toBe(413)
  })

  it('is over for who is open anyway', async () => {
    const response = await get('/sign-in?next=/services/a')
    expect(response.status).toBe(303)
    expect(response.headers.get('Location')).toBe('/services/a')
  })
})

describe('a session', () => {
  it.each([
    ['read', secrets.read, { '/': 200, [fishing.id]: 200, [young.id]: 200, nowhere: 404 }],
    ['admin', secrets.admin, { '/': 200, [fishing.id]: 200, [young.id]: 200, nowhere: 404 }],
    ['one service', secrets.fishing, { '/': 303, [fishing.id]: 200, [young.id]: 403, nowhere: 403 }],
    ['one department', secrets.transport, { '/': 200, [fishing.id]: 403, [young.id]: 200, nowhere: 403 }],
  ])('of a key for %s sees that and no more', async (_, secret, seen) => {
    const headers = await signedIn(secret)
    for (const [path, status] of Object.entries(seen))
      expect((await get(path === '/' ? '/' : `/services/${path}`, headers)).status, path).toBe(status)
  })

  it('of one service begins at that service', async () => {
    expect((await get('/', await signedIn(secrets.fishing))).headers.get('Location')).toBe(`/services/${fishing.id}`)
  })

  it('of one department ranks and names services of that department only', async () => {
    const headers = await signedIn(secrets.transport)
    const page = await text('/', headers)
    expect(world.asked.ranking).toEqual([expect.objectContaining({ department: 'transport' })])
    expect(page).toContain('Report a pothole')
    expect(page).not.toMatch(/fishing|environment-agency|education/)
    expect((await get('/?department=environment-agency', headers)).status).toBe(400)
  })

  it('says the same of a service that is not its own and of one that is not there', async () => {
    const headers = await signedIn(secrets.transport)
    expect(await text(`/services/${fishing.id}`, headers)).toBe(await text('/services/nowhere', headers))
  })

  it('ends when its key is revoked, at once', async () => {
    const headers = await signedIn(secrets.read)
    expect((await get('/', headers)).status).toBe(200)
    world.keys.delete(secrets.read)
    expect((await get('/', headers)).status).toBe(303)
  })

  it('ends after its hours, to the second', async () => {
    const headers = await signedIn(secrets.read)
    world.now = pagesNow + sessionSeconds * 1000 - 1
    expect((await get('/', headers)).status).toBe(200)
    world.now = pagesNow + sessionSeconds * 1000
    expect((await get('/', headers)).status).toBe(303)
  })

  it('ends by signing out, for a copy of the cookie too', async () => {
    const headers = await signedIn(secrets.read)
    const out = await world.pages.request('/sign-out', { method: 'POST', headers: { ...headers, ...ownForm } })
    expect(out.status).toBe(303)
    expect(out.headers.get('Set-Cookie')).toMatch(/^waymark-session=; Max-Age=0;/)
    expect((await get('/', headers)).status).toBe(303)
  })

  it('is not ended by another site', async () => {
    const headers = await signedIn(secrets.read)
    const out = await world.pages.request('/sign-out', {
      method: 'POST',
      headers: { ...headers, Origin: 'https://evil.example' },
    })
    expect(out.status).toBe(403)
    expect((await get('/', headers)).status).toBe(200)
  })

  it('cannot be made or changed by who holds no secret', async () => {
    const { Cookie: cookie = '' } = await signedIn(secrets.fishing)
    const forged = [
      cookie.replace('.fishing.', '.admin.'),
      cookie.replace(/\.(\d+)\./, (_, expires: string) => `.${Number(expires) + 1}.`),
      cookie.slice(0, -4),
      'waymark-session=admin',
      'waymark-session=%',
      `waymark-session=${'a'.repeat(5_000)}`,
    ]
    for (const value of forged) {
      expect(value).not.toBe(cookie)
      expect((await get('/', { ...farHost, Cookie: value })).status, value).toBe(303)
    }
  })

  it('is none of another installation, or of another admin key', async () => {
    const headers = await signedIn(secrets.read)
    world = await pagesWorld({ auth: { ...world.options.auth, signingSecret: 'another secret' } })
    expect((await get('/', headers)).status).toBe(303)
  })

  it('shows whose it is, and a way out', async () => {
    const page = await text('/', await signedIn(secrets.read))
    expect(page).toContain('The read key')
    expect(page).toContain('<form action="/sign-out" method="post"')
    expect(await text('/')).not.toContain('/sign-out')
  })
})
