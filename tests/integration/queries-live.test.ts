import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { liveAnswer, type LiveAnswer } from '../../queries/answers.ts'
import { openWhole, type Whole } from '../support/whole.ts'

/** What a team sees while it sets its pages up: events from end to end, through the one process. */

let whole: Whole

beforeAll(async () => {
  whole = await openWhole({ WAYMARK_SAMPLE: 'off' })
})
afterAll(() => whole.close())

const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }

async function put(id: string): Promise<void> {
  const text = JSON.stringify({ name: id, funnel: { steps: ['start', 'your-name', 'done'] } })
  expect((await whole.request('PUT', `/v1/services/${id}`, { type: 'application/json', text })).status).toBe(201)
}

async function send(service: string, journey: string, events: readonly object[]): Promise<void> {
  const text = JSON.stringify({ service, journey, events })
  expect((await whole.request('POST', '/v1/events', { type: 'application/json', text }, browser)).status).toBe(204)
}

async function live(id: string, query = ''): Promise<LiveAnswer> {
  await whole.shown()
  const { status, text } = await whole.request('GET', `/v1/services/${id}/live${query}`)
  expect(status).toBe(200)
  return liveAnswer.parse(JSON.parse(text))
}

const codes = ({ warnings }: LiveAnswer) => warnings.map(({ code }) => code)

describe('GET …/live', () => {
  it('has the newest event first, of whichever journey, as its trail has it', async () => {
    await put('fishing')
    const now = Date.now()
    await send('fishing', 'a', [{ step: 'start', at: now - 9000 }])
    await send('fishing', 'b', [{ step: 'start', at: now - 8000 }])
    await send('fishing', 'a', [
      { step: 'your-name', at: now - 1000 },
      { type: 'error', step: 'your-name', field: 'name', code: 'missing', at: now - 1000, seq: 1 },
    ])
    const answer = await live('fishing')
    expect(answer.events.map(({ type, step, at }) => [type, step, at - now])).toEqual([
      ['error', 'your-name', -1000],
      ['step', 'your-name', -1000],
      ['step', 'start', -8000],
      ['step', 'start', -9000],
    ])
    expect([answer.journeys, answer.period, answer.warnings]).toEqual([2, 'partial', []])
    const journey = answer.events[0]?.journey ?? ''
    const trail = JSON.parse((await whole.request('GET', `/v1/services/fishing/journeys/${journey}`)).text) as {
      events: unknown[]
    }
    const own = answer.events.filter((event) => event.journey === journey).map(({ journey: _, ...event }) => event)
    expect(own.toReversed()).toEqual(trail.events)
    expect((await live('fishing', '?limit=1')).events).toEqual(answer.events.slice(0, 1))
  })

  it('says that nothing was seen, of old events too', async () => {
    await put('quiet')
    expect(codes(await live('quiet'))).toEqual(['nothing-seen'])
    await send('quiet', 'a', [{ step: 'start', at: Date.now() - 3 * 86_400_000 }])
    const answer = await live('quiet')
    expect([codes(answer), answer.events]).toEqual([['nothing-seen'], []])
  })

  it('warns where pages do not know of one another, and not where people leave', async () => {
    await put('apart')
    const at = Date.now() - 1000
    for (const journey of ['a', 'b', 'c']) await send('apart', journey, [{ step: 'start', at }])
    expect(codes(await live('apart'))).toEqual([])
    await send('apart', 'd', [{ step: 'your-name', at }])
    expect(codes(await live('apart'))).toEqual(['one-step-journeys'])
    for (const journey of ['e', 'f'])
      await send('apart', journey, [
        { step: 'start', at },
        { step: 'done', at, seq: 1 },
      ])
    expect(codes(await live('apart'))).toEqual([])
  })

  it('warns of steps that the funnel does not have', async () => {
    await put('named')
    await send('named', 'a', [{ step: 'Your name', at: Date.now() - 1000 }])
    expect(codes(await live('named'))).toEqual(['steps-outside-funnel'])
  })

  it.each(['0', '201', 'x', '1.5'])('refuses limit=%s', async (limit) => {
    const { status, text } = await whole.request('GET', `/v1/services/fishing/live?limit=${limit}`)
    expect([status, text.includes('a whole number from 1 to 200')]).toEqual([400, true])
  })
})
