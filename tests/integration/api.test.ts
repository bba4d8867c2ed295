import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiRoutes } from '../../api/app.ts'
import { scriptsExample } from '../../api/examples-set-up.ts'
import { defaultLimits } from '../../domain/limits.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { funnelAnswer, journeysAnswer, lowCompletionAnswer, trailAnswer, trendAnswer } from '../../queries/answers.ts'
import { openAnswering, type Answering } from '../support/answering.ts'
import { apiUnderTest, exampleQuestions, noErasures, type ApiUnderTest } from '../support/api.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'

const day = 86_400_000
const monday = Date.UTC(2026, 0, 5, 9)
const steps = ['start', 'pay, by card', 'done']

let answering: Answering
let api: ApiUnderTest

const ask = (path: string, accept?: string) =>
  api.request(path, { trusted: true, secret: null, ...(accept === undefined ? {} : { headers: { Accept: accept } }) })

beforeAll(async () => {
  answering = await openAnswering(monday + 20 * day)
  api = apiUnderTest({ questions: answering.questions, registry: answering.registry })
  await answering.putService('fishing', { name: 'Fishing', funnel: { steps }, dimensions: ['licence'] })
  await answering.putService('empty', { name: 'Empty', funnel: { steps } })
  await answering.send(Array.from({ length: 30 }, (_, index) => journeyOf(index)).flat())
})

afterAll(async () => {
  await answering.close()
})

/** Every third comes no further than each step. */
function journeyOf(index: number): StoredEvent[] {
  return steps.slice(0, 1 + (index % 3)).map((step, position) => ({
    service: 'fishing',
    journey: index.toString(16).padStart(16, '0'),
    identity: position + 1,
    type: 'step',
    step,
    at: monday + index * 60_000 + position * 1000,
    seq: 0,
    outcome: '',
    field: '',
    code: '',
    rating: 0,
    engagedMs: 0,
    channel: 'online',
    dimensions: [
      ['device', index % 2 === 0 ? 'mobile' : 'desktop'],
      ['licence', '"a", =1+1'],
    ],
  }))
}

const period = 'from=2026-01-05&to=2026-01-12'

describe('answers have the shape that is documented', () => {
  it.each([
    ['/v1/services/fishing/funnel', funnelAnswer],
    [
      `/v1/services/fishing/funnel?${period}&breakdown=device&where=licence:${encodeURIComponent('"a", =1+1')}`,
      funnelAnswer,
    ],
    [`/v1/services/fishing/funnel?${period}&step=start&step=done&order=any&window=P1D&exclude=none`, funnelAnswer],
    [`/v1/services/fishing/funnel?${period}&version=1&breakdown=licence`, funnelAnswer],
    ['/v1/services/empty/funnel?breakdown=device', funnelAnswer],
    [`/v1/services/fishing/trend?${period}&interval=hour`, trendAnswer],
    [`/v1/services/fishing/trend?${period}&interval=week&step=done`, trendAnswer],
    ['/v1/services/empty/trend', trendAnswer],
    [`/v1/services/fishing/journeys?${period}&state=abandoned&step=start&limit=3`, journeysAnswer],
    ['/v1/services/empty/journeys', journeysAnswer],
    ['/v1/services/fishing/journeys/0000000000000001', trailAnswer],
    [`/v1/low-completion?${period}`, lowCompletionAnswer],
    ['/v1/low-completion?limit=1&tz=Europe/London', lowCompletionAnswer],
  ])('%s', async (path, schema) => {
    const response = await ask(path)
    const answer: unknown = await response.json()
    expect(response.status, JSON.stringify(answer)).toBe(200)
    expect(schema.safeParse(answer).error).toBeUndefined()
  })

  it('with the numbers of what was sent', async () => {
    const answer = funnelAnswer.parse(await (await ask(`/v1/services/fishing/funnel?${period}`)).json())
    expect(answer.totals).toMatchObject({ started: 30, completed: 10, abandoned: 20 })
    expect(answer.steps.map(({ entered }) => entered)).toEqual([30, 20, 10])
  })

  it('by a funnel in the body as by one in the query', async () => {
    const funnel = { steps: ['start', 'done'], window: 'P1D' }
    const posted = await api.request('/v1/services/fishing/funnel', {
      method: 'POST',
      trusted: true,
      secret: null,
      body: { from: '2026-01-05', to: '2026-01-12', funnel, where: { device: 'mobile' } },
    })
    const got = await ask(`/v1/services/fishing/funnel?${period}&step=start&step=done&window=P1D&where=device:mobile`)
    expect(await posted.json()).toEqual(await got.json())
  })
})

