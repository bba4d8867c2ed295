import { describe, expect, it } from 'vitest'
import { StoreUnavailable } from '../domain/errors.ts'
import type { Erasure } from '../domain/ports/erasures.ts'
import { definition } from '../tests/contract/registry.ts'
import { apiUnderTest } from '../tests/support/api.ts'
import { openMemoryErasures } from '../tests/support/memory-erasures.ts'

const erasure = (journey: string, at = '2026-02-12T10:00:00.000Z') => ({ service: 'fishing', journey, at })

async function bench() {
  const erased: [service: string, journey: string][] = []
  const applied: (readonly Erasure[])[] = []
  const list = openMemoryErasures()
  const api = apiUnderTest({
    erasures: {
      erase: async (service, journey) => void erased.push([service, journey]),
      apply: async (some) => {
        applied.push(some)
        await list.add(some)
      },
      list: (question) => list.list(question),
    },
  })
  await api.registry.putService('fishing', definition({ department: 'environment' }))
  return { api, erased, applied }
}

const remove = { method: 'DELETE' }

describe('DELETE of a journey', () => {
  it.each([
    ['a reference', 'my-journey'],
    ['a hash', '9f86d081884c7d65'],
    ['one with a slash and a plus', 'Überprüfung 7/9 + 運 100%'],
    ['128 characters', 'j'.repeat(128)],
  ])('takes %s, decodes it, and answers 204', async (_what, journey) => {
    const { api, erased } = await bench()
    const response = await api.request(`/v1/services/fishing/journeys/${encodeURIComponent(journey)}`, remove)
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(erased).toEqual([['fishing', journey]])
  })

  it.each([
    ['129 characters', 'j'.repeat(129)],
    ['a line break', 'a\nb'],
  ])('refuses %s, says what is allowed, and erases nothing', async (_what, journey) => {
    const { api, erased } = await bench()
    const response = await api.request(`/v1/services/fishing/journeys/${encodeURIComponent(journey)}`, remove)
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({
        code: 'invalid-parameter',
        path: 'journey',
        detail: 'journey: expected a hash or a reference of 1 to 128 printable characters',
      }),
    ])
    expect(erased).toEqual([])
  })

  it('takes no parameters', async () => {
    const { api, erased } = await bench()
    const response = await api.request('/v1/services/fishing/journeys/r?really=1', remove)
    expect([response.status, erased]).toEqual([400, []])
  })

  it('reaches the journeys of a deleted service, and of no other that is not there', async () => {
    const { api, erased } = await bench()
    await api.registry.deleteService('fishing')
    expect((await api.request('/v1/services/fishing/journeys/r', remove)).status).toBe(204)
    expect(erased).toEqual([['fishing', 'r']])
    expect((await api.request('/v1/services/nobody/journeys/r', remove)).status).toBe(404)
  })

  it('answers 503 with Retry-After when it cannot be completed now', async () => {
    const api = apiUnderTest({
      erasures: { erase: () => Promise.reject(new StoreUnavailable('away', { retryAfterSeconds: 60 })) },
    })
    await api.registry.putService('fishing', definition({}))
    const response = await api.request('/v1/services/fishing/journeys/r', remove)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '60'])
    expect(await response.json()).toMatchObject({ code: 'store-unavailable' })
  })
})

describe('the list of erasures', () => {
  it('goes out page by page, and back in', async () => {
    const { api } = await bench()
    const all = Array.from({ length: 5 }, (_, index) => erasure(index.toString(16).padStart(16, '0')))
    const post = await api.request('/v1/erasures', { method: 'POST', body: { erasures: all } })
    expect([post.status, await post.text()]).toEqual([204, ''])
    const listed: unknown[] = []
    let pages = 0
    for (let cursor: string | null = ''; cursor !== null; pages++) {
      const response = await api.request(`/v1/erasures?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      const page = (await response.json()) as { erasures: unknown[]; cursor: string | null }
      listed.push(...page.erasures)
      cursor = page.cursor
    }
    expect([pages, listed]).toEqual([3, all])
  })

  it('is applied a thousand at a time', async () => {
    const { api, applied } = await bench()
    const all = Array.from({ length: 1_000 }, (_, index) => ({
      ...erasure(index.toString(16).padStart(16, '0')),
      service: 's'.repeat(64),
    }))
    expect((await api.request('/v1/erasures', { method: 'POST', body: { erasures: all } })).status).toBe(204)
    expect(applied[0]).toHaveLength(1_000)
    const { erasures } = (await (await api.request('/v1/erasures')).json()) as { erasures: unknown[] }
    expect(erasures).toEqual(all)
  })

  it('keeps the time in whatever zone it is written', async () => {
    const { api, applied } = await bench()
    await api.request('/v1/erasures', {
      method: 'POST',
      body: { erasures: [erasure('00000000000000ff', '2026-02-12T11:00:00+01:00')] },
    })
    expect(applied).toEqual([[{ service: 'fishing', journey: '00000000000000ff', at: Date.UTC(2026, 1, 12, 10) }]])
  })

  it.each<[string, unknown, string | undefined]>([
    ['no list', {}, 'erasures'],
    ['an empty list', { erasures: [] }, 'erasures'],
    ['a reference for a hash', { erasures: [erasure('geheim')] }, 'erasures[0].journey'],
    ['a hash in capitals', { erasures: [erasure('9F86D081884C7D65')] }, 'erasures[0].journey'],
    ['no time', { erasures: [{ service: 'fishing', journey: '00000000000000ff' }] }, 'erasures[0].at'],
    ['a time that is none', { erasures: [erasure('00000000000000ff', 'geheim')] }, 'erasures[0].at'],
    [
      'a service that is no slug',
      { erasures: [{ ...erasure('00000000000000ff'), service: 'GEHEIM' }] },
      'erasures[0].service',
    ],
    ['an unknown field', { erasures: [{ ...erasure('00000000000000ff'), geheim: 1 }] }, 'erasures[0]'],
    ['more than 1,000', { erasures: Array.from({ length: 1_001 }, () => erasure('00000000000000ff')) }, 'erasures'],
  ])('takes none of it with %s', async (_what, body, path) => {
    const { api, applied } = await bench()
    const response = await api.request('/v1/erasures', { method: 'POST', body })
    const problem = (await response.json()) as { path?: string }
    expect(problem).toMatchObject({ status: 400, code: 'invalid-parameter' })
    expect([problem.path, applied]).toEqual([path, []])
    expect(JSON.stringify(problem)).not.toMatch(/geheim/i)
  })

  it.each(['limit=0', 'limit=1001', 'cursor=nothing', 'cursor=fishing:xyz', 'from=2026-01-01'])(
    'is refused with %s',
    async (query) => {
      const { api } = await bench()
      const response = await api.request(`/v1/erasures?${query}`)
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ code: 'invalid-parameter' }),
      ])
    },
  )
})
