import { describe, expect, it } from 'vitest'
import { bodyOf, openCollector, post, receivedAt, step } from '../tests/support/collector.ts'

/** As beacon/core.ts sends it: one object for the page, and what the one event has of its own. */
const sentByBeacon = (more: object = {}, event: object | null = null) => ({
  service: 'fishing',
  journey: 0.8437,
  step: 'start',
  view: 0.125,
  at: receivedAt - 1000,
  seq: 1,
  type: 'step',
  engagedMs: 0,
  events: [event],
  ...more,
})

describe('a body of the beacon', () => {
  it('is one with everything said', async () => {
    const bench = await openCollector()
    expect((await post(bench, sentByBeacon(), { 'Content-Type': 'text/plain' })).status).toBe(204)
    const said = step('start', { id: '0.125.1', seq: 1, type: 'step' })
    expect((await post(bench, bodyOf([said], { journey: '0.8437', sentAt: receivedAt - 1000 }))).status).toBe(204)
    const [given, expected] = bench.stored()
    expect(given).toEqual(expected)
  })

  it('corrects the clock by the time of the event, unless it says that it waited', async () => {
    const bench = await openCollector()
    const day = 86_400_000
    await post(bench, sentByBeacon({ at: receivedAt + day }))
    await post(bench, sentByBeacon({ at: receivedAt + day - 600_000, seq: 2, sentAt: receivedAt + day }))
    expect(bench.stored().map(({ at }) => at)).toEqual([receivedAt, receivedAt - 600_000])
  })

  it('has one leave a view, and an event of its own for everything else', async () => {
    const bench = await openCollector()
    await post(bench, sentByBeacon({ type: 'leave', seq: 2, engagedMs: 1500.7 }))
    await post(bench, sentByBeacon({ type: 'leave', seq: 3, engagedMs: 2500 }))
    await post(bench, sentByBeacon({ type: 'leave', seq: 4, view: 0.5, engagedMs: 10 }))
    await post(bench, sentByBeacon({ type: 'error', seq: 5 }, { field: 'postcode', code: 'missing' }))
    await post(bench, sentByBeacon({ type: 'error', seq: 6 }, { field: 'postcode', code: 'missing' }))
    const stored = bench.stored()
    expect(stored.map(({ engagedMs }) => engagedMs)).toEqual([1500, 2500, 10, 0, 0])
    expect(new Set(stored.map(({ identity }) => identity)).size).toBe(4)
    expect(stored[0]?.identity).toBe(stored[1]?.identity)
    expect(stored[3]).toMatchObject({ type: 'error', step: 'start', field: 'postcode', code: 'missing' })
  })

  it('lets the event speak for itself', async () => {
    const bench = await openCollector()
    await post(bench, sentByBeacon({ id: 'of the tag' }, { step: 'done', id: 'mine', at: receivedAt - 5000 }))
    await post(bench, bodyOf([step('done', { id: 'mine', at: receivedAt - 5000, seq: 1 })], { journey: '0.8437' }))
    const [given, expected] = bench.stored()
    expect(given).toEqual(expected)
  })

  it.each([
    ['no service', { service: undefined }, 'service'],
    ['no step', { step: undefined }, 'events[0].step'],
    ['a wrong outcome', { type: 'outcome', outcome: 'won' }, 'events[0].outcome'],
    ['an event that is none', { events: [7] }, 'events[0]'],
    ['a view that is too long', { view: 'v'.repeat(64) }, 'events[0].id'],
  ])('with %s is refused, and says which', async (_, more, path) => {
    const bench = await openCollector()
    const answer = await post(bench, sentByBeacon(more))
    expect([answer.status, answer.path]).toEqual([400, path])
    expect(answer.body).toContain('/docs#problem-invalid-event')
    expect(bench.stored()).toEqual([])
  })

  it('is no more lenient with others: null is no event without a view', async () => {
    const bench = await openCollector()
    expect((await post(bench, bodyOf([null]))).status).toBe(400)
    expect((await post(bench, bodyOf([step()], { journey: 0.8437 }))).status).toBe(400)
  })

  it('comes by an image where nothing else passes', async () => {
    const bench = await openCollector()
    const body = sentByBeacon({ step: 'Pay, by card & more #1 運転' })
    await bench.app.request(`/v1/pixel.gif?${encodeURIComponent(JSON.stringify(body))}`)
    await post(bench, body)
    const [byImage, byPost] = bench.stored()
    expect(byImage).toEqual(byPost)
    for (const bad of ['%7B', '%7B%ff', encodeURIComponent('{"view":1,"events":[null]}')])
      expect((await bench.app.request(`/v1/pixel.gif?${bad}`)).status).toBe(200)
    expect(bench.signals.said.slice(2)).toEqual([
      'refused invalid-json 1',
      'refused invalid-json 1',
      'refused invalid-event 1',
    ])
  })
})
