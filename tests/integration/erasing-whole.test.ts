import { mkdtempSync, rmSync, cpSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openWaymark, type Waymark } from '../../infra/compose.ts'
import { readConfig } from '../../infra/config.ts'
import { fixedClock } from '../support/processing.ts'

/** An erasure through the whole process: in by HTTP, out by HTTP, over restarts and restores. */

const now = Date.UTC(2026, 10, 20, 12)
const secret = 'a-secret-of-the-erasure-tests-0123'
const day = 86_400_000
const service = 'fishing'

let dataDir: string
let waymark: Waymark
let clock: ReturnType<typeof fixedClock>

const open = async (settings: Record<string, string> = {}): Promise<void> => {
  const config = readConfig({
    WAYMARK_DATA_DIR: dataDir,
    WAYMARK_LOG_LEVEL: 'silent',
    WAYMARK_SECRET: secret,
    WAYMARK_ADMIN_KEY: 'test-admin-key-0123456789abcdef',
    ...settings,
  })
  waymark = await openWaymark(config, () => undefined, clock)
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waymark-'))
  clock = fixedClock(now)
  await open()
  await send('PUT', `/v1/services/${service}`, { name: 'F', funnel: { steps: ['start', 'pay', 'done'] } })
})
afterEach(async () => {
  await waymark.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function send(method: string, path: string, body?: object | string): Promise<{ status: number; text: string }> {
  const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json'
  const response = await waymark.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { host: 'localhost', ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
    { trusted: true },
  )
  return { status: response.status, text: await response.text() }
}

async function get<Answer>(path: string): Promise<Answer> {
  return JSON.parse((await send('GET', path)).text) as Answer
}

async function arrives(journey: string, ...steps: string[]): Promise<void> {
  const events = steps.map((step, seq) => ({ step, at: now - 40 * day + seq * 1000, seq }))
  expect((await send('POST', '/v1/events', { service, journey, events })).status).toBe(204)
}

async function shown(): Promise<void> {
  while ((await get<{ pendingEvents: number }>('/v1/status')).pendingEvents > 0)
    await new Promise((resolve) => setImmediate(resolve))
}

interface Funnel {
  readonly revision: string
  readonly period: string
  readonly totals: { readonly started: number; readonly completed: number }
  readonly steps: readonly { readonly entered: number }[]
}
const funnel = () => get<Funnel>(`/v1/services/${service}/funnel?from=2026-10-01&to=2026-11-01`)
const journeys = async () =>
  (
    await get<{ journeys: { journey: string }[] }>(`/v1/services/${service}/journeys?from=2026-10-01&to=2026-11-01`)
  ).journeys.map(({ journey }) => journey)
const path = (journey: string) => `/v1/services/${service}/journeys/${encodeURIComponent(journey)}`
const hashOf = (journey: string) => waymark.journeyHash(service, journey)
const metric = async (line: string) => {
  const { text } = await send('GET', '/metrics')
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.slice(line.length),
  )
}

describe('DELETE of a journey', () => {
  it('heals every answer before it is answered, and keeps the journey out whatever way it comes', async () => {
    await arrives('jo/1', 'start', 'pay', 'done')
    await arrives('other', 'start', 'pay')
    await shown()
    const before = await funnel()
    expect([before.totals.started, before.totals.completed]).toEqual([2, 1])
    expect((await send('GET', path('jo/1'))).status).toBe(200)

    expect(await send('DELETE', path('jo/1'))).toEqual({ status: 204, text: '' })
    const after = await funnel()
    expect([after.totals.started, after.totals.completed, after.steps.map(({ entered }) => entered)]).toEqual([
      1,
      0,
      [1, 1, 0],
    ])
    expect(after.revision).not.toBe(before.revision)
    expect(await journeys()).toEqual([hashOf('other')])
    expect((await send('GET', path('jo/1'))).status).toBe(404)
    expect((await send('GET', path(hashOf('jo/1')))).status).toBe(404)
    expect(await metric('waymark_removed_journeys_total{reason="erased"}')).toBe(1)

    await arrives('jo/1', 'start', 'pay')
    const line = (journey: string) => JSON.stringify({ service, journey, step: 'start', at: now - 40 * day })
    const lines = await send('POST', '/v1/events', `${line('jo/1')}\n${line('third')}`)
    expect(JSON.parse(lines.text)).toMatchObject({ accepted: 2, refusedCount: 0 })
    expect((await send('GET', `/v1/pixel.gif?service=${service}&journey=jo%2F1&step=start`)).status).toBe(200)
    await shown()
    expect((await journeys()).sort()).toEqual([hashOf('other'), hashOf('third')].sort())
    expect(await metric('waymark_events_dropped_total{reason="erased"}')).toBe(4)

    // Again, and of nobody.
    const known = await funnel()
    expect((await send('DELETE', path('jo/1'))).status).toBe(204)
    expect((await send('DELETE', path('nobody'))).status).toBe(204)
    expect((await funnel()).revision).toBe(known.revision)
    await arrives('nobody', 'start')
    await shown()
    expect((await funnel()).totals.started).toBe(2)
  })

  it('takes the hash that a list shows, and a reference that looks like one', async () => {
    await arrives('jo', 'start')
    await arrives('9f86d081884c7d65', 'start')
    await arrives('other', 'start')
    await shown()
    expect((await send('DELETE', path(hashOf('jo')))).status).toBe(204)
    expect((await send('DELETE', path('9f86d081884c7d65'))).status).toBe(204)
    expect(await journeys()).toEqual([hashOf('other')])
    await arrives('jo', 'start')
    await arrives('9f86d081884c7d65', 'start')
    await shown()
    expect(await journeys()).toEqual([hashOf('other')])
    // By its hash once more, which nothing but the list of erasures knows any longer.
    const count = (await get<{ erasures: unknown[] }>('/v1/erasures')).erasures.length
    expect((await send('DELETE', path(hashOf('jo')))).status).toBe(204)
    expect((await get<{ erasures: unknown[] }>('/v1/erasures')).erasures).toHaveLength(count)
  })

  it('drops what was acknowledged and waits, and leaves no byte of it in the event log', async () => {
    const waiting = Promise.all(Array.from({ length: 20 }, (_, index) => arrives(`jo-${index % 2}`, 'start', 'pay')))
    const erased = send('DELETE', path('jo-0'))
    await waiting
    expect((await erased).status).toBe(204)
    await shown()
    expect(await journeys()).toEqual([hashOf('jo-1')])
    expect((await funnel()).totals.started).toBe(1)
    const hash = hashOf('jo-0')
    const log = join(dataDir, 'log')
    const held = () =>
      readdirSync(log).some((name) => {
        // Beside the segments there are the cursor and the lock.
        if (!name.endsWith('.log')) return false
        try {
          return readFileSync(join(log, name)).includes(hash)
        } catch {
          // It went between the two looks.
          return true
        }
      })
    // Nothing but a purge lets go of the file that is written to, and some may have come behind the first.
    clock.set(now + 13 * 3_600_000)
    while (held()) await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('a restore', () => {
  it('of an older backup is healed by the list, before an answer is given', async () => {
    await arrives('jo', 'start', 'pay', 'done')
    await arrives('other', 'start')
    await shown()
    await waymark.close()
    const backup = mkdtempSync(join(tmpdir(), 'waymark-backup-'))
    cpSync(dataDir, backup, { recursive: true })
    await open()
    expect((await send('DELETE', path('jo'))).status).toBe(204)
    const { erasures } = await get<{ erasures: object[] }>('/v1/erasures')
    expect(erasures).toEqual([{ service, journey: hashOf('jo'), at: new Date(now).toISOString() }])
    await waymark.close()

    rmSync(dataDir, { recursive: true })
    cpSync(backup, dataDir, { recursive: true })
    rmSync(backup, { recursive: true })
    await open()
    expect((await funnel()).totals.started).toBe(2)
    const before = await funnel()
    expect((await send('POST', '/v1/erasures', { erasures })).status).toBe(204)
    const after = await funnel()
    expect([after.totals.started, after.totals.completed, await journeys()]).toEqual([1, 0, [hashOf('other')]])
    expect(after.revision).not.toBe(before.revision)
    expect((await get<{ erasures: object[] }>('/v1/erasures')).erasures).toEqual(erasures)
    await arrives('jo', 'start')
    await shown()
    expect((await funnel()).totals.started).toBe(1)

    // And it stays so.
    await waymark.close()
    await open()
    expect(await journeys()).toEqual([hashOf('other')])
  })
})

describe('WAYMARK_RETENTION', () => {
  it('takes journeys away of which nothing has arrived for so long, and answers say that they are others', async () => {
    await waymark.close()
    await open({ WAYMARK_RETENTION: 'P30D' })
    await arrives('old', 'start')
    await shown()
    const before = await funnel()
    await waymark.close()
    clock.set(now + 32 * day)
    await open({ WAYMARK_RETENTION: 'P30D' })
    while ((await metric('waymark_removed_journeys_total{reason="expired"}')) === 0)
      await new Promise((resolve) => setImmediate(resolve))
    expect(await journeys()).toEqual([])
    expect((await funnel()).revision).not.toBe(before.revision)
    await arrives('old', 'pay')
    await shown()
    const trail = await get<{ events: { step: string }[]; start: string | null }>(path('old'))
    expect([trail.start, trail.events.map(({ step }) => step)]).toEqual([null, ['pay']])
  })
})