describe('CSV has the same rows', () => {
  const rows = async (path: string): Promise<Record<string, string>[]> => {
    const response = await ask(path, 'text/csv')
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    return parse(await response.text(), { columns: true })
  }

  it('of a funnel and its breakdown', async () => {
    const path = `/v1/services/fishing/funnel?${period}&breakdown=licence`
    const answer = funnelAnswer.parse(await (await ask(path)).json())
    const table = await rows(path)
    expect(table).toHaveLength(6)
    expect(table.map((row) => [row['whole'], row['value'], row['step'], Number(row['entered'])])).toEqual([
      ...answer.steps.map(({ step, entered }) => ['true', '', step, entered]),
      ...(answer.breakdown ?? []).flatMap(({ value, steps }) =>
        steps.map(({ step, entered }) => ['false', value, step, entered]),
      ),
    ])
    expect(Number(table[0]?.['totals.completionRate.value'])).toBeCloseTo(1 / 3, 10)
    expect(table[0]?.['rateFromPrevious.value']).toBe('')
  })

  it('of a trend, of journeys and of a trail', async () => {
    expect(await rows(`/v1/services/fishing/trend?${period}&interval=day`)).toHaveLength(7)
    const journeys = await rows(`/v1/services/fishing/journeys?${period}&state=completed`)
    expect(journeys).toHaveLength(10)
    expect(new Set(journeys.map(({ state }) => state))).toEqual(new Set(['completed']))
    const trail = await rows('/v1/services/fishing/journeys/0000000000000002')
    expect(trail.map(({ step }) => step)).toEqual(steps)
    expect(JSON.parse(trail[0]?.['attrs'] ?? '')).toMatchObject({ licence: '"a", =1+1' })
  })

  it('with the same columns where there is nothing', async () => {
    const header = async (path: string) => (await (await ask(path, 'text/csv')).text()).split('\r\n')[0]
    for (const call of ['funnel', 'trend', 'journeys'])
      expect(await header(`/v1/services/empty/${call}`)).toBe(await header(`/v1/services/fishing/${call}`))
  })
})

describe('a page of journeys', () => {
  it('goes on by its cursor until the end, each journey once', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const answer = journeysAnswer.parse(
        await (await ask(`/v1/services/fishing/journeys?${period}&limit=7${next}`)).json(),
      )
      expect(answer.journeys.length).toBeLessThanOrEqual(7)
      seen.push(...answer.journeys.map(({ journey }) => journey))
      cursor = answer.cursor
    } while (cursor !== null)
    expect(seen).toHaveLength(30)
    expect(new Set(seen).size).toBe(30)
  })
})

