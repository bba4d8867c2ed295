import { soleLease } from '../../infra/sole-lease.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { serviceInput, type FunnelInput } from '../../domain/service.ts'
import { raw, sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { migrate } from '../../infra/clickhouse/migrate.ts'
import { noFunnel, stepEventsAtOnceMax } from '../../processor/facts.ts'
import { createProcessor, type ProcessorParts } from '../../processor/processor.ts'
import { createRetention } from '../../processor/retention.ts'
import { createRevisions } from '../../processor/revision.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'
import {
  Crash,
  crashing,
  drain,
  emptyTables,
  fixedClock,
  limits,
  nothingRemoved,
  nothingSealed,
  silentSignals,
} from '../support/processing.ts'
import { ScriptedLog } from '../support/scripted-log.ts'
import { storedEvent } from '../support/trails.ts'

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(path(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})
afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(() => emptyTables(stores))

const day = 86_400_000
/** The middle of a day, long after the events say that they happened. */
const arrival = 20_800 * day + day / 2
const retentionMs = 30 * day
/** The first moment at which what arrived on a day may go: that day has ended so long ago. */
const expiry = 20_801 * day + retentionMs

async function bench(funnel: FunnelInput = { steps: ['start', 'done'] }) {
  const clock = fixedClock(arrival)
  const registry = openMemoryRegistry({ clock })
  const put = (changed: FunnelInput) => registry.putService('renew', serviceInput.parse({ name: 'r', funnel: changed }))
  await put(funnel)
  const parts = (some: Partial<ProcessorParts> = {}): Omit<ProcessorParts, 'log'> => ({
    ...nothingRemoved,
    stores,
    registry,
    clock,
    limits,
    signals: silentSignals,
    ...some,
  })
  return {
    clock,
    put,
    registry,
    parts,
    arrives: (...journeys: string[]) =>
      drain(new ScriptedLog([journeys.map((journey) => storedEvent({ journey }))]), parts()),
  }
}

/** A retention that begins its walk anew, as after a start. */
function retention(clock: { now(): number }, on: Stores = stores, underWay = false) {
  let removed = 0
  const { expire } = createRetention({
    stores: on,
    lease: soleLease,
    ownFunnels: () => Promise.resolve(noFunnel),
    revisions: createRevisions(clock, clock.now()),
    cohorts: { beforeVerdicts: () => Promise.reject(new Error('what expires revises nothing')) },
    unsealed: nothingSealed,
    sealer: { holds: () => true },
    clock,
    retentionMs,
    purging: { underWay: () => underWay },
    signals: { ...silentSignals, removed: (reason, count) => void (removed += reason === 'expired' ? count : NaN) },
  })
  return { expire: () => expire(), removed: () => removed }
}

const journeysIn = async (table: 'trail' | 'facts') =>
  (
    await stores.reads.select<{ journey: string }>(
      sql`SELECT DISTINCT lower(hex(journey)) AS journey FROM ${raw(table)} ORDER BY journey`,
    )
  ).map(({ journey }) => journey.padStart(16, '0'))
const left = async () => [await journeysIn('trail'), await journeysIn('facts')]

const [a, b, c] = ['000000000000000a', '000000000000000b', '000000000000000c'] as const

describe('a journey of which nothing has arrived for as long as journeys are kept', () => {
  it('goes on the day after that, and not before', async () => {
    const { clock, arrives } = await bench()
    await arrives(a)
    clock.set(arrival + 5 * day)
    await arrives(b)
    const { expire, removed } = retention(clock)
    clock.set(expiry - 1)
    await expire()
    expect([await left(), removed()]).toEqual([
      [
        [a, b],
        [a, b],
      ],
      0,
    ])
    clock.set(expiry)
    await expire()
    expect([await left(), removed()]).toEqual([[[b], [b]], 1])
    clock.set(expiry + 5 * day)
    await expire()
    expect([await left(), removed()]).toEqual([[[], []], 2])
    await expire()
    expect(removed()).toBe(2)
  })

  it('is one of which something arrived later, however old that says it is', async () => {
    const { clock, arrives, parts } = await bench()
    await arrives(a, b)
    clock.set(arrival + 10 * day)
    const old = storedEvent({ journey: b, identity: 9, at: 1_000_000_000_000 })
    await drain(new ScriptedLog([[old]]), parts())
    clock.set(expiry)
    await retention(clock).expire()
    expect(await left()).toEqual([[b], [b]])
  })

  it.each([
    ['short', 2],
    ['long, and judged late', stepEventsAtOnceMax + 5],
  ])('is not kept by a rebuild: %s', async (_what, steps) => {
    const { clock, put, registry, parts } = await bench()
    const events = Array.from({ length: steps }, (_, index) =>
      storedEvent({ journey: a, identity: index, at: 1_795_000_000_000 + index, step: index === 0 ? 'start' : 'more' }),
    )
    const log = new ScriptedLog([[...events, storedEvent({ journey: b })]])
    await judged(parts(), log)
    const versions = async () =>
      (
        await stores.reads.select<{ version: number; arrivedDay: number }>(
          sql`SELECT version, arrivedDay FROM facts FINAL ORDER BY journey`,
        )
      ).map(({ version, arrivedDay }) => [version, arrivedDay])
    expect(await versions()).toEqual([
      [1, 20_800],
      [1, 20_800],
    ])
    clock.set(arrival + 20 * day)
    await put({ steps: ['start', 'more'] })
    expect((await registry.service('renew'))?.version).toBe(2)
    await judged(parts(), log)
    expect(await versions()).toEqual([
      [2, 20_800],
      [2, 20_800],
    ])
    const [revisions] = await stores.reads.select<{ least: string }>(
      sql`SELECT min(revision) AS least FROM facts FINAL`,
    )
    expect(Number(revisions?.least)).toBeGreaterThanOrEqual(arrival + 20 * day)
    clock.set(expiry)
    await retention(clock).expire()
    expect(await left()).toEqual([[], []])
  })

  it('begins anew when it comes back', async () => {
    const { clock, arrives, parts } = await bench()
    await arrives(a)
    clock.set(expiry)
    await retention(clock).expire()
    await drain(new ScriptedLog([[storedEvent({ journey: a, identity: 2, step: 'done' })]]), parts())
    const facts = await stores.reads.select(
      sql`SELECT events, depth, start, arrivedDay FROM facts FINAL WHERE service = 'renew'`,
    )
    expect(facts).toEqual([{ events: 1, depth: 0, start: '0', arrivedDay: Math.floor(expiry / day) }])
    await retention(clock).expire()
    expect(await left()).toEqual([[a], [a]])
  })

  it('goes after a crash before or after any statement, and answers are told', async () => {
    const { clock, arrives } = await bench()
    const setUp = async () => {
      await emptyTables(stores)
      clock.set(arrival)
      await arrives(a, b)
      clock.set(arrival + 10 * day)
      await arrives(b, c)
      clock.set(expiry)
    }
    await setUp()
    const counting = crashing(stores, 0, 'before')
    await retention(clock, counting).expire()
    expect(counting.statements()).toBe(4)
    // After one is before the next.
    for (let at = 0; at <= counting.statements(); at += 1) {
      await setUp()
      await expect(
        retention(clock, crashing(stores, Math.max(1, at), at === 0 ? 'before' : 'after')).expire(),
      ).rejects.toBeInstanceOf(Crash)
      // The start settles what was begun; what is left to be removed is found again.
      const processor = createProcessor({
        ...nothingRemoved,
        log: new ScriptedLog(),
        stores,
        registry: openMemoryRegistry({ clock }),
        clock,
        limits,
        retentionMs,
        signals: silentSignals,
      })
      const stop = new AbortController()
      const run = processor.run(stop.signal)
      await processor.healed()
      while ((await journeysIn('facts')).includes(a)) await new Promise((resolve) => setImmediate(resolve))
      stop.abort()
      await run
      expect(await left()).toEqual([
        [b, c],
        [b, c],
      ])
      const [row] = await stores.reads.select<{ begun: string; done: string }>(
        sql`SELECT maxIf(revision, what = 'expiring') AS begun, maxIf(revision, what = 'expired') AS done FROM removals`,
      )
      expect(Number(row?.done)).toBeGreaterThan(Number(row?.begun))
    }
  })

  it('waits while a purge is under way', async () => {
    const { clock, arrives } = await bench()
    await arrives(a)
    clock.set(expiry)
    await retention(clock, stores, true).expire()
    expect(await left()).toEqual([[a], [a]])
  })

  it('is one of many, which go piece by piece', async () => {
    const { clock, parts } = await bench()
    const many = Array.from({ length: 10_500 }, (_, index) =>
      storedEvent({ journey: index.toString(16).padStart(16, '0') }),
    )
    await drain(new ScriptedLog([many]), parts())
    // Some of them came again, so that the walk meets rows that no longer count.
    clock.set(arrival + 10 * day)
    await drain(new ScriptedLog([many.slice(0, 700)]), parts())
    clock.set(expiry)
    const { expire, removed } = retention(clock)
    await expire()
    expect([removed(), (await journeysIn('facts')).length]).toEqual([9_300, 1_200])
    await expire()
    expect([removed(), (await journeysIn('facts')).length]).toEqual([9_800, 700])
    clock.set(expiry + 10 * day)
    await expire()
    expect(await left()).toEqual([[], []])
  })
})

it('counts what was written before the day was kept from its last writing on', async () => {
  const { arrives } = await bench()
  await arrives(a)
  await stores.writes.command(raw('ALTER TABLE facts DROP COLUMN arrivedDay'))
  await stores.writes.command(raw(`DELETE FROM migrations WHERE name = '009-facts-arrived'`))
  await migrate(stores.writes)
  expect(await stores.reads.select(sql`SELECT arrivedDay FROM facts FINAL`)).toEqual([{ arrivedDay: 20_800 }])
})

/** Runs a processor until everything is in, rebuilt and judged. */
async function judged(parts: Omit<ProcessorParts, 'log'>, log: ScriptedLog): Promise<void> {
  const processor = createProcessor({ ...parts, log })
  const stop = new AbortController()
  const run = processor.run(stop.signal)
  await processor.healed()
  await log.emptied()
  const isDone = () => {
    const { rebuilding, unjudgedJourneys, notReady } = processor.status()
    return notReady === null && rebuilding.length === 0 && unjudgedJourneys === 0
  }
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve))
  stop.abort()
  await run
}
