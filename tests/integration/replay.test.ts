import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { storedEvent } from '../support/trails.ts'
import { openWhole, type Whole } from '../support/whole.ts'

let whole: Whole

beforeAll(async () => {
  whole = await openWhole({ WAYMARK_SAMPLE: 'off' })
  const service = JSON.stringify({ name: 'Renew', funnel: { steps: ['start', 'done'] } })
  expect((await whole.request('PUT', '/v1/services/renew', { type: 'application/json', text: service })).status).toBe(
    201,
  )
})
afterAll(() => whole.close())

const setAside = (reason: string, bytes: string) =>
  whole.waymark.stores.writes.insert('set_aside', ['at', 'reason', 'bytes'], [[Date.now(), reason, bytes]])
const reasons = async () => {
  const rows = await whole.waymark.stores.reads.select<{ reason: string }>({
    parts: ['SELECT reason FROM set_aside FINAL ORDER BY reason'],
  })
  return rows.map(({ reason }) => reason)
}
const replay = (query = '') => whole.request('POST', `/v1/replay${query}`)

describe('a replay in one process', () => {
  it('puts events that were set aside into answers, and leaves what is none', async () => {
    const event: StoredEvent = storedEvent({ service: 'renew', step: 'start', at: Date.now() - 1_000 })
    await setAside('refused', JSON.stringify(event))
    await setAside('not an event', JSON.stringify({ service: 'renew', journey: '0000000000000001' }))
    await setAside('no text', 'base64:AAAA')
    const { status, text } = await replay()
    expect(status).toBe(200)
    expect(JSON.parse(text)).toEqual({ events: 1, unreadable: 0 })
    await whole.shown()
    expect(await reasons()).toEqual(['no text', 'not an event'])
    const today = `from=${new Date(Date.now() - 86_400_000).toISOString()}&to=${new Date(Date.now() + 60_000).toISOString()}`
    const funnel = await whole.request('GET', `/v1/services/renew/funnel?${today}`)
    expect(JSON.parse(funnel.text)).toMatchObject({ totals: { started: 1 } })
    expect(JSON.parse((await replay()).text)).toEqual({ events: 0, unreadable: 0 })
  })

  it('has nothing of a time: the log forgets what is in ClickHouse', async () => {
    const { status, text } = await replay('?from=2026-01-01&to=2026-01-02')
    expect(status).toBe(400)
    expect(JSON.parse(text)).toMatchObject({
      code: 'invalid-parameter',
      detail: expect.stringContaining('from') as string,
    })
  })

  it.each(['?from=2026-01-01', '?to=2026-01-01', '?from=2026-01-02&to=2026-01-01', '?from=yesterday&to=2026-01-01'])(
    'refuses %s',
    async (query) => expect((await replay(query)).status).toBe(400),
  )
})
