import { describe, expect, it } from 'vitest'
import { InvalidParameter, LogUnavailable, QueryTooLarge, StoreRefused, StoreUnavailable } from '../domain/errors.ts'
import { defaultLimits } from '../domain/limits.ts'
import { problemMediaType } from '../domain/problems.ts'
import { definition } from '../tests/contract/registry.ts'
import { adminSecret, apiUnderTest, type ApiRequest } from '../tests/support/api.ts'
import { discoverExample, journeysExample, serviceInputExample } from './examples.ts'

async function withFishing(change: Parameters<typeof apiUnderTest>[0] = {}) {
  const api = apiUnderTest(change)
  await api.registry.putService('fishing', definition({ department: 'environment' }))
  await api.registry.putService('visas', definition({ department: 'home' }))
  return api
}

async function problemFrom(
  response: Response,
): Promise<{ status: number; code: unknown; detail?: unknown; path?: unknown }> {
  expect(response.headers.get('content-type')).toBe(problemMediaType)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const body = (await response.json()) as { status: number; code: unknown }
  expect(body.status).toBe(response.status)
  return body
}

describe('services', () => {
  it('are created with 201, replaced with 200, shown, listed and deleted', async () => {
    const api = apiUnderTest()
    const put = (body: unknown) => api.request('/v1/services/renew-fishing-licence', { method: 'PUT', body })
    const created = await put(serviceInputExample)
    expect(created.status).toBe(201)
    const service: unknown = await created.json()
    expect(service).toMatchObject({ ...serviceInputExample, id: 'renew-fishing-licence', version: 1, sample: false })
    expect(service).not.toHaveProperty('deleted')

    expect((await put(serviceInputExample)).status).toBe(200)
    const shown = await api.request('/v1/services/renew-fishing-licence')
    expect(await shown.json()).toEqual(service)
    expect(await (await api.request('/v1/services')).json()).toEqual({ services: [service] })
    expect(await (await api.request('/v1/services?department=environment-agency')).json()).toEqual({
      services: [service],
    })
    expect(await (await api.request('/v1/services?department=other')).json()).toEqual({ services: [] })

    const gone = await api.request('/v1/services/renew-fishing-licence', { method: 'DELETE' })
    expect(gone.status).toBe(204)
    expect(await gone.text()).toBe('')
    expect((await api.request('/v1/services/renew-fishing-licence')).status).toBe(404)
    expect((await api.request('/v1/services/renew-fishing-licence', { method: 'DELETE' })).status).toBe(404)
    expect((await put(serviceInputExample)).status).toBe(201)
  })

  it('take back what a GET shows', async () => {
    const api = apiUnderTest()
    const path = '/v1/services/fishing'
    await api.request(path, { method: 'PUT', body: { ...serviceInputExample, publicKey: true } })
    const shown: unknown = await (await api.request(path)).json()
    const again = await api.request(path, { method: 'PUT', body: shown })
    expect(again.status).toBe(200)
    expect(await again.json()).toEqual(shown)
  })

  it('show a public key only while they have one', async () => {
    const api = apiUnderTest()
    const put = async (publicKey: boolean) => {
      const response = await api.request('/v1/services/s', {
        method: 'PUT',
        body: { ...serviceInputExample, publicKey },
      })
      return (await response.json()) as { key?: string }
    }
    const { key } = await put(true)
    expect(key).toMatch(/^wpk_/)
    expect((await put(true)).key).toBe(key)
    expect(await put(false)).not.toHaveProperty('key')
  })

  it.each<[string, unknown, string, string | undefined]>([
    ['no name', { funnel: { steps: ['a', 'b'] } }, 'invalid-service', 'name'],
    ['no funnel', { name: 'x' }, 'invalid-service', 'funnel'],
    ['an unknown field', { ...serviceInputExample, 'sehr-geheim': 1 }, 'invalid-service', undefined],
    ['__proto__', '{"name":"x","funnel":{"steps":["a","b"]},"__proto__":{"x":1}}', 'invalid-service', undefined],
    ['a zone that is none', { ...serviceInputExample, timeZone: 'Mars/Sehr-Geheim' }, 'invalid-service', 'timeZone'],
    [
      'an origin with a path',
      { ...serviceInputExample, origins: ['https://a.example/sehr-geheim'] },
      'invalid-service',
      'origins[0]',
    ],
    ['a built-in dimension', { ...serviceInputExample, dimensions: ['device'] }, 'invalid-service', 'dimensions[0]'],
    [
      'nine dimensions',
      { ...serviceInputExample, dimensions: Array.from({ length: 9 }, (_, n) => `d${n}`) },
      'invalid-service',
      'dimensions',
    ],
    [
      'a target past 1',
      { ...serviceInputExample, targets: { completionRate: 1.1 } },
      'invalid-service',
      'targets.completionRate',
    ],
    ['one step', withFunnel({ steps: ['a'] }), 'invalid-funnel', 'funnel.steps'],
    [
      '51 steps',
      withFunnel({ steps: Array.from({ length: 51 }, (_, n) => `s${n}`) }),
      'invalid-funnel',
      'funnel.steps',
    ],
    ['a step of 129 characters', withFunnel({ steps: ['a', 'b'.repeat(129)] }), 'invalid-funnel', 'funnel.steps[1]'],
    ['a step that is a number', withFunnel({ steps: ['a', 7] }), 'invalid-funnel', 'funnel.steps[1]'],
    [
      'a bad bound',
      withFunnel({ steps: ['a', { step: 'b', within: 'sehr-geheim' }] }),
      'invalid-funnel',
      'funnel.steps[1].within',
    ],
    [
      '21 names',
      withFunnel({ steps: ['a', { anyOf: Array.from({ length: 21 }, (_, n) => `s${n}`) }] }),
      'invalid-funnel',
      'funnel.steps[1].anyOf',
    ],
    ['a window in months', withFunnel({ steps: ['a', 'b'], window: 'P1M' }), 'invalid-funnel', 'funnel.window'],
    [
      'a window past 36,525 days',
      withFunnel({ steps: ['a', 'b'], window: 'P36526D' }),
      'invalid-funnel',
      'funnel.window',
    ],
    [
      'an order that is none',
      withFunnel({ steps: ['a', 'b'], order: 'sehr-geheim' }),
      'invalid-funnel',
      'funnel.order',
    ],
    [
      'an optional first step',
      withFunnel({ steps: [{ step: 'a', optional: true }, 'b'] }),
      'invalid-funnel',
      'funnel.steps[0]',
    ],
    [
      'a position excluded',
      withFunnel({ steps: ['a', 'b'], exclude: [{ step: 'a' }] }),
      'invalid-funnel',
      'funnel.exclude[0].step',
    ],
    [
      'within in any order',
      withFunnel({ steps: ['a', { step: 'b', within: 'P1D' }], order: 'any' }),
      'invalid-funnel',
      'funnel.steps[1]',
    ],
  ])('refuse %s, say where, and keep what stood', async (_, body, code, path) => {
    const api = await withFishing()
    const before = await api.registry.service('fishing')
    const response = await api.request('/v1/services/fishing', { method: 'PUT', body })
    const problem = await problemFrom(response)
    expect(problem).toMatchObject({ status: 400, code })
    expect(problem.path).toBe(path)
    expect(JSON.stringify(problem)).not.toMatch(/sehr-geheim/i)
    expect(await api.registry.service('fishing')).toEqual(before)
  })

  it.each(['50 steps', 'a window of 36,525 days', '20 names', 'a name of 128 characters'])('take %s', async (what) => {
    const funnels: Record<string, unknown> = {
      '50 steps': { steps: Array.from({ length: 50 }, (_, n) => `s${n}`) },
      'a window of 36,525 days': { steps: ['a', 'b'], window: 'P36525D' },
      '20 names': { steps: ['a', { anyOf: Array.from({ length: 20 }, (_, n) => `s${n}`) }] },
      'a name of 128 characters': { steps: ['a', 'b'.repeat(128)] },
    }
    const response = await apiUnderTest().request('/v1/services/s', { method: 'PUT', body: withFunnel(funnels[what]) })
    expect(response.status).toBe(201)
  })

  it.each([['Fishing'], ['-a'], ['a'.repeat(65)], ['a b'], ['a%00'], ['%F0%9F'], ['__proto__']])(
    'are not created under the id %s',
    async (id) => {
      const response = await apiUnderTest().request(`/v1/services/${id}`, { method: 'PUT', body: serviceInputExample })
      expect(await problemFrom(response)).toMatchObject({ status: 400, code: 'invalid-service', path: 'id' })
    },
  )
})

