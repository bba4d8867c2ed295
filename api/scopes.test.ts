import { describe, expect, it } from 'vitest'
import type { NewKey } from '../domain/key.ts'
import { definition } from '../tests/contract/registry.ts'
import { apiUnderTest, type ApiRequest } from '../tests/support/api.ts'

/** Who asks. `fishing` is of the department environment, `visas` of home; nobody is no service. */
const callers: Record<string, Omit<NewKey, 'name'> | null> = {
  nobody: null,
  ingest: { scopes: ['ingest'] },
  read: { scopes: ['read'] },
  admin: { scopes: ['admin'] },
  'read fishing': { scopes: ['read'], service: 'fishing' },
  'read environment': { scopes: ['read'], department: 'environment' },
  'admin fishing': { scopes: ['admin'], service: 'fishing' },
  'admin environment': { scopes: ['admin'], department: 'environment' },
}

const put = (department?: string): ApiRequest => ({
  method: 'PUT',
  body: { name: 'New', funnel: { steps: ['a', 'b'] }, ...(department === undefined ? {} : { department }) },
})
const key = (reach: object): ApiRequest => ({ method: 'POST', body: { name: 'New', scopes: ['read'], ...reach } })

const erasure = { service: 'fishing', journey: '9f86d081884c7d65', at: '2026-02-12T10:00:00Z' }

const calls: Record<string, [path: string, init?: ApiRequest]> = {
  status: ['/v1/status'],
  doctor: ['/v1/doctor'],
  verify: ['/v1/doctor/verify'],
  'verify badly asked': ['/v1/doctor/verify?from=x'],
  replay: ['/v1/replay', { method: 'POST' }],
  'replay badly asked': ['/v1/replay?from=2026-01-01', { method: 'POST' }],
  'list services': ['/v1/services'],
  'list services of home': ['/v1/services?department=home'],
  'see fishing': ['/v1/services/fishing'],
  'see visas': ['/v1/services/visas'],
  'see no service': ['/v1/services/nobody'],
  'funnel of fishing': ['/v1/services/fishing/funnel'],
  'funnel of visas': ['/v1/services/visas/funnel'],
  'funnel of no service': ['/v1/services/nobody/funnel'],
  'funnel of visas, badly asked': ['/v1/services/visas/funnel?from=x'],
  'post funnel of fishing': [
    '/v1/services/fishing/funnel',
    { method: 'POST', body: { funnel: { steps: ['a', 'b'] } } },
  ],
  'trend of visas': ['/v1/services/visas/trend'],
  'journeys of visas': ['/v1/services/visas/journeys'],
  'trail of visas': ['/v1/services/visas/journeys/x'],
  'paths of fishing': ['/v1/services/fishing/paths'],
  'paths of visas': ['/v1/services/visas/paths'],
  opportunities: ['/v1/opportunities'],
  'opportunities of home': ['/v1/opportunities?department=home'],
  'errors of visas': ['/v1/services/visas/errors'],
  'annotations of visas': ['/v1/services/visas/annotations'],
  'annotation of visas': ['/v1/services/visas/annotations/v1'],
  'annotate visas': ['/v1/services/visas/annotations', { method: 'POST', body: { label: 'Version 1' } }],
  'annotate fishing': ['/v1/services/fishing/annotations', { method: 'POST', body: { label: 'Version 1' } }],
  'unmark fishing': ['/v1/services/fishing/annotations/v1', { method: 'DELETE' }],
  ranking: ['/v1/low-completion'],
  'ranking of home': ['/v1/low-completion?department=home'],
  'put fishing, environment': ['/v1/services/fishing', put('environment')],
  'put fishing, home': ['/v1/services/fishing', put('home')],
  'put visas, environment': ['/v1/services/visas', put('environment')],
  'put deleted, environment': ['/v1/services/was-home', put('environment')],
  'put new, environment': ['/v1/services/new', put('environment')],
  'put new, none': ['/v1/services/new', put()],
  'delete fishing': ['/v1/services/fishing', { method: 'DELETE' }],
  'delete visas': ['/v1/services/visas', { method: 'DELETE' }],
  'delete no service': ['/v1/services/nobody', { method: 'DELETE' }],
  'erase of fishing': ['/v1/services/fishing/journeys/r-1', { method: 'DELETE' }],
  'erase of visas': ['/v1/services/visas/journeys/r-1', { method: 'DELETE' }],
  'erase of deleted': ['/v1/services/was-home/journeys/r-1', { method: 'DELETE' }],
  'erase of no service': ['/v1/services/nobody/journeys/r-1', { method: 'DELETE' }],
  'list erasures': ['/v1/erasures'],
  'apply erasures': ['/v1/erasures', { method: 'POST', body: { erasures: [erasure] } }],
  'list keys': ['/v1/keys'],
  'key for all': ['/v1/keys', key({})],
  'key for fishing': ['/v1/keys', key({ service: 'fishing' })],
  'key for visas': ['/v1/keys', key({ service: 'visas' })],
  'key for environment': ['/v1/keys', key({ department: 'environment' })],
  'revoke no key': ['/v1/keys/nobody', { method: 'DELETE' }],
}

