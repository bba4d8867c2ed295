import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import { problemCodes } from '../../domain/problems.ts'
import { readPageAssets } from '../../infra/page-assets.ts'
import { movableClock } from '../../tests/contract/registry.ts'
import { adminSecret, exampleQuestions, noErasures } from '../../tests/support/api.ts'
import { openMemoryAnnotations } from '../../tests/support/memory-annotations.ts'
import { openMemoryRegistry } from '../../tests/support/memory-registry.ts'
import { apiRoutes } from '../app.ts'
import { scriptsExample } from '../examples-set-up.ts'
import { createDocs, documentedOperations } from './app.tsx'

const registry = openMemoryRegistry({ clock: movableClock(0), adminSecret })
const routes = apiRoutes({
  questions: exampleQuestions().questions,
  erasures: noErasures,
  registry,
  annotations: openMemoryAnnotations({ clock: movableClock(0) }),
  clock: movableClock(0),
  status: () => Promise.reject(new Error('not asked')),
  doctor: () => Promise.reject(new Error('not asked')),
  scripts: scriptsExample,
  verify: () => Promise.reject(new Error('not asked')),
  replay: () => Promise.reject(new Error('not asked')),
  limits: defaultLimits,
})
const docs = createDocs({
  routes,
  limits: defaultLimits,
  registry,
  assets: await readPageAssets(),
  script: 'export {}',
  appVersion: '1.2.3',
  base: 'http://127.0.0.1:8080',
})

describe('the reference', () => {
  it('needs no key', async () => {
    const response = await docs.request('/openapi.json')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.json()).toMatchObject({ openapi: '3.1.1', info: { version: '1.2.3' } })
  })

  it.each(['/openapi.json', '/docs'])('%s refuses a bad key all the same, and takes a good one', async (path) => {
    const bad = await docs.request(path, { headers: { Authorization: 'Bearer nobody' } })
    expect(bad.status).toBe(401)
    expect(bad.headers.get('www-authenticate')).toBe('Bearer realm="waymark"')
    expect((await docs.request(path, { headers: { Authorization: `Bearer ${adminSecret}` } })).status).toBe(200)
  })

  it.each(['/openapi.json', '/docs'])('%s is read only', async (path) => {
    const response = await docs.request(path, { method: 'POST' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
  })

  it('has each call and each problem under its own anchor, once', async () => {
    const page = await (await docs.request('/docs')).text()
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { id } of documentedOperations({ routes, limits: defaultLimits })) expect(ids).toContain(id)
    for (const code of problemCodes) expect(ids).toContain(`problem-${code}`)
    for (const [, anchor] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(anchor)
  })

  it('runs only a script of its own, from a file', async () => {
    const response = await docs.request('/docs')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toContain('unsafe')
    const page = await response.text()
    const scripts = [...page.matchAll(/<script[^>]*>([^<]*)<\/script>/g)]
    expect(scripts.map(([, text]) => text)).toEqual([''])
    expect(page).not.toMatch(/ style="| on[a-z]+="/)
    const [, path = ''] = /src="([^"]+)"/.exec(page) ?? []
    const script = await docs.request(path)
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(await script.text()).toBe('export {}')
  })
})