function withFunnel(funnel: unknown) {
  return { ...serviceInputExample, funnel }
}

describe('a funnel that cannot be compiled', () => {
  const names = Array.from({ length: 20 }, (_, index) => `s${index}`)
  const funnel = { steps: [{ anyOf: names }, ...names], order: 'any' }

  it('is refused where it is put and where it is asked', async () => {
    const api = await withFishing()
    const put = await api.request('/v1/services/fishing', { method: 'PUT', body: withFunnel(funnel) })
    expect(await problemFrom(put)).toMatchObject({ status: 400, code: 'invalid-funnel', path: 'funnel.steps' })
    const posted = await api.request('/v1/services/fishing/funnel', { method: 'POST', body: { funnel } })
    expect(await problemFrom(posted)).toMatchObject({ status: 400, code: 'invalid-funnel', path: 'funnel.steps' })
    expect(api.asked).toEqual([])
  })
})

describe('bodies', () => {
  const limits = { ...defaultLimits, bodyBytesMax: 100 }
  const padded = (bytes: number) => {
    const body = JSON.stringify({ name: 'x', scopes: ['read'] })
    return body + ' '.repeat(bytes - body.length)
  }
  it.each<[string, ApiRequest, number, string | undefined]>([
    ['100 bytes, the limit', { body: padded(100) }, 201, undefined],
    ['101 bytes', { body: padded(101) }, 413, 'too-large'],
    ['a length that is a lie', { body: padded(101), headers: { 'Content-Length': '5' } }, 413, 'too-large'],
    ['no body', { headers: { 'Content-Type': 'application/json' } }, 400, 'invalid-json'],
    ['half a body', { body: '{"name":' }, 400, 'invalid-json'],
    ['a list', { body: '[]' }, 400, 'invalid-json'],
    ['a word', { body: '"x"' }, 400, 'invalid-json'],
    ['null', { body: 'null' }, 400, 'invalid-json'],
    ['deep nesting', { body: `{"a":${'['.repeat(40)}${']'.repeat(40)}}` }, 400, 'invalid-json'],
    ['plain text', { body: '{}', headers: { 'Content-Type': 'text/plain' } }, 415, 'unsupported-type'],
    ['no type', { body: '{}', headers: { 'Content-Type': '' } }, 415, 'unsupported-type'],
    [
      'another charset',
      { body: '{}', headers: { 'Content-Type': 'application/json; charset=utf-16' } },
      415,
      'unsupported-type',
    ],
    [
      'its charset',
      { body: padded(60), headers: { 'Content-Type': 'application/json; charset="UTF-8"' } },
      201,
      undefined,
    ],
    ['gzip', { body: '{}', headers: { 'Content-Encoding': 'gzip' } }, 415, 'unsupported-type'],
    ['identity', { body: padded(60), headers: { 'Content-Encoding': 'identity' } }, 201, undefined],
  ])('%s', async (_, init, status, code) => {
    const response = await apiUnderTest({ limits }).request('/v1/keys', { method: 'POST', ...init })
    expect(response.status).toBe(status)
    if (code !== undefined) expect((await problemFrom(response)).code).toBe(code)
  })
})

