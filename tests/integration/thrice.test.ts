import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../domain/random.ts'
import { startFrontChild } from '../support/chdb-http-front/child.ts'
import { startApart } from '../support/apart.ts'
import { kafkaHere, startKafka } from '../support/kafka.ts'
import { adminSecret, startServer, type ServerChild } from '../support/server.ts'

/**
 * The promise of exactness, on whole servers: what was sent once, in order, and what was sent three times,
 * shuffled, in other requests and with a restart between, give the same answers to the byte, wherever log and tables are.
 */

const day = Date.UTC(2026, 4, 1)

const services = {
  licence: {
    name: 'Licence',
    dimensions: ['kind'],
    funnel: {
      steps: ['a', 'b', { step: 'c', optional: true }, 'd'],
      window: 'PT2H',
      exclude: [{ step: 'x', after: 2 }],
    },
  },
  permit: { name: 'Permit', dimensions: ['kind'], funnel: { steps: ['a', 'b', 'a'], order: 'strict', window: 'PT1H' } },
  report: { name: 'Report', dimensions: ['kind'], funnel: { steps: ['a', 'b', 'c'], order: 'any', window: 'PT30M' } },
}

const secret = 'the-same-secret-for-both-of-them'
const headers = { authorization: `Bearer ${adminSecret}` }
const folders: string[] = []

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'waymark-thrice-'))
  folders.push(path)
  return path
}

afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

/** Where one is asked, whatever programs stand behind it. */
type Served = Pick<ServerChild, 'url'>

async function start(settings: Readonly<Record<string, string>>): Promise<ServerChild> {
  return startServer({ WAYMARK_SECRET: secret, ...settings })
}

async function putServices(server: Served): Promise<void> {
  for (const [id, definition] of Object.entries(services)) {
    const response = await fetch(`${server.url}/v1/services/${id}`, {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(definition),
    })
    expect(response.status).toBe(201)
  }
}

async function stop(server: ServerChild, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  server.process.kill(signal)
  await server.ended
}

describe('answers are the same, to the byte, however often and in whatever order things came', () => {
  const events = madeUp(seededRandom(4), 3_000)
  let once: ServerChild
  let questions: readonly string[]

  beforeAll(async () => {
    once = await start({ WAYMARK_DATA_DIR: folder() })
    await putServices(once)
    await send(once, events)
    await shown(once)
    questions = await everyQuestion(once)
    expect(questions.length).toBeGreaterThan(30)
  }, 180_000)
  afterAll(() => stop(once))

  /** @param settings of a second server: three times, shuffled, in other requests, and killed in the middle */
  async function thrice(settings: Readonly<Record<string, string>>): Promise<void> {
    const random = seededRandom(5)
    const copies = shuffled([...events, ...events, ...events], random)
    const half = Math.floor(copies.length / 2)
    const killed = await start(settings)
    await putServices(killed)
    await send(killed, copies.slice(0, half), random)
    await stop(killed, 'SIGKILL')
    const again = await start(settings)
    try {
      await send(again, copies.slice(half), random)
      await shown(again)
      for (const path of questions) expect(await answer(again, path), path).toBe(await answer(once, path))
    } finally {
      await stop(again)
    }
  }

  it.skipIf(!kafkaHere)(
    'in programs apart, of which some are killed',
    async () => {
      const [kafka, front] = await Promise.all([startKafka(), startFrontChild()])
      const apart = await startApart(
        {
          WAYMARK_SECRET: secret,
          KAFKA_BROKERS: kafka.addresses.join(','),
          KAFKA_TOPIC: kafka.topic(),
          CLICKHOUSE_URL: front.url,
          CLICKHOUSE_DATABASE: 'thrice_apart',
        },
        ['collector', 'collector', 'processor', 'processor', 'api'],
      )
      try {
        const random = seededRandom(6)
        const copies = shuffled([...events, ...events, ...events], random)
        const half = Math.floor(copies.length / 2)
        await putServices(apart)
        await send(apart, copies.slice(0, half), random)
        await apart.end(await apart.active(), 'SIGKILL')
        const [collector] = apart.of('collector')
        if (collector !== undefined) await apart.end(collector, 'SIGKILL')
        await send(apart, copies.slice(half), random)
        await shown(apart)
        for (const path of questions) expect(await answer(apart, path), path).toBe(await answer(once, path))
      } finally {
        await apart.close()
        await Promise.all([kafka.stop(), front.close()])
      }
    },
    240_000,
  )

  it('in one directory', () => thrice({ WAYMARK_DATA_DIR: folder() }), 180_000)

  it.skipIf(!kafkaHere)(
    'in Kafka, and in ClickHouse over HTTP',
    async () => {
      const [kafka, front] = await Promise.all([startKafka(), startFrontChild()])
      try {
        await thrice({
          WAYMARK_DATA_DIR: folder(),
          KAFKA_BROKERS: kafka.addresses.join(','),
          KAFKA_TOPIC: kafka.topic(),
          CLICKHOUSE_URL: front.url,
          CLICKHOUSE_DATABASE: 'thrice',
        })
      } finally {
        await Promise.all([kafka.stop(), front.close()])
      }
    },
    240_000,
  )
})

