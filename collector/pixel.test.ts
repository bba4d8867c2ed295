import { describe, expect, it } from 'vitest'
import { LogFull, LogUnavailable, StoreUnavailable } from '../domain/errors.ts'
import { openCollector, receivedAt, type Bench } from '../tests/support/collector.ts'

const gif = 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'

async function pixel(bench: Bench, query: string, headers: Record<string, string> = {}): Promise<void> {
  const answer = await bench.app.request(`/v1/pixel.gif${query}`, { headers })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('Content-Type')).toBe('image/gif')
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect(Buffer.from(await answer.arrayBuffer()).toString('base64')).toBe(gif)
}

const good = '?service=fishing&journey=j&step=start'

describe('GET /v1/pixel.gif', () => {
  it('stores an event of now', async () => {
    const bench = await openCollector()
    await pixel(bench, good)
    expect(bench.stored()).toMatchObject([
      { service: 'fishing', type: 'step', step: 'start', at: receivedAt, channel: 'online' },
    ])
    expect(bench.signals.said).toEqual(['accepted 1'])
  })

  it('reads type and outcome, and names with commas and spaces', async () => {
    const bench = await openCollector()
    await pixel(bench, '?service=fishing&journey=j&step=Pay%2C+by%20card&type=outcome&outcome=ineligible')
    expect(bench.stored()).toMatchObject([{ type: 'outcome', outcome: 'ineligible', step: 'Pay, by card' }])
  })

  it('is the same journey as one with this reference in JSON', async () => {
    const bench = await openCollector()
    await pixel(bench, good)
    const body = JSON.stringify({ service: 'fishing', journey: 'j', events: [{ step: 'start', at: receivedAt }] })
    await bench.app.request('/v1/events', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    const [seen, sent] = bench.stored()
    expect([seen?.journey, seen?.identity]).toEqual([sent?.journey, sent?.identity])
  })

  it.each([
    ['', 'invalid-event'],
    ['?', 'invalid-event'],
    ['?service=fishing&step=start', 'invalid-event'],
    ['?service=fishing&journey=&step=start', 'invalid-event'],
    ['?service=fishing&journey=j', 'invalid-event'],
    ['?service=nowhere&journey=j&step=start', 'unknown-service'],
    ['?service=fishing&journey=j&step=start&type=click', 'invalid-event'],
    ['?service=fishing&journey=j&step=start&type=outcome', 'invalid-event'],
    ['?service=fishing&journey=j&step=jo%40example.com', 'personal-data'],
    ['?service=%ff%00&journey=%&step=%zz', 'invalid-event'],
    ['?service=fishing&journey=j&step=%ff', 'invalid-event'],
    ['?service=keyed&journey=j&step=start', 'bad-key'],
    ['?service=keyed&journey=j&step=start&key=wrong', 'bad-key'],
  ])('is an image all the same for %j, refused with %s and counted', async (query, code) => {
    const bench = await openCollector()
    await pixel(bench, query)
    expect(bench.stored()).toEqual([])
    expect(bench.signals.said).toEqual([`refused ${code} 1`])
  })

  it('takes the first of a parameter that stands twice', async () => {
    const bench = await openCollector()
    await pixel(bench, `${good}&step=done&service=nowhere`)
    expect(bench.stored()).toMatchObject([{ step: 'start' }])
  })

  it('shows the public key of a service that has one', async () => {
    const bench = await openCollector()
    await pixel(bench, `?service=keyed&journey=j&step=start&key=${(await bench.registry.service('keyed'))?.key ?? ''}`)
    expect(bench.stored()).toHaveLength(1)
  })

  it.each([
    ['none', undefined, true],
    ['a listed page', 'https://listed.example/apply/start?x=1', true],
    ['a listed origin', 'https://listed.example/', true],
    ['a listed origin in capitals, its port said', 'HTTPS://Listed.Example:443/', true],
    ['another page', 'https://elsewhere.example/', false],
    ['a page that hides behind a user name', 'https://listed.example@elsewhere.example/', false],
    ['what is no URL', 'listed.example', false],
  ])('of a service that lists origins, with a Referer of %s, is admitted or not', async (_, referer, admitted) => {
    const bench = await openCollector()
    await pixel(bench, '?service=listed&journey=j&step=start', referer === undefined ? {} : { Referer: referer })
    expect(bench.signals.said).toEqual([admitted ? 'accepted 1' : 'refused origin-not-allowed 1'])
  })

  it('is an image when the log or the registry is away, and with a bad key', async () => {
    const bench = await openCollector()
    bench.log.failure = new LogFull('full')
    await pixel(bench, good)
    bench.log.failure = new LogUnavailable('away')
    await pixel(bench, good)
    await pixel(bench, good, { Authorization: 'Bearer nobody' })
    bench.registry.service = () => Promise.reject(new StoreUnavailable('away'))
    await pixel(bench, good)
    expect(bench.signals.said.filter((said) => said.startsWith('refused'))).toEqual([
      'refused too-many 1',
      'refused log-unavailable 1',
      'refused bad-key 1',
      'refused store-unavailable 1',
    ])
  })

  it('is counted and not stored for a program', async () => {
    const bench = await openCollector()
    await pixel(bench, good, { 'User-Agent': 'Mozilla/5.0 (compatible; bingbot/2.0)' })
    expect([bench.stored(), bench.signals.said]).toEqual([[], ['dropped bot 1']])
  })
})