describe('the funnel', () => {
  it('asks the service’s own funnel when no step is given', async () => {
    const api = await withFishing()
    const response = await api.request(
      '/v1/services/fishing/funnel?from=2026-01-05&to=2026-02-02&tz=Europe/London&breakdown=device&where=device:mobile&where=channel:online&version=1',
    )
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(api.asked).toMatchObject([
      {
        question: 'funnel',
        with: {
          service: { id: 'fishing' },
          from: '2026-01-05',
          to: '2026-02-02',
          tz: 'Europe/London',
          breakdown: 'device',
          where: [
            { dimension: 'device', values: ['mobile'], not: false },
            { dimension: 'channel', values: ['online'], not: false },
          ],
          version: 1,
          funnel: undefined,
        },
      },
    ])
  })

  it('asks an ad hoc funnel of repeated steps, whose names may hold anything that prints', async () => {
    const api = await withFishing()
    const names = ['start, then', 'a+b&c=d', 'ünï 100%', "it's {x:y}"]
    const search = new URLSearchParams([
      ...names.map((name): [string, string] => ['step', name]),
      ['order', 'strict'],
      ['window', 'P1D'],
      ['exclude', 'stop'],
      ['exclude', 'halt'],
    ])
    const response = await api.request(`/v1/services/fishing/funnel?${search.toString()}`)
    expect(response.status).toBe(200)
    expect(api.asked).toMatchObject([
      {
        with: {
          funnel: { steps: names, order: 'strict', window: 'P1D', exclude: [{ step: 'stop' }, { step: 'halt' }] },
        },
      },
    ])
  })

  it('takes any funnel in the body of a POST', async () => {
    const api = await withFishing()
    const funnel = {
      steps: ['a', { anyOf: ['b', 'c'], optional: true, within: 'PT1H' }, 'd'],
      order: 'ordered',
      window: 'P2D',
    }
    const body = {
      from: '2026-01-05',
      to: '2026-02-02',
      tz: 'UTC',
      funnel,
      breakdown: 'device',
      where: { device: 'mobile' },
    }
    const response = await api.request('/v1/services/fishing/funnel', { method: 'POST', body })
    expect(response.status).toBe(200)
    expect(api.asked).toMatchObject([
      {
        with: {
          ...body,
          service: { id: 'fishing' },
          where: [{ dimension: 'device', values: ['mobile'], not: false }],
        },
      },
    ])
  })

  it('takes alternatives, journeys without a value, and what must not be, in a query and in a body alike', async () => {
    const api = await withFishing()
    const where = [
      { dimension: 'device', values: ['mobile', null, 'a:!b'], not: false },
      { dimension: 'device', values: ['tv'], not: true },
      { dimension: 'channel', values: [null], not: true },
    ]
    const texts = ['device:mobile', '!device:tv', 'device:', '!channel:', 'device:a:!b']
    const search = new URLSearchParams(texts.map((text): [string, string] => ['where', text]))
    await api.request(`/v1/services/fishing/funnel?${search.toString()}`)
    await api.request(`/v1/services/fishing/trend?${search.toString()}`)
    await api.request(`/v1/services/fishing/journeys?${search.toString()}`)
    await api.request('/v1/services/fishing/funnel', {
      method: 'POST',
      body: {
        where: {
          device: ['mobile', null, 'a:!b'],
          channel: { not: null },
          browser: { not: ['x', 'y'] },
          referrer: null,
        },
      },
    })
    expect(api.asked.map((one) => one.with)).toMatchObject([
      { where },
      { where },
      { where },
      {
        where: [
          where[0],
          where[2],
          { dimension: 'browser', values: ['x', 'y'], not: true },
          { dimension: 'referrer', values: [null], not: false },
        ],
      },
    ])
  })

  it.each([{}, { version: 1 }])('asks the service’s own funnel by a POST of %j', async (body) => {
    const api = await withFishing()
    const response = await api.request('/v1/services/fishing/funnel', { method: 'POST', body })
    expect(response.status).toBe(200)
    expect(api.asked).toEqual([{ question: 'funnel', with: { ...body, service: expect.anything() as unknown } }])
  })

  it.each([1, 51])('refuses %i ad hoc steps alike in a GET and in a POST', async (count) => {
    const api = await withFishing()
    const steps = Array.from({ length: count }, (_, index) => `s${index}`)
    const search = new URLSearchParams(steps.map((step): [string, string] => ['step', step])).toString()
    const got = await problemFrom(await api.request(`/v1/services/fishing/funnel?${search}`))
    const request = { method: 'POST', body: { funnel: { steps } } }
    const posted = await problemFrom(await api.request('/v1/services/fishing/funnel', request))
    expect(got).toMatchObject({ status: 400, code: 'invalid-funnel', path: 'step' })
    expect(posted).toMatchObject({ status: 400, code: 'invalid-funnel', path: 'funnel.steps', detail: got.detail })
    expect(api.asked).toEqual([])
  })

  it.each<[string, unknown, string, string | undefined]>([
    ['no object as funnel', { funnel: null }, 'invalid-funnel', 'funnel'],
    ['a funnel and a version', { funnel: { steps: ['a', 'b'] }, version: 1 }, 'invalid-parameter', 'version'],
    ['version 0', { version: 0 }, 'invalid-parameter', 'version'],
    ['one step', { funnel: { steps: ['a'] } }, 'invalid-funnel', 'funnel.steps'],
    [
      'an optional last step',
      { funnel: { steps: ['a', { step: 'b', optional: true }] } },
      'invalid-funnel',
      'funnel.steps[1]',
    ],
    ['a from that is a number', { funnel: { steps: ['a', 'b'] }, from: 5 }, 'invalid-parameter', 'from'],
    ['an unknown field', { funnel: { steps: ['a', 'b'] }, 'sehr-geheim': 5 }, 'invalid-parameter', undefined],
    ['a where that is a text', { funnel: { steps: ['a', 'b'] }, where: 'sehr-geheim' }, 'invalid-parameter', 'where'],
    [
      'a where of numbers',
      { funnel: { steps: ['a', 'b'] }, where: { 'sehr-geheim': 5 } },
      'invalid-parameter',
      'where',
    ],
    ['a where of no values', { where: { 'sehr-geheim': [] } }, 'invalid-parameter', 'where'],
    [
      'a where with more than not',
      { where: { device: { not: 'a', 'sehr-geheim': 'b' } } },
      'invalid-parameter',
      'where',
    ],
    ['a where of a list in a list', { where: { device: [['sehr-geheim']] } }, 'invalid-parameter', 'where'],
    [
      'a where of too many values',
      {
        where: {
          device: Array.from({ length: 60 }, () => 'a'),
          channel: Array.from({ length: 41 }, () => 'sehr-geheim'),
        },
      },
      'invalid-parameter',
      'where',
    ],
    [
      'a where that does not print',
      { funnel: { steps: ['a', 'b'] }, where: { device: 'sehr-geheim\0' } },
      'invalid-parameter',
      'where',
    ],
  ])('refuses a POST with %s', async (_, body, code, path) => {
    const api = await withFishing()
    const problem = await problemFrom(await api.request('/v1/services/fishing/funnel', { method: 'POST', body }))
    expect(problem).toMatchObject({ status: 400, code })
    expect(problem.path).toBe(path)
    expect(JSON.stringify(problem)).not.toContain('sehr-geheim')
    expect(api.asked).toEqual([])
  })
})

