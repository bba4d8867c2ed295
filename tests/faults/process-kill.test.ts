import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../domain/random.ts'
import { adminSecret, startServer, type ServerChild } from '../support/server.ts'

/**
 * The whole process, killed under load: what was acknowledged is stored, nothing is stored that was not sent,
 * and each event is once in its trail and once in every count.
 */

const rounds = 20
const clients = 6
const steps = ['start', 'name', 'address', 'check', 'done']
const service = 'killed'

let dataDir: string
let random: Random
/** Journey → seq of each event sent → whether it was acknowledged. */
const sent = new Map<string, Map<number, boolean>>()

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'waymark-kill-'))
  random = seededRandom(20)
})
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

it(`loses nothing and counts nothing twice in ${rounds} kills`, async () => {
  let server = await startServer({ WAYMARK_DATA_DIR: dataDir })
  await put(server)
  for (let round = 0; round < rounds; round++) {
    const stopping = new AbortController()
    const loads = Array.from({ length: clients }, (_, client) => load(server, `${round}-${client}`, stopping.signal))
    // Killed after so many more acknowledgements: at a random moment of the work, whatever the machine's speed.
    await acknowledgements(random.whole(1, 120))
    server.process.kill('SIGKILL')
    await server.ended
    stopping.abort()
    await Promise.all(loads)
    server = await startServer({ WAYMARK_DATA_DIR: dataDir })
  }
  await shown(server)
  await reconcile(server)
  server.process.kill('SIGTERM')
  expect(await server.ended).toMatchObject({ code: 0 })
}, 240_000)

const headers = { authorization: `Bearer ${adminSecret}`, 'content-type': 'application/json' }

async function put(server: ServerChild): Promise<void> {
  const body = JSON.stringify({ name: 'Killed', funnel: { steps } })
  const response = await fetch(`${server.url}/v1/services/${service}`, { method: 'PUT', headers, body })
  expect(response.status).toBe(201)
}

let acknowledged = 0
let onAcknowledged: () => void = () => undefined

function acknowledgements(more: number): Promise<void> {
  const goal = acknowledged + more
  return new Promise((resolve) => {
    onAcknowledged = () => {
      if (acknowledged >= goal) resolve()
    }
  })
}

/** Journeys step by step, each event sent again until the server is gone; some events twice on purpose. */
async function load(server: ServerChild, name: string, signal: AbortSignal): Promise<void> {
  for (let journey = 0; !signal.aborted; journey++) {
    const reference = `${name}-${journey}`
    const events = new Map<number, boolean>()
    sent.set(reference, events)
    const length = random.whole(1, steps.length)
    for (let seq = 0; seq < length; seq++) {
      for (let copy = random.chance(0.2) ? 2 : 1; copy > 0; copy--) {
        events.set(seq, events.get(seq) ?? false)
        if (!(await post(server, reference, seq))) return
        events.set(seq, true)
        acknowledged += 1
        onAcknowledged()
      }
    }
  }
}

/** `false` when the server went away. */
async function post(server: ServerChild, journey: string, seq: number): Promise<boolean> {
  try {
    const event = { id: `e${seq}`, step: steps[seq], at: Date.UTC(2026, 0, 1) + seq * 1000, seq }
    const body = JSON.stringify({ service, journey, events: [event] })
    const response = await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body })
    expect(response.status).toBe(204)
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

async function get(server: ServerChild, path: string): Promise<unknown> {
  const response = await fetch(`${server.url}${path}`, { headers })
  return response.status === 404 ? null : await response.json()
}

async function shown(server: ServerChild): Promise<void> {
  for (;;) {
    const { pendingEvents } = (await get(server, '/v1/status')) as { pendingEvents: number }
    if (pendingEvents === 0) return
  }
}

async function reconcile(server: ServerChild): Promise<void> {
  const entered = steps.map(() => 0)
  for (const [journey, events] of sent) {
    const trail = (await get(server, `/v1/services/${service}/journeys/${journey}`)) as {
      events: { seq: number }[]
    } | null
    const stored = (trail?.events ?? []).map(({ seq }) => seq)
    expect(new Set(stored).size, `${journey}: each event once`).toBe(stored.length)
    for (const seq of stored) expect(events.has(seq), `${journey}: stored ⊆ sent`).toBe(true)
    for (const [seq, was] of events) if (was) expect(stored, `${journey}: acknowledged ⊆ stored`).toContain(seq)
    // Steps are sent in order, one after the other, so what is stored is a run from the start.
    for (const seq of stored) entered[seq] = (entered[seq] ?? 0) + 1
  }
  const funnel = (await get(server, `/v1/services/${service}/funnel?from=2026-01-01&to=2026-01-02`)) as {
    steps: { entered: number }[]
  }
  expect(funnel.steps.map((step) => step.entered)).toEqual(entered)
  expect(entered[0]).toBeGreaterThan(rounds)
}
