import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import { seededRandom, type Random } from '../../domain/random.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openServer } from '../../infra/clickhouse/server.ts'
import { WaymarkError } from '../../domain/errors.ts'
import { openAnswering, type Answering } from '../support/answering.ts'
import { startFrontChild, type FrontChild } from '../support/chdb-http-front/child.ts'
import type { Fault } from '../support/chdb-http-front/faults.ts'
import { openSealing } from '../support/sealing.ts'
import { storedEvent } from '../support/trails.ts'

/**
 * The processor, the sealer and the questions over a server that fails them in every way there is, with what was sent
 * once, in order, to the engine in process beside it: the same answers.
 */

const day = Date.UTC(2026, 4, 1)
const now = day + 2 * 86_400_000
const services = {
  licence: {
    steps: ['a', 'b', { step: 'c', optional: true }, 'd'],
    window: 'PT2H',
    exclude: [{ step: 'x', after: 2 }],
  },
  permit: { steps: ['a', 'b', 'a'], order: 'strict', window: 'PT1H' },
} as const

let front: FrontChild
let here: Answering
let there: Answering

beforeAll(async () => {
  front = await startFrontChild()
  const settings = { url: new URL(front.url), database: 'processing', user: 'default', password: '' }
  here = await openAnswering(now)
  there = await openAnswering(now, defaultLimits, () => openServer(settings, defaultLimits))
  for (const one of [here, there])
    for (const [id, funnel] of Object.entries(services))
      await one.putService(id, { name: id, dimensions: ['kind'], funnel })
})
afterAll(async () => {
  await Promise.all([here.close(), there.close()])
  await front.close()
})

function madeUp(random: Random, count: number): StoredEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const type = random.pick(['step', 'step', 'step', 'step', 'outcome', 'error'] as const)
    return storedEvent({
      service: random.pick(['licence', 'permit']),
      journey: random.whole(1, 120).toString(16).padStart(16, '0'),
      identity: index,
      type,
      step: type === 'outcome' ? '' : random.pick(['a', 'b', 'c', 'd', 'x']),
      at: day + random.whole(0, 40) * 30 * 60_000 + random.whole(0, 5) * 1_000,
      ...(type === 'outcome' ? { outcome: random.pick(['completed', 'failed'] as const) } : {}),
      ...(type === 'error' ? { field: 'name', code: 'missing' } : {}),
      dimensions: random.chance(0.5) ? [['kind', random.pick(['coarse', "sea's"])]] : [],
    })
  })
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, key: random.whole(0, 1e9) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

const faults: readonly Fault[] = [
  { kind: 'answer-lost', statement: '^INSERT INTO trail', times: 3 },
  { kind: 'upload-cut', statement: '^INSERT INTO trail', times: 3 },
  { kind: 'refuse', code: 252, type: 'TOO_MANY_PARTS', statement: '^INSERT INTO trail' },
  { kind: 'answer-lost', statement: 'INSERT INTO facts', times: 2 },
  { kind: 'reset-before', statement: 'INSERT INTO facts' },
  { kind: 'refuse', code: 164, type: 'READONLY', statement: 'INSERT INTO facts' },
  { kind: 'refuse', code: 516, type: 'AUTHENTICATION_FAILED', statement: 'INSERT INTO facts' },
  { kind: 'answer-lost', statement: '^INSERT INTO step_names', times: 2 },
  { kind: 'proxy', status: 502, statement: '^INSERT INTO step_names' },
]

/** Everything but when, and from which writing, it was answered. */
async function answers({ questions, registry }: Answering): Promise<unknown> {
  const period = { from: '2026-05-01', to: '2026-05-03' }
  const found: unknown[] = []
  for (const id of Object.keys(services)) {
    const service = await registry.service(id)
    if (service === undefined) throw new Error('no service')
    found.push(
      await questions.funnel({ service, ...period, breakdown: 'kind' }),
      await questions.trend({ service, ...period, interval: 'hour' }),
      await questions.journeys({ service, ...period, limit: 500 }),
      await questions.errors({ service, ...period }),
    )
  }
  return JSON.parse(JSON.stringify(found).replaceAll(/"(asOf|revision|createdAt)":"[^"]*"/g, '"$1":""'))
}

/** What tallies answer. */
async function tallied({ questions, registry }: Answering): Promise<unknown> {
  const service = await registry.service('licence')
  if (service === undefined) throw new Error('no service')
  const { totals, steps } = await questions.funnel({ service, from: '2026-05-01', to: '2026-05-03' })
  return { totals, steps }
}

describe('on a server that fails', () => {
  it('gives the answers of what was sent once, for what came three times, shuffled, through every fault', async () => {
    const random = seededRandom(11)
    const events = madeUp(random, 1_200)
    await here.send(events)
    const copies = shuffled([...events, ...events, ...events], random)
    await front.fault(...faults)
    for (let start = 0; start < copies.length; start += 700) {
      const sent = there.send(copies.slice(start, start + 700))
      if (start === 1_400) {
        await front.away()
        await front.back()
      }
      await sent
    }
    expect((await front.state()).done.length).toBe(faults.reduce((sum, { times = 1 }) => sum + times, 0))
    const trail = 'SELECT count() AS events, uniqExact(service, journey, identity) AS different FROM trail FINAL'
    expect(await there.stores.reads.select({ parts: [trail] })).toEqual([{ events: '1200', different: '1200' }])
    expect(await there.stores.reads.select({ parts: ['SELECT count() AS n FROM set_aside'] })).toEqual([{ n: '0' }])
    expect(await answers(there)).toEqual(await answers(here))
  })

  it('seals what a lost answer, or a connection that broke, left half done, and counts nothing twice', async () => {
    const plain = await tallied(here)
    for (const table of ['rollups', 'edge_journeys', 'seals'])
      for (const kind of ['answer-lost', 'reset-before'] as const) {
        const before = (await front.state()).done.length
        // A row of `seals` is sent twice by the adapter.
        const times = table === 'seals' ? 2 : 1
        await front.fault({ kind, statement: `INTO ${table}\\b`, times })
        await sealed()
        expect((await front.state()).done.length - before, `${kind} ${table}`).toBe(times)
        expect(await tallied(there), `${kind} ${table}`).toEqual(plain)
      }
    const layers = { parts: ['SELECT sum(length(layers)) AS n FROM seals FINAL'] }
    expect(Number((await there.stores.reads.select<{ n: string }>(layers))[0]?.n)).toBeGreaterThan(0)
  })
})

/** Sealed anew from nothing, tried again for as long as the server is said to be away. */
async function sealed(): Promise<void> {
  for (const table of ['rollups', 'edge_journeys', 'seals', 'unsealed'])
    await there.stores.writes.command({ parts: [`TRUNCATE TABLE ${table}`] })
  for (let tries = 0; tries < 5; tries++) {
    try {
      const sealing = await openSealing(there)
      return await sealing.seal()
    } catch (error) {
      if (!(error instanceof WaymarkError) || !error.retriable) throw error
    }
  }
  throw new Error('could not be sealed')
}
