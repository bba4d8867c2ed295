import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openAnswering, type Answering } from '../support/answering.ts'
import { apiUnderTest, type ApiUnderTest } from '../support/api.ts'

const day = 86_400_000
const monday = Date.UTC(2026, 0, 5, 9)
const period = 'from=2026-01-05&to=2026-01-12'

let answering: Answering
let api: ApiUnderTest

beforeAll(async () => {
  answering = await openAnswering(monday + day)
  api = apiUnderTest({ questions: answering.questions, registry: answering.registry })
  await answering.putService('fishing', { name: 'Fishing', funnel: { steps: ['start', 'done'], window: 'P3D' } })
  await answering.send([begun(1), begun(2)])
})

afterAll(() => answering.close())

function begun(journey: number): StoredEvent {
  return {
    service: 'fishing',
    journey: journey.toString(16).padStart(16, '0'),
    identity: 1,
    type: 'step',
    step: 'start',
    at: monday + journey * 1000,
    seq: 0,
    outcome: '',
    field: '',
    code: '',
    rating: 0,
    engagedMs: 0,
    channel: 'online',
    dimensions: [],
  }
}

async function ask(path: string, tag?: string): Promise<{ status: number; tag: string }> {
  const response = await api.request(`/v1/services/fishing/${path}`, {
    trusted: true,
    secret: null,
    ...(tag === undefined ? {} : { headers: { 'If-None-Match': tag } }),
  })
  return { status: response.status, tag: response.headers.get('etag') ?? '' }
}

describe.each([`funnel?${period}`, `trend?${period}`, `journeys?${period}&limit=1`, 'journeys/0000000000000001'])(
  'who has the answer of %s',
  (path) => {
    it('keeps it as time goes by, and gets another when the clock ends a window, or an event comes', async () => {
      answering.clock.set(monday + day)
      const first = await ask(path)
      expect(first.status).toBe(200)
      answering.clock.set(monday + 2 * day)
      expect(await ask(path, first.tag)).toEqual({ status: 304, tag: first.tag })

      answering.clock.set(monday + 4 * day)
      const abandoned = await ask(path, first.tag)
      expect(abandoned.status).toBe(200)
      expect(abandoned.tag).not.toBe(first.tag)

      await answering.send([{ ...begun(1), identity: 2, step: 'done', at: monday + path.length * 1000 }])
      const changed = await ask(path, abandoned.tag)
      expect(changed.status).toBe(200)
      expect(await ask(path, changed.tag)).toEqual({ status: 304, tag: changed.tag })
    })
  },
)

it('a default period that has moved on is another answer', async () => {
  answering.clock.set(monday + 10 * day)
  const today = await ask('funnel')
  answering.clock.set(monday + 10 * day + 3_600_000)
  expect((await ask('funnel', today.tag)).status).toBe(304)
  answering.clock.set(monday + 11 * day)
  expect((await ask('funnel', today.tag)).status).toBe(200)
})