const matrix = `
                              | nobody | ingest | read | admin | read fishing | read environment | admin fishing | admin environment
status                        | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
doctor                        | 401    | 403    | 403  | 200   | 403          | 403              | 403           | 403
verify                        | 401    | 403    | 403  | 200   | 403          | 403              | 403           | 403
verify badly asked            | 401    | 403    | 403  | 400   | 403          | 403              | 400           | 400
replay                        | 401    | 403    | 403  | 200   | 403          | 403              | 403           | 403
replay badly asked            | 401    | 403    | 403  | 400   | 403          | 403              | 403           | 403
list services                 | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
list services of home         | 401    | 403    | 200  | 403   | 200          | 403              | 403           | 403
see fishing                   | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
see visas                     | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
see no service                | 401    | 403    | 404  | 403   | 403          | 403              | 403           | 403
funnel of fishing             | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
funnel of visas               | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
funnel of no service          | 401    | 403    | 404  | 403   | 403          | 403              | 403           | 403
funnel of visas, badly asked  | 401    | 403    | 400  | 403   | 403          | 403              | 403           | 403
post funnel of fishing        | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
trend of visas                | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
journeys of visas             | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
trail of visas                | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
paths of fishing              | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
paths of visas                | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
opportunities                 | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
opportunities of home         | 401    | 403    | 200  | 403   | 200          | 403              | 403           | 403
errors of visas               | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
annotations of visas          | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
annotation of visas           | 401    | 403    | 200  | 403   | 403          | 403              | 403           | 403
annotate visas                | 401    | 403    | 403  | 201   | 403          | 403              | 403           | 403
annotate fishing              | 401    | 403    | 403  | 201   | 403          | 403              | 201           | 201
unmark fishing                | 401    | 403    | 403  | 404   | 403          | 403              | 404           | 404
ranking                       | 401    | 403    | 200  | 403   | 200          | 200              | 403           | 403
ranking of home               | 401    | 403    | 200  | 403   | 200          | 403              | 403           | 403
put fishing, environment      | 401    | 403    | 403  | 200   | 403          | 403              | 200           | 200
put fishing, home             | 401    | 403    | 403  | 200   | 403          | 403              | 200           | 403
put visas, environment        | 401    | 403    | 403  | 200   | 403          | 403              | 403           | 403
put deleted, environment      | 401    | 403    | 403  | 201   | 403          | 403              | 403           | 403
put new, environment          | 401    | 403    | 403  | 201   | 403          | 403              | 403           | 201
put new, none                 | 401    | 403    | 403  | 201   | 403          | 403              | 403           | 403
delete fishing                | 401    | 403    | 403  | 204   | 403          | 403              | 204           | 204
delete visas                  | 401    | 403    | 403  | 204   | 403          | 403              | 403           | 403
delete no service             | 401    | 403    | 403  | 404   | 403          | 403              | 403           | 403
erase of fishing              | 401    | 403    | 403  | 204   | 403          | 403              | 204           | 204
erase of visas                | 401    | 403    | 403  | 204   | 403          | 403              | 403           | 403
erase of deleted              | 401    | 403    | 403  | 204   | 403          | 403              | 403           | 403
erase of no service           | 401    | 403    | 403  | 404   | 403          | 403              | 403           | 403
list erasures                 | 401    | 403    | 403  | 200   | 403          | 403              | 403           | 403
apply erasures                | 401    | 403    | 403  | 204   | 403          | 403              | 403           | 403
list keys                     | 401    | 403    | 403  | 200   | 403          | 403              | 200           | 200
key for all                   | 401    | 403    | 403  | 201   | 403          | 403              | 403           | 403
key for fishing               | 401    | 403    | 403  | 201   | 403          | 403              | 201           | 201
key for visas                 | 401    | 403    | 403  | 201   | 403          | 403              | 403           | 403
key for environment           | 401    | 403    | 403  | 201   | 403          | 403              | 403           | 201
revoke no key                 | 401    | 403    | 403  | 404   | 403          | 403              | 403           | 403
`