describe('parameters', () => {
  const long = 'x'.repeat(129)
  it.each<[string, string, string | undefined]>([
    ['funnel', 'geheim=1', undefined],
    ['funnel', 'from=2026-01-05&from=2026-01-06', 'from'],
    ['funnel', 'from=', 'from'],
    ['funnel', 'version=0', 'version'],
    ['funnel', 'version=1.5', 'version'],
    ['funnel', 'version=geheim', 'version'],
    ['funnel', 'version=99999999999', 'version'],
    ['funnel', 'where=device', 'where'],
    ['funnel', 'where=:geheim', 'where'],
    ['funnel', 'where=!:geheim', 'where'],
    ['funnel', 'where=!!device:geheim', 'where'],
    ['funnel', 'where=!', 'where'],
    ['funnel', 'where=De%20vice:geheim', 'where'],
    ['funnel', `where=device:${'x'.repeat(65)}`, 'where'],
    ['funnel', Array.from({ length: 101 }, () => 'where=device:a').join('&'), 'where'],
    ['funnel', 'breakdown=GEHEIM', 'breakdown'],
    ['funnel', 'breakdown=a&breakdown=b', 'breakdown'],
    ['funnel', `step=a&step=${long}`, 'step'],
    ['funnel', 'step=a&step=', 'step'],
    ['funnel', 'step=a&step=geheim%00', 'step'],
    ['funnel', 'order=strict', 'order'],
    ['funnel', 'window=P1D', 'window'],
    ['funnel', 'exclude=geheim', 'exclude'],
    ['funnel', 'step=a&step=b&order=geheim', 'order'],
    ['funnel', 'step=a&step=b&window=P1Y', 'window'],
    ['funnel', 'step=a&step=b&version=1', 'version'],
    ['trend', 'interval=geheim', 'interval'],
    ['trend', 'step=a&step=b', 'step'],
    ['journeys', 'state=geheim', 'state'],
    ['journeys', 'limit=0', 'limit'],
    ['journeys', 'limit=1001', 'limit'],
    ['journeys', 'position=0', 'position'],
    ['journeys', 'position=51', 'position'],
    ['journeys', `cursor=${'x'.repeat(201)}`, 'cursor'],
    ['journeys/0123456789abcdef', 'from=2026-01-05', undefined],
  ])('%s?%s is refused', async (call, search, path) => {
    const api = await withFishing()
    const problem = await problemFrom(await api.request(`/v1/services/fishing/${call}?${search}`))
    expect(problem).toMatchObject({ status: 400, code: 'invalid-parameter' })
    expect(problem.path).toBe(path)
    expect(JSON.stringify(problem)).not.toMatch(/geheim/i)
    expect(api.asked).toEqual([])
  })

  it.each(['limit=0', 'limit=10001', 'limit=-1', 'department=GEHEIM', 'geheim=1'])(
    'low-completion?%s is refused',
    async (search) => {
      const problem = await problemFrom(await (await withFishing()).request(`/v1/low-completion?${search}`))
      expect(problem).toMatchObject({ status: 400, code: 'invalid-parameter' })
      expect(JSON.stringify(problem)).not.toMatch(/geheim/i)
    },
  )

  it.each(['limit=1', 'limit=1000', 'position=50', 'state=silent', `step=${'x'.repeat(128)}`])(
    'journeys?%s is taken, at the limit',
    async (search) => {
      expect((await (await withFishing()).request(`/v1/services/fishing/journeys?${search}`)).status).toBe(200)
    },
  )

  it('that contradict each other in an ad hoc funnel are an invalid funnel', async () => {
    const response = await (await withFishing()).request('/v1/services/fishing/funnel?step=a&step=b&exclude=a')
    expect(await problemFrom(response)).toMatchObject({ status: 400, code: 'invalid-funnel', path: 'exclude' })
  })
})

