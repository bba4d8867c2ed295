import { describe, expect, it } from 'vitest'
import { definition } from '../tests/contract/registry.ts'
import { apiUnderTest } from '../tests/support/api.ts'
import { funnelExample, journeysExample, trendExample } from './examples.ts'

const path = '/v1/services/fishing/funnel'

async function withFishing(change: Parameters<typeof apiUnderTest>[0] = {}) {
  const api = apiUnderTest(change)
  await api.registry.putService('fishing', definition({}))
  const tagOf = async (of: string, headers: Record<string, string> = {}) =>
    (await api.request(of, { headers })).headers.get('etag')
  return { ...api, tagOf }
}

describe('an answer with a tag', () => {
  it('is kept and asked for again, each client for itself', async () => {
    const { request } = await withFishing()
    const response = await request(path)
    expect(response.headers.get('etag')).toMatch(/^W\/"[\w-]{22}"$/)
    expect(response.headers.get('cache-control')).toBe('private, no-cache')
    expect(response.headers.get('vary')).toBe('Accept, Authorization')
  })

  it.each(['GET', 'HEAD'])('is 304 to a %s of who has it, without a body', async (method) => {
    const { request, tagOf } = await withFishing()
    const tag = (await tagOf(path)) ?? ''
    const response = await request(path, { method, headers: { 'If-None-Match': tag } })
    expect(response.status).toBe(304)
    expect(await response.text()).toBe('')
    expect(response.headers.get('etag')).toBe(tag)
    expect(response.headers.get('cache-control')).toBe('private, no-cache')
    expect(response.headers.get('vary')).toBe('Accept, Authorization')
    expect(response.headers.get('content-type')).toBeNull()
  })

  it('is found in a list, by the weak comparison, and by *', async () => {
    const { request, tagOf } = await withFishing()
    const tag = (await tagOf(path)) ?? ''
    const strong = tag.replace('W/', '')
    const status = async (sent: string) => (await request(path, { headers: { 'If-None-Match': sent } })).status
    for (const sent of [strong, `"a,b", ${tag}`, `W/"x",${strong} , "y"`, '*', ' * ', `, ${tag},`])
      expect([sent, await status(sent)]).toEqual([sent, 304])
    for (const sent of ['"x"', '', strong.slice(1, -1), `${tag} x`, `"${strong}"`, '**', `W/${strong.slice(0, -1)}`])
      expect([sent, await status(sent)]).toEqual([sent, 200])
  })

  it('says nothing of the moment that it was asked at, in a cursor neither', async () => {
    const cursor = (asOf: number, seenAt: number) => btoa(`1.${asOf}.${seenAt}.0123456789abcdef`)
    const answers = [
      { ...journeysExample, cursor: cursor(5, 4) },
      { ...journeysExample, asOf: '2027-01-01T00:00:00.000Z', cursor: cursor(7, 4) },
      { ...journeysExample, cursor: cursor(5, 3) },
    ]
    const { tagOf } = await withFishing({
      questions: { journeys: async () => answers.shift() ?? journeysExample },
    })
    const [first, later, other] = [
      await tagOf('/v1/services/fishing/journeys'),
      await tagOf('/v1/services/fishing/journeys'),
      await tagOf('/v1/services/fishing/journeys'),
    ]
    expect(later).toBe(first)
    expect(other).not.toBe(first)
  })

  it.each([
    ['a count', { totals: { ...funnelExample.totals, open: 1 } }],
    ['the state of the period', { period: 'partial' as const }],
    ['the revision', { revision: 'other' }],
    ['the period', { from: '2026-01-04T00:00:00.000Z' }],
  ])('has another one with %s', async (_, change) => {
    const { tagOf: before } = await withFishing()
    const { tagOf: after } = await withFishing({
      questions: { funnel: async () => ({ ...funnelExample, ...change }) },
    })
    expect(await after(path)).not.toBe(await before(path))
  })

  it('has another one as CSV', async () => {
    const { tagOf, request } = await withFishing({ questions: { trend: async () => trendExample } })
    const trend = '/v1/services/fishing/trend'
    const [json, csv] = [await tagOf(trend), await tagOf(trend, { Accept: 'text/csv' })]
    expect(csv).not.toBe(json)
    const status = async (tag: string | null) =>
      (await request(trend, { headers: { Accept: 'text/csv', 'If-None-Match': tag ?? '' } })).status
    expect([await status(json), await status(csv)]).toEqual([200, 304])
  })

  it.each([
    '/v1/status',
    '/v1/doctor',
    '/v1/keys',
    '/v1/services',
    '/v1/services/fishing',
    path,
    '/v1/services/fishing/trend',
    '/v1/services/fishing/journeys',
    '/v1/services/fishing/journeys/0123456789abcdef',
    '/v1/low-completion',
  ])('is what GET %s has', async (asked) => {
    const { tagOf, request } = await withFishing()
    const tag = (await tagOf(asked)) ?? ''
    expect((await request(asked, { headers: { 'If-None-Match': tag } })).status).toBe(304)
  })
})

describe('an answer without one', () => {
  it.each([
    ['POST', path, {}],
    ['PUT', '/v1/services/fishing', definition({})],
    ['POST', '/v1/keys', { name: 'x', scopes: ['read'] }],
  ])('is that of a %s of %s, and is not kept', async (method, to, body) => {
    const { request } = await withFishing()
    const response = await request(to, { method, body, headers: { 'If-None-Match': '*' } })
    expect(response.status).toBeLessThan(300)
    expect(response.headers.get('etag')).toBeNull()
    expect(response.headers.get('cache-control')).toBe('private, no-store')
  })

  it('is a refusal, whatever the client has', async () => {
    const { request } = await withFishing()
    for (const to of [`${path}?from=x`, '/v1/services/nobody', '/v1/nothing']) {
      const response = await request(to, { headers: { 'If-None-Match': '*' } })
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(response.headers.get('etag')).toBeNull()
    }
  })
})