const [head = [], ...rows] = matrix
  .trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
const columns = head.filter((cell) => cell !== '')
const cases = rows.flatMap(([call = '', ...expected]) =>
  columns.map((caller, index): [string, string, number] => [caller, call, Number(expected[index])]),
)

async function someServices() {
  const api = apiUnderTest()
  await api.registry.putService('fishing', definition({ department: 'environment' }))
  await api.registry.putService('visas', definition({ department: 'home' }))
  await api.registry.putService('was-home', definition({ department: 'home' }))
  await api.registry.deleteService('was-home')
  return api
}

describe('what each key may do', () => {
  it('covers every caller and call', () => {
    expect(columns).toEqual(Object.keys(callers))
    expect(rows.map(([call]) => call)).toEqual(Object.keys(calls))
  })

  it.each(cases)('%s: %s', async (caller, call, expected) => {
    const api = await someServices()
    const reach = callers[caller]
    const secret = reach === null || reach === undefined ? null : await api.newSecret(reach)
    const [path, init] = calls[call] ?? ['/nowhere']
    const response = await api.request(path, { ...init, secret })
    expect(response.status).toBe(expected)
    if (expected === 401) {
      expect(await response.json()).toMatchObject({ code: 'bad-key' })
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="waymark"')
    }
    if (expected === 403) expect(await response.json()).toMatchObject({ code: 'scope-missing' })
  })
})

describe('a refusal for want of scope', () => {
  it('is the same to the byte whether or not the service exists', async () => {
    const api = await someServices()
    for (const reach of Object.values(callers).filter((each) => each !== null)) {
      const secret = await api.newSecret(reach)
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const body = method === 'PUT' ? { name: 'x', funnel: { steps: ['a', 'b'] } } : undefined
        const there = await api.request('/v1/services/visas', { method, secret, body })
        if (there.status !== 403) continue
        const nowhere = await api.request('/v1/services/nobody', { method, secret, body })
        expect([nowhere.status, await nowhere.text()]).toEqual([403, await there.text()])
      }
    }
  })
})