describe('one trail', () => {
  it('is asked by the reference as it was before it was encoded', async () => {
    const api = await withFishing()
    const reference = 'a/b c%2F?&#ü'
    const response = await api.request(`/v1/services/fishing/journeys/${encodeURIComponent(reference)}`)
    expect(response.status).toBe(200)
    expect(api.asked).toMatchObject([{ question: 'trail', with: { journey: reference } }])
  })

  it('of which nothing is known is not found', async () => {
    const api = await withFishing({ questions: { trail: async () => null } })
    const response = await api.request('/v1/services/fishing/journeys/nobody')
    expect(await problemFrom(response)).toMatchObject({ status: 404, code: 'not-found' })
  })

  it.each(['x'.repeat(129), '%00', 'a%0Ab'])('is not looked for by %s', async (reference) => {
    const api = await withFishing()
    expect((await api.request(`/v1/services/fishing/journeys/${reference}`)).status).toBe(404)
    expect(api.asked).toEqual([])
  })
})

describe('CSV', () => {
  it.each([
    ['funnel', 'whole,value,other,position,step,anyOf,name'],
    ['trend', 'start,end,started,completed'],
    ['journeys', 'journey,start,state,furthest'],
    ['journeys/0123456789abcdef', 'type,step,at,seq'],
  ])('of %s has a heading and its rows', async (call, heading) => {
    const api = await withFishing()
    const response = await api.request(`/v1/services/fishing/${call}`, { headers: { Accept: 'text/csv' } })
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(response.headers.get('vary')).toBe('Accept, Authorization')
    const lines = (await response.text()).split('\r\n')
    expect(lines[0]?.startsWith(heading)).toBe(true)
    expect(lines.length).toBeGreaterThan(2)
  })
})

