import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../domain/random.ts'
import { adminSecret, startServer, type ServerChild } from '../support/server.ts'

/**
 * The whole process, killed while journeys are erased and events of them still come: what was answered 204 is gone
 * after the start and stays so, and of the others nothing is.
 */

const rounds = 4
const journeysPerRound = 16
const service = 'erased'
const steps = ['start', 'name', 'done']

let dataDir: string
let random: Random

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'waymark-erasure-kill-'))
  random = seededRandom(31)
})
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

const headers = { authorization: `Bearer ${adminSecret}`, 'content-type': 'application/json' }

/** `undefined` when the server went away. */
async function ask(server: ServerChild, method: string, path: string, body?: object): Promise<Response | undefined> {
  try {
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    return await fetch(`${server.url}${path}`, init)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

const path = (journey: string) => `/v1/services/${service}/journeys/${journey}`

async function send(server: ServerChild, journey: string, id = ''): Promise<boolean> {
  const events = steps.map((step, seq) => ({ id: `${id}${seq}`, step, at: Date.UTC(2026, 0, 1) + seq * 1000, seq }))
  return (await ask(server, 'POST', '/v1/events', { service, journey, events }))?.status === 204
}

async function shown(server: ServerChild): Promise<void> {
  for (;;) {
    const response = await ask(server, 'GET', '/v1/status')
    if (((await response?.json()) as { pendingEvents: number }).pendingEvents === 0) return
  }
}

it(`brings nothing back and takes nothing else in ${rounds} kills`, async () => {
  let server = await startServer({ WAYMARK_DATA_DIR: dataDir })
  await ask(server, 'PUT', `/v1/services/${service}`, { name: 'Erased', funnel: { steps } })
  const kept: string[] = []
  const gone = new Set<string>()
  for (let round = 0; round < rounds; round++) {
    const journeys = Array.from({ length: journeysPerRound }, (_, index) => `${round}-${index}`)
    for (const journey of journeys) expect(await send(server, journey)).toBe(true)
    const [erased, others] = [journeys.slice(0, journeysPerRound / 2), journeys.slice(journeysPerRound / 2)]
    kept.push(...others)
    // Half of the time nothing of them is in the tables yet.
    if (random.chance(0.5)) await shown(server)

    // Killed after so many answers: in the list, or not; removed, or not; with events of them on their way.
    let left = random.whole(1, erased.length)
    await new Promise<void>((resolve) => {
      for (const journey of erased) {
        void ask(server, 'DELETE', path(journey)).then((response) => {
          if (response?.status === 204) gone.add(journey)
          if (--left === 0) resolve()
        })
        void send(server, journey, 'late')
      }
    })
    server.process.kill('SIGKILL')
    await server.ended
    server = await startServer({ WAYMARK_DATA_DIR: dataDir })
    // Answers are healed before the first is given.
    for (const journey of gone) expect((await ask(server, 'GET', path(journey)))?.status, journey).toBe(404)
    await shown(server)
    for (const journey of gone) expect((await ask(server, 'GET', path(journey)))?.status, journey).toBe(404)
    // Who was not answered asks again.
    for (const journey of erased) {
      expect((await ask(server, 'DELETE', path(journey)))?.status).toBe(204)
      gone.add(journey)
    }
    for (const journey of gone) expect(await send(server, journey, 'again')).toBe(true)
  }
  await shown(server)
  const response = await ask(server, 'GET', `/v1/services/${service}/funnel?from=2026-01-01&to=2026-01-02`)
  const { totals } = (await response?.json()) as { totals: { started: number; completed: number } }
  expect([totals.started, totals.completed]).toEqual([kept.length, kept.length])
  for (const journey of kept) expect((await ask(server, 'GET', path(journey)))?.status, journey).toBe(200)
  for (const journey of gone) expect((await ask(server, 'GET', path(journey)))?.status, journey).toBe(404)
  server.process.kill('SIGTERM')
  expect(await server.ended).toMatchObject({ code: 0 })
}, 240_000)