describe('Authorization', () => {
  it.each([
    ['', 401],
    ['Bearer', 401],
    ['Bearer ', 401],
    ['Bearer nobody', 401],
    ['Basic SECRET', 401],
    ['SECRET', 401],
    ['Bearer SECRET SECRET', 401],
    ['Bearer SECRET,', 401],
    ['Bearer SECRETx', 401],
    [`Bearer ${'x'.repeat(5000)}`, 401],
    ['Bearer SECRET', 200],
    ['bearer SECRET', 200],
    ['BEARER   SECRET', 200],
  ])('%j is answered with %d', async (header, status) => {
    const api = await someServices()
    const secret = await api.newSecret({ scopes: ['read'] })
    const headers = { Authorization: header.replaceAll('SECRET', secret) }
    const response = await api.request('/v1/services', { secret: null, headers })
    expect(response.status).toBe(status)
    expect(await response.text()).not.toContain(secret)
  })

  it('that is bad is refused on paths that are not there and methods that are not allowed', async () => {
    const api = await someServices()
    const bad = { secret: 'wmk_nobody' }
    expect((await api.request('/nowhere', bad)).status).toBe(401)
    expect((await api.request('/v1/services', { ...bad, method: 'POST' })).status).toBe(401)
  })

  it('that is revoked is refused at once', async () => {
    const api = await someServices()
    const created = await api.request('/v1/keys', { method: 'POST', body: { name: 'x', scopes: ['read'] } })
    const { id, secret } = (await created.json()) as { id: string; secret: string }
    expect((await api.request('/v1/services', { secret })).status).toBe(200)
    expect((await api.request(`/v1/keys/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await api.request('/v1/services', { secret })).status).toBe(401)
    expect((await api.request(`/v1/keys/${id}`, { method: 'DELETE' })).status).toBe(404)
  })
})

describe('keys', () => {
  it('are created with their secret, which is never shown again', async () => {
    const api = apiUnderTest()
    const body = { name: 'Fishing', scopes: ['read', 'read', 'ingest'], service: 'fishing' }
    const created = await api.request('/v1/keys', { method: 'POST', body })
    expect(created.status).toBe(201)
    const { secret, ...key } = (await created.json()) as { secret: string; id: string; prefix: string }
    expect(secret).toMatch(/^wmk_[\w-]{43}$/)
    expect(key).toMatchObject({ name: 'Fishing', scopes: ['read', 'ingest'], service: 'fishing' })
    expect(secret.startsWith(key.prefix)).toBe(true)
    expect(await (await api.request('/v1/keys')).json()).toEqual({ keys: [key] })
  })

  it('that are limited list and revoke those within their limit only', async () => {
    const api = await someServices()
    const admin = await api.newSecret({ scopes: ['admin'], department: 'environment' })
    const { key: fishing } = await api.registry.createKey({ name: 'f', scopes: ['read'], service: 'fishing' })
    const { key: visas } = await api.registry.createKey({ name: 'v', scopes: ['read'], service: 'visas' })
    const { keys } = (await (await api.request('/v1/keys', { secret: admin })).json()) as { keys: { name: string }[] }
    expect(keys.map(({ name }) => name)).toEqual(['test', 'f'])
    const revoke = async (id: string) =>
      (await api.request(`/v1/keys/${id}`, { method: 'DELETE', secret: admin })).status
    expect(await revoke(visas.id)).toBe(403)
    expect(await revoke(fishing.id)).toBe(204)
  })

  it.each<[string, unknown, string | undefined]>([
    ['no name', { scopes: ['read'] }, 'name'],
    ['an empty name', { name: '', scopes: ['read'] }, 'name'],
    ['101 characters', { name: 'x'.repeat(101), scopes: ['read'] }, 'name'],
    ['no scope', { name: 'x', scopes: [] }, 'scopes'],
    ['a scope that is none', { name: 'x', scopes: ['geheim'] }, 'scopes[0]'],
    ['a service that is no slug', { name: 'x', scopes: ['read'], service: 'Geheim' }, 'service'],
    ['both limits', { name: 'x', scopes: ['read'], service: 'a', department: 'b' }, undefined],
    ['an unknown field', { name: 'x', scopes: ['read'], geheim: 1 }, undefined],
  ])('with %s are refused', async (_, body, path) => {
    const response = await apiUnderTest().request('/v1/keys', { method: 'POST', body })
    const problem = (await response.json()) as { path?: string }
    expect(problem).toMatchObject({ status: 400, code: 'invalid-key' })
    expect(problem.path).toBe(path)
    expect(JSON.stringify(problem)).not.toMatch(/geheim/i)
  })
})
