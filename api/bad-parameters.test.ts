import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../domain/limits.ts'
import { definition, movableClock } from '../tests/contract/registry.ts'
import { apiUnderTest, exampleQuestions, noErasures } from '../tests/support/api.ts'
import { openMemoryAnnotations } from '../tests/support/memory-annotations.ts'
import { openMemoryRegistry } from '../tests/support/memory-registry.ts'
import { apiRoutes } from './app.ts'
import { scriptsExample } from './examples-set-up.ts'

/** Made from the routes, so that a new call and a new parameter are in it by themselves. */
const routes = apiRoutes({
  questions: exampleQuestions().questions,
  registry: openMemoryRegistry({ clock: movableClock(0) }),
  clock: movableClock(0),
  annotations: openMemoryAnnotations({ clock: movableClock(0) }),
  erasures: noErasures,
  status: () => Promise.reject(new Error('not asked')),
  doctor: () => Promise.reject(new Error('not asked')),
  scripts: scriptsExample,
  verify: () => Promise.reject(new Error('not asked')),
  replay: () => Promise.reject(new Error('not asked')),
  limits: defaultLimits,
})

/** What no parameter takes, whatever it is. */
const never = {
  'an empty value': '',
  'a NUL': 'gEhEiM\0',
  'a very long value': `gEhEiM${'x'.repeat(5000)}`,
  'a line feed': 'gEhEiM\n',
}

const all = routes.flatMap((route) =>
  Object.entries(route.query ?? {}).map(([name, parameter]) => ({ route, name, parameter })),
)
const rows = all.flatMap(({ route, name, parameter }) => {
  const { type } = JSON.parse(
    JSON.stringify(parameter.schema.toJSONSchema({ io: 'output', unrepresentable: 'any' })),
  ) as {
    type?: string
  }
  const whole = type === 'integer' || type === 'number'
  const values = {
    ...never,
    ...(whole
      ? {
          'no number': 'gEhEiM',
          'a fraction': '1.5',
          nought: '0',
          'one below it': '-1',
          'past every range': '99999999999',
        }
      : {}),
  }
  return [
    ...Object.entries(values).map(([what, value]) => ({ route, name, what, given: [value] })),
    ...(parameter.repeated === true
      ? []
      : [{ route, name, what: 'two', given: [parameter.example, parameter.example] }]),
  ].map((row) => [`${row.what} as ${name} of ${route.method.toUpperCase()} ${route.path}`, row] as const)
})

async function refusal(path: string, method: string, search: URLSearchParams) {
  const api = apiUnderTest()
  await api.registry.putService('fishing', definition({}))
  const filled = path.replace('{id}', 'fishing').replace('{journey}', '0123456789abcdef')
  const response = await api.request(`${filled}?${search.toString()}`, { method: method.toUpperCase() })
  const text = await response.text()
  expect(api.failures).toEqual([])
  expect(api.asked).toEqual([])
  expect(text).not.toContain('gEhEiM')
  return JSON.parse(text) as { status: number; code: string; path?: string; detail?: string }
}

describe('a parameter', () => {
  it('of every call that has any is tried', () => {
    expect(new Set(all.map(({ route }) => route.id)).size).toBeGreaterThanOrEqual(5)
    expect(rows.length).toBeGreaterThan(all.length * 5)
  })

  it.each(rows)('is refused by its name, with what is allowed: %s', async (_, { route, name, given }) => {
    // An ad hoc funnel has two steps, and its other parameters need them.
    const needed =
      name === 'step' ? [] : Object.hasOwn(route.query ?? {}, 'exclude') ? ['order', 'window', 'exclude'] : []
    const search = new URLSearchParams([
      ...(needed.includes(name)
        ? [
            ['step', 'a'],
            ['step', 'b'],
          ]
        : []
      ).map(([key = '', value = '']): [string, string] => [key, value]),
      ...given.map((value): [string, string] => [name, value]),
    ])
    const problem = await refusal(route.path, route.method, search)
    expect(problem).toMatchObject({ status: 400, code: 'invalid-parameter', path: name })
    expect(problem.detail).toMatch(new RegExp(`^${name}: expected .+`))
  })

  it.each(routes.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
    'that is unknown is refused by %s, which says the ones that it has',
    async (_, route) => {
      const problem = await refusal(route.path, route.method, new URLSearchParams({ gEhEiM: '1' }))
      expect(problem).toMatchObject({ status: 400, code: 'invalid-parameter' })
      for (const name of Object.keys(route.query ?? {})) expect(problem.detail).toContain(name)
    },
  )
})