interface MadeUp {
  readonly service: string
  readonly journey: string
  readonly type: string
  readonly at: number
  [more: string]: unknown
}

/** Few journeys, names and times, so that copies, ties and boundaries are frequent; half of the events have no id. */
function madeUp(random: Random, count: number): MadeUp[] {
  return Array.from({ length: count }, (_, index): MadeUp => {
    const type = random.pick(['step', 'step', 'step', 'step', 'step', 'outcome', 'error', 'leave'])
    return {
      service: random.pick(['licence', 'permit', 'report']),
      journey: `journey-${random.whole(1, 250)}`,
      type,
      at: day + random.whole(0, 40) * 30 * 60_000 + random.whole(0, 5) * 1_000,
      ...(random.chance(0.5) ? { id: `id-${index}` } : {}),
      ...(random.chance(0.3) ? { seq: random.whole(0, 2) } : {}),
      ...(type === 'step' || random.chance(0.5) ? { step: random.pick(['a', 'b', 'c', 'd', 'x', 'other']) } : {}),
      ...(type === 'outcome' ? { outcome: random.pick(['completed', 'ineligible', 'already-done', 'failed']) } : {}),
      ...(type === 'error' ? { field: 'name', code: random.pick(['missing', 'too-long']) } : {}),
      ...(type === 'leave' ? { engagedMs: random.whole(0, 10_000) } : {}),
      ...(random.chance(0.5) ? { attrs: { kind: random.pick(['coarse', 'salmon', 'sea']) } } : {}),
      ...(random.chance(0.2) ? { channel: random.pick(['telephone', 'paper']) } : {}),
    }
  })
}

function shuffled<Item>(items: Item[], random: Random): Item[] {
  for (let index = items.length - 1; index > 0; index--) {
    const other = random.whole(0, index)
    ;[items[index], items[other]] = [items[other] as Item, items[index] as Item]
  }
  return items
}

/** In requests of 100 lines, or of any size. */
async function send(server: Served, events: readonly MadeUp[], random?: Random): Promise<void> {
  for (let start = 0; start < events.length;) {
    const size = random?.whole(1, 400) ?? 100
    const body = events
      .slice(start, start + size)
      .map((event) => JSON.stringify(event))
      .join('\n')
    const response = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-ndjson' },
      body,
    })
    expect(await response.json()).toMatchObject({ refusedCount: 0 })
    start += size
  }
}

async function shown(server: Served): Promise<void> {
  for (;;) {
    const response = await fetch(`${server.url}/v1/status`, { headers })
    if (((await response.json()) as { pendingEvents: number }).pendingEvents === 0) return
  }
}

/** A cursor holds the time of its first page, so the lists here are whole. The answer without what says when and from which writing it was made. */
async function answer(server: Served, path: string, accept = 'application/json'): Promise<string> {
  const response = await fetch(`${server.url}${path}`, { headers: { ...headers, accept } })
  const text = await response.text()
  expect(response.status, text).toBe(200)
  return text.replace(/"(asOf|revision|createdAt)":"[^"]*"/g, '"$1":""')
}

async function everyQuestion(once: Served): Promise<string[]> {
  const period = 'from=2026-05-01&to=2026-05-03'
  const journeys: string[] = []
  const questions = Object.keys(services).map(async (id) => {
    const base = `/v1/services/${id}`
    const listed = JSON.parse(await answer(once, `${base}/journeys?${period}&limit=30`)) as {
      journeys: { journey: string }[]
    }
    journeys.push(...listed.journeys.slice(0, 10).map(({ journey }) => `${base}/journeys/${journey}`))
    return [
      `${base}/funnel?${period}`,
      `${base}/funnel?${period}&breakdown=kind`,
      `${base}/funnel?${period}&breakdown=channel&where=kind:sea`,
      `${base}/funnel?${period}&step=a&step=c&window=PT45M&exclude=x`,
      `${base}/funnel?${period}&step=b&step=a&order=strict`,
      `${base}/funnel?${period}&step=a&step=b&step=d&order=any&tz=Asia/Kathmandu`,
      `${base}/trend?${period}&interval=hour`,
      `${base}/trend?${period}&interval=day&position=2`,
      `${base}/journeys?${period}&limit=500`,
      `${base}/journeys?${period}&state=abandoned&limit=500`,
    ]
  })
  return [...(await Promise.all(questions)).flat(), ...journeys, `/v1/low-completion?${period}`]
}
