import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../domain/random.ts'
import { adminSecret, startServer, type ServerChild } from '../support/server.ts'

/**
 * The promise of exactness, on two whole servers: what was sent once, in order, and what was sent three times,
 * shuffled, in other requests and with a restart between, give the same answers to the byte.
 */

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
let once: ServerChild
let thrice: ServerChild
let thriceDir: string

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'waymark-thrice-'))
  folders.push(path)
  return path
}

beforeAll(async () => {
  thriceDir = folder()
  ;[once, thrice] = await Promise.all([
    startServer({ WAYMARK_DATA_DIR: folder(), WAYMARK_SECRET: secret }),
    startServer({ WAYMARK_DATA_DIR: thriceDir, WAYMARK_SECRET: secret }),
  ])
  for (const server of [once, thrice]) {
    for (const [id, definition] of Object.entries(services)) {
      const body = JSON.stringify(definition)
      const response = await fetch(`${server.url}/v1/services/${id}`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      })
      expect(response.status).toBe(201)
    }
  }
})
afterAll(async () => {
  for (const server of [once, thrice]) {
    server.process.kill('SIGTERM')
    await server.ended
  }
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

it('answers the same, to the byte, however often and in whatever order things came', async () => {
  const random = seededRandom(4)
  const events = madeUp(random, 3_000)
  await send(once, events)
  const copies = shuffled([...events, ...events, ...events], random)
  const half = Math.floor(copies.length / 2)
  await send(thrice, copies.slice(0, half), random)
  thrice.process.kill('SIGKILL')
  await thrice.ended
  thrice = await startServer({ WAYMARK_DATA_DIR: thriceDir, WAYMARK_SECRET: secret })
  await send(thrice, copies.slice(half), random)
  await Promise.all([shown(once), shown(thrice)])

  const questions = await everyQuestion()
  expect(questions.length).toBeGreaterThan(30)
  for (const path of questions) expect(await answer(thrice, path), path).toBe(await answer(once, path))
}, 180_000)

interface MadeUp {
  readonly service: string
  readonly journey: string
  readonly type: string
  readonly at: number
  [more: string]: unknown
}

const day = Date.UTC(2026, 4, 1)

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
async function send(server: ServerChild, events: readonly MadeUp[], random?: Random): Promise<void> {
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

async function shown(server: ServerChild): Promise<void> {
  for (;;) {
    const response = await fetch(`${server.url}/v1/status`, { headers })
    if (((await response.json()) as { pendingEvents: number }).pendingEvents === 0) return
  }
}

/** A cursor holds the time of its first page, so the lists here are whole. The answer without what says when and from which writing it was made. */
async function answer(server: ServerChild, path: string, accept = 'application/json'): Promise<string> {
  const response = await fetch(`${server.url}${path}`, { headers: { ...headers, accept } })
  const text = await response.text()
  expect(response.status, text).toBe(200)
  return text.replace(/"(asOf|revision|createdAt)":"[^"]*"/g, '"$1":""')
}

async function everyQuestion(): Promise<string[]> {
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