describe('a page of journeys', () => {
  it.each(['application/json', 'text/csv'])('says as %s where the next one is', async (accept) => {
    const answer = { ...journeysExample, cursor: 'a+b/c' }
    const api = await withFishing({ questions: { journeys: async () => answer } })
    const search = 'where=device%3Amobile&where=channel%3Aonline&state=open&limit=2&cursor=before'
    const response = await api.request(`/v1/services/fishing/journeys?${search}`, { headers: { Accept: accept } })
    const next = search.replace('cursor=before', 'cursor=a%2Bb%2Fc')
    expect(response.headers.get('link')).toBe(`</v1/services/fishing/journeys?${next}>; rel="next"`)
  })

  it('says of no next one at the end', async () => {
    const api = await withFishing({ questions: { journeys: async () => ({ ...journeysExample, cursor: null }) } })
    const response = await api.request('/v1/services/fishing/journeys', { headers: { Accept: 'text/csv' } })
    expect(response.headers.get('link')).toBeNull()
  })
})

describe('paths and methods', () => {
  it.each([
    ['POST', '/v1/services', 'GET, HEAD'],
    ['PATCH', '/v1/services/fishing', 'GET, HEAD, PUT, DELETE'],
    ['PUT', '/v1/services/fishing/funnel', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/status', 'GET, HEAD'],
    ['GET', '/v1/keys/x', 'DELETE'],
    ['DELETE', '/v1/keys', 'GET, HEAD, POST'],
  ])('%s %s is not allowed; what is stands in Allow', async (method, path, allow) => {
    const response = await (await withFishing()).request(path, { method, secret: null })
    expect(await problemFrom(response)).toMatchObject({ status: 405, code: 'method-not-allowed' })
    expect(response.headers.get('allow')).toBe(allow)
  })

  it('HEAD answers as GET does, without the body', async () => {
    const response = await (await withFishing()).request('/v1/services', { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })

  it.each([
    '/v1/sehr-geheim',
    '/v1/services/fishing/sehr-geheim',
    '/v1',
    '/sehr-geheim',
    '/v1/services/',
    '//v1/services',
  ])('%s is not found', async (path) => {
    const problem = await problemFrom(await (await withFishing()).request(path))
    expect(problem).toMatchObject({ status: 404, code: 'not-found' })
    expect(JSON.stringify(problem)).not.toContain('geheim')
  })
})

describe('failures', () => {
  it.each<[string, Error, number, string]>([
    ['the database is away', new StoreUnavailable('code 210', { retryAfterSeconds: 7 }), 503, 'store-unavailable'],
    ['a query runs into its limits', new QueryTooLarge('secret of ours'), 503, 'query-too-large'],
    ['a parameter has no meaning', new InvalidParameter('tz', 'an IANA time zone'), 400, 'invalid-parameter'],
    ['a statement is refused', new StoreRefused('SELECT secret of ours'), 500, 'internal'],
    ['something else happens', new TypeError('secret of ours'), 500, 'internal'],
  ])('when %s, the answer says so and no more', async (_, error, status, code) => {
    const api = await withFishing({ questions: { funnel: () => Promise.reject(error) } })
    const response = await api.request('/v1/services/fishing/funnel')
    const problem = await problemFrom(response)
    expect(problem).toMatchObject({ status, code })
    expect(JSON.stringify(problem)).not.toMatch(/secret of ours|SELECT|at .*\.ts/)
    expect(api.failures).toEqual(status === 500 ? [error] : [])
    if (code === 'store-unavailable') expect(response.headers.get('retry-after')).toBe('7')
    if (code === 'invalid-parameter')
      expect(problem).toMatchObject({ path: 'tz', detail: 'tz: expected an IANA time zone' })
  })

  it.each<[string, RegExp, RegExp]>([
    ['funnel', /`from`.*`breakdown`.*`where`.*`step`/, /interval|limit|funnel/],
    ['trend', /`from`.*`breakdown`.*`where`.*`interval`/, /limit|step/],
    ['journeys', /`from`.*`where`.*`limit`/, /breakdown|interval|step/],
  ])('a %s that is too large names the parameters of that call that would help', async (call, named, others) => {
    const fails = () => Promise.reject(new QueryTooLarge('limit'))
    const api = await withFishing({ questions: { funnel: fails, trend: fails, journeys: fails, trail: fails } })
    const { detail } = await problemFrom(await api.request(`/v1/services/fishing/${call}`))
    expect(detail).toMatch(named)
    expect(detail).not.toMatch(others)
    const trail = await problemFrom(await api.request('/v1/services/fishing/journeys/0123456789abcdef'))
    expect([trail.code, trail.detail]).toEqual(['query-too-large', undefined])
  })

  it('a body that asks too much is told which of its fields would help', async () => {
    const api = await withFishing({ questions: { funnel: () => Promise.reject(new QueryTooLarge('limit')) } })
    const { detail } = await problemFrom(await api.request('/v1/services/fishing/funnel', { method: 'POST', body: {} }))
    expect(detail).toMatch(/`from`.*`breakdown`.*`where`.*`funnel`/)
  })

  it('each call is counted under its operation', async () => {
    const api = await withFishing()
    await api.request('/v1/services/fishing')
    await api.request('/v1/services/nobody')
    await api.request('/nowhere')
    expect(api.calls).toEqual([
      { operation: 'getService', status: 200 },
      { operation: 'getService', status: 404 },
      { operation: null, status: 404 },
    ])
  })
})

describe('the socket', () => {
  it('needs no key, and a bad one is refused there too', async () => {
    const api = await withFishing()
    expect((await api.request('/v1/keys', { secret: null, trusted: true })).status).toBe(200)
    expect((await api.request('/v1/keys', { secret: null, trusted: false })).status).toBe(401)
    expect((await api.request('/v1/keys', { secret: 'wmk_nobody', trusted: true })).status).toBe(401)
    expect((await api.request('/v1/keys', { secret: adminSecret, trusted: true })).status).toBe(200)
  })
})

describe('GET …/discover', () => {
  it('asks with the parameters as read, and answers as JSON or CSV', async () => {
    const api = await withFishing()
    const path = '/v1/services/fishing/discover'
    const response = await api.request(`${path}?from=2026-01-05&limit=20&where=device:mobile`)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual(discoverExample)
    expect(api.asked).toMatchObject([
      {
        question: 'discover',
        with: { from: '2026-01-05', limit: 20, where: [{ dimension: 'device', values: ['mobile'], not: false }] },
      },
    ])
    const csv = await (await api.request(path, { headers: { Accept: 'text/csv' } })).text()
    expect(csv.split('\r\n')[0]).toBe(
      'step,journeys,share,medianPosition,position,optional,confidence,reasons,outside.code,outside.words',
    )
    expect(csv.split('\r\n')).toHaveLength(discoverExample.steps.length + 2)
  })

  it.each(['limit=1', 'limit=51', 'limit=two', 'where=device', 'step=a', 'from=x', 'limit=2&limit=3'])(
    'refuses %s, and says what is allowed',
    async (query) => {
      const api = await withFishing()
      const response = await api.request(`/v1/services/fishing/discover?${query}`)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ code: 'invalid-parameter' })
    },
  )
})

describe('how far answers are behind', () => {
  it.each([
    [new LogUnavailable('the brokers are away', { retryAfterSeconds: 5 }), 503, 'log-unavailable'],
    [new StoreUnavailable('ClickHouse is away', { retryAfterSeconds: 7 }), 503, 'store-unavailable'],
  ])('cannot be said while %s', async (error, status, code) => {
    const api = apiUnderTest({ status: () => Promise.reject(error) })
    const response = await api.request('/v1/status')
    expect(response.headers.get('retry-after')).toBe(String(error.retryAfterSeconds))
    expect(await problemFrom(response)).toMatchObject({ status, code })
  })
})