describe('what cannot be answered is refused by its parameter', () => {
  it.each([
    ['funnel', 'from=yesterday', 'from'],
    ['funnel', 'from=2026-02-30', 'from'],
    ['funnel', 'from=2026-02-01&to=2026-01-01', 'from'],
    ['funnel', 'from=1026-01-01&to=2026-01-01', 'from'],
    ['funnel', 'from=2026-01-01&to=9999-01-01', undefined],
    ['funnel', 'tz=Mars/Base', 'tz'],
    ['funnel', 'tz=%2B01:00', 'tz'],
    ['funnel', 'breakdown=shoe-size', 'breakdown'],
    ['funnel', 'where=shoe-size:47', 'where'],
    ['funnel', 'version=2', 'version'],
    ['trend', 'step=nowhere', 'step'],
    ['trend', 'interval=hour&from=2020-01-01&to=2026-01-01', undefined],
    ['journeys', 'step=nowhere', 'step'],
    ['journeys', 'state=passed', undefined],
    ['journeys', 'position=4', 'position'],
    ['journeys', 'cursor=garbage', 'cursor'],
  ])('%s?%s', async (call, search, parameter) => {
    const response = await ask(`/v1/services/fishing/${call}?${search}`)
    const problem = (await response.json()) as { path?: string; detail?: string }
    expect(problem).toMatchObject({ status: 400, code: 'invalid-parameter' })
    if (parameter !== undefined) expect(problem.path).toBe(parameter)
    expect(problem.detail).toContain('expected')
    expect(JSON.stringify(problem)).not.toMatch(/yesterday|Mars|shoe-size|nowhere|garbage/)
  })
})

describe('hostile values', () => {
  const hostile = [
    '\0',
    "'",
    "' OR 1=1 --",
    '\\',
    "\\'",
    '`',
    '{p0:String}',
    '{x:Identifier}',
    '%',
    '_',
    '\n',
    '\t',
    '\u202e',
    '\u2028',
    '\ufeff',
    '😀'.repeat(40),
    '__proto__',
    'constructor',
    '1e999',
    '-1',
    '9007199254740993',
    '18446744073709551616',
    '+010000-01-01',
    '-000001-01-01',
    '0000-01-01',
    '2026-01-05T00:00:00',
    '2026-01-05T24:00:00Z',
    '2026-01-05T00:00:00+23:59',
    '2026-03-29T01:30:00',
    'Etc/GMT+12',
    'europe/london',
    'UTC\0',
    'P36525D',
    'PT0.0001S',
  ]
  const calls = apiRoutes({
    questions: exampleQuestions().questions,
    erasures: noErasures,
    registry: openMemoryRegistry({ clock: { now: () => 0 } }),
    annotations: openMemoryAnnotations({ clock: { now: () => 0 } }),
    clock: { now: () => 0 },
    status: () => Promise.reject(new Error('not asked')),
    doctor: () => Promise.reject(new Error('not asked')),
    scripts: scriptsExample,
    verify: () => Promise.reject(new Error('not asked')),
    replay: () => Promise.reject(new Error('not asked')),
    limits: defaultLimits,
  }).filter(({ method, query }) => method === 'get' && Object.keys(query ?? {}).length > 0)

  it.each(calls.flatMap(({ path, query }) => Object.keys(query ?? {}).map((name): [string, string] => [name, path])))(
    '%s of %s: each is answered or refused',
    async (name, path) => {
      for (const value of hostile) {
        // An ad hoc funnel has two steps, and its other parameters need them.
        const needed = path.endsWith('/funnel') && ['order', 'window', 'exclude'].includes(name) ? 'step=a&step=b&' : ''
        const twice = path.endsWith('/funnel') && name === 'step' ? `step=${encodeURIComponent(value)}&` : ''
        const search = `${needed}${twice}${name}=${encodeURIComponent(value)}`
        for (const prefixed of name === 'where' ? [search, `where=device:${encodeURIComponent(value)}`] : [search]) {
          const response = await ask(`${path.replace('{id}', 'fishing')}?${prefixed}`)
          const text = await response.text()
          // A service that is named and not there is refused by another code.
          const answers = name === 'service' ? [200, 400, 404] : [200, 400]
          expect(answers, `${prefixed} ${text}`).toContain(response.status)
          expect(text).not.toMatch(/DB::|Exception|SELECT|\.ts:\d/)
        }
      }
      expect(api.failures).toEqual([])
    },
  )

  it('as a journey: each is found or not', async () => {
    for (const value of hostile) {
      const response = await ask(`/v1/services/fishing/journeys/${encodeURIComponent(value)}`)
      expect([404], value).toContain(response.status)
    }
    expect(api.failures).toEqual([])
  })
})
