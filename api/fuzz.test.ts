import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { definition } from '../tests/contract/registry.ts'
import { apiUnderTest, type ApiUnderTest } from '../tests/support/api.ts'
import { serviceInputExample } from './examples.ts'

/** Stands in every hostile value, so that an answer which repeats one is found out. */
const marker = 'gEhEiM'

const hostileText = fc.oneof(
  fc.constantFrom(
    '',
    '\0',
    '%00',
    '%',
    '%zz',
    '../../etc/passwd',
    "'; DROP TABLE facts --",
    '{p0:String}',
    '${7*7}',
    '<script>alert(1)</script>',
    '__proto__',
    'constructor',
    'toString',
    '\ud800',
    '\u202e',
    '𝒳'.repeat(200),
    '9'.repeat(400),
    '-0',
    '1e309',
    'NaN',
    'P1D',
    '2026-02-30',
    '+275760-09-13',
    '-271821-04-20',
    '2026-01-01T00:00:00+99:99',
    'device:mobile',
    'Europe/London',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
)
const hostile = fc.tuple(hostileText, fc.boolean()).map(([text, marked]) => (marked ? `${text}${marker}` : text))

const parameterNames = [
  'from',
  'to',
  'tz',
  'breakdown',
  'where',
  'version',
  'step',
  'order',
  'window',
  'exclude',
  'interval',
  'position',
  'state',
  'limit',
  'cursor',
  'department',
]
const paths = [
  '/v1/status',
  '/v1/keys',
  '/v1/services',
  '/v1/services/fishing',
  '/v1/services/fishing/funnel',
  '/v1/services/fishing/trend',
  '/v1/services/fishing/journeys',
  '/v1/low-completion',
]

async function expectCalm(api: ApiUnderTest, response: Response): Promise<void> {
  const text = await response.text()
  expect(api.failures).toEqual([])
  expect(response.status).toBeLessThan(500)
  expect(text).not.toMatch(/\.ts:\d|node_modules|\bat [\w.]+ \(/)
  if (response.status < 400) return
  expect(text).not.toContain(marker)
  expect([...response.headers].join()).not.toContain(marker)
  const problem: unknown = JSON.parse(text)
  expect(problem).toMatchObject({ status: response.status })
}

async function withFishing(): Promise<ApiUnderTest> {
  const api = apiUnderTest()
  await api.registry.putService('fishing', definition({}))
  return api
}

describe('whatever is sent, the API answers calmly and repeats nothing', () => {
  it('in the query', async () => {
    const api = await withFishing()
    const pair = fc.tuple(fc.oneof(fc.constantFrom(...parameterNames), hostile), hostile)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.array(pair, { maxLength: 6 }), async (path, pairs) => {
        const search = pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')
        await expectCalm(api, await api.request(`${path}?${search}`))
      }),
      { numRuns: 1000 },
    )
  })

  it('as a query that is not encoded', async () => {
    const api = await withFishing()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), hostile, async (path, text) => {
        await expectCalm(api, await api.request(`${path}?${text.replaceAll('#', '')}`))
      }),
      { numRuns: 300 },
    )
  })

  it('in the path', async () => {
    const api = await withFishing()
    const method = fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH')
    const shape = fc.constantFrom(
      '/v1/services/X',
      '/v1/services/X/funnel',
      '/v1/services/fishing/journeys/X',
      '/v1/keys/X',
      '/X',
    )
    await fc.assert(
      fc.asyncProperty(method, shape, hostile, fc.boolean(), async (method, path, text, raw) => {
        const part = raw ? text.replaceAll(/[?#\s\\]/g, '') : encoded(text)
        const body = method === 'PUT' || method === 'POST' ? serviceInputExample : undefined
        const response = await api.request(
          path.replace('X', () => part),
          { method, body },
        )
        if (method === 'HEAD') expect(response.status).toBeLessThan(500)
        // A trail answers with the journey that was found, and a service with its own name.
        else if (response.status >= 400) await expectCalm(api, response)
      }),
      { numRuns: 600 },
    )
  })

  it('in the headers', async () => {
    const api = await withFishing()
    const header = fc.string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
      maxLength: 80,
    })
    const name = fc.constantFrom(
      'Authorization',
      'Accept',
      'Content-Type',
      'Content-Encoding',
      'Content-Length',
      'Host',
      'Origin',
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), name, header, fc.boolean(), async (path, name, value, post) => {
        const headers = { [name]: `${value}${marker}` }
        const init = post ? { method: 'POST', body: '{}', headers } : { headers }
        await expectCalm(api, await api.request(path, init))
      }),
      { numRuns: 500 },
    )
  })

  it('in the body', async () => {
    const api = await withFishing()
    const target = fc.constantFrom<[string, string]>(
      ['PUT', '/v1/services/fishing'],
      ['POST', '/v1/services/fishing/funnel'],
      ['POST', '/v1/keys'],
    )
    const body = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      hostile,
      damaged(serviceInputExample),
      damaged({ name: 'x', scopes: ['read'], service: 'fishing' }),
      damaged({
        from: '2026-01-05',
        to: '2026-02-02',
        tz: 'UTC',
        funnel: serviceInputExample.funnel,
        where: { device: 'mobile' },
      }),
    )
    await fc.assert(
      fc.asyncProperty(target, body, async ([method, path], text) => {
        await expectCalm(api, await api.request(path, { method, body: text }))
      }),
      { numRuns: 2000 },
    )
  })
})

/** A good value with one of its parts replaced, added or taken away. */
function damaged(value: object): fc.Arbitrary<string> {
  const replacement = fc.oneof(hostile, fc.constantFrom<unknown>(null, -1, 1e308, true, [], {}, [[]]), fc.jsonValue())
  const places = placesOf(value, [])
  return fc
    .tuple(fc.constantFrom(...places), replacement, hostile, fc.constantFrom('replace', 'add', 'remove'))
    .map(([place, part, name, how]) => JSON.stringify(changed(value, place, { part, name, how })))
}

function placesOf(value: unknown, path: readonly string[]): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, inner]) => placesOf(inner, [...path, name]))]
}

function changed(
  value: unknown,
  place: readonly string[],
  change: { part: unknown; name: string; how: string },
): unknown {
  const [first, ...rest] = place
  if (first === undefined) {
    if (change.how === 'add' && typeof value === 'object' && value !== null && !Array.isArray(value))
      return Object.fromEntries([...Object.entries(value), [change.name, change.part]])
    return change.how === 'remove' ? undefined : change.part
  }
  if (Array.isArray(value))
    return value.map((inner: unknown, index): unknown =>
      String(index) === first ? changed(inner, rest, change) : inner,
    )
  return Object.fromEntries(
    Object.entries(value ?? {}).map(([name, inner]) => [name, name === first ? changed(inner, rest, change) : inner]),
  )
}

/** As encodeURIComponent, which throws on lone surrogates; UTF-8 has none. */
function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString())
}
