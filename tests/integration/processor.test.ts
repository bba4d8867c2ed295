import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { QueryTooLarge, StoreUnavailable } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { serviceInput, type FunnelInput } from '../../domain/service.ts'
import { param, sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { createProcessor, type ProcessorParts } from '../../processor/processor.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'
import {
  drain,
  type DrainParts,
  emptyTables,
  fixedClock,
  limits,
  refusing,
  nothingRemoved,
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

const clock = fixedClock(1_800_000_000_000)

async function registryWith(...services: (readonly [string, FunnelInput])[]) {
  const registry = openMemoryRegistry({ clock })
  for (const [id, funnel] of services) await registry.putService(id, serviceInput.parse({ name: id, funnel }))
  return registry
}

const parts = async (some: Partial<ProcessorParts> = {}): Promise<DrainParts> => ({
  stores,
  registry: await registryWith(['renew', { steps: ['start', 'done'] }]),
  clock,
  limits,
  signals: silentSignals,
  ...some,
})

const journey = (number: number) => number.toString(16).padStart(16, '0')

const facts = () =>
  stores.reads.select<{ journey: string; version: number; depth: number; start: string; completed: number }>(
    sql`SELECT journey, version, depth, start, completed FROM facts FINAL ORDER BY journey`,
  )

/** Waits until a condition holds; fails with what is there after ten seconds. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come about within ten seconds')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('the processor', () => {
  it('judges journeys by the funnel of their service, and keeps those of a service that is gone', async () => {
    const at = 1_795_000_000_000
    const log = new ScriptedLog([
      [
        storedEvent({ journey: journey(1), identity: 1, at }),
        storedEvent({ journey: journey(1), identity: 2, at: at + 1000, step: 'done' }),
        storedEvent({ journey: journey(2), service: 'gone', at }),
        storedEvent({ journey: journey(3), service: 'apply', at, step: 'in' }),
      ],
    ])
    const registry = await registryWith(['renew', { steps: ['start', 'done'] }], ['apply', { steps: ['in', 'out'] }])
    await drain(log, await parts({ registry }))
    expect(await facts()).toEqual([
      { journey: '1', version: 1, depth: 2, start: String(at), completed: 1 },
      { journey: '2', version: 0, depth: 0, start: '0', completed: 0 },
      { journey: '3', version: 1, depth: 1, start: String(at), completed: 0 },
    ])
  })

  it('sets aside what it cannot read or the engine refuses, with the reason, and goes on', async () => {
    const good = storedEvent({ journey: journey(1) })
    const bad = storedEvent({ journey: journey(2), identity: 666 })
    const log = new ScriptedLog([
      {
        events: [good, bad, storedEvent({ journey: 'no journey' }), storedEvent({ journey: journey(3) })],
        unreadable: [
          { bytes: Buffer.from('torn {'), reason: 'no JSON' },
          { bytes: Uint8Array.from([0xff, 0x00]), reason: 'checksum' },
        ],
        appendedAt: 0,
      },
    ])
    const processor = await drain(log, await parts({ stores: refusing(stores, (row) => row.includes(666)) }))
    expect((await facts()).map((row) => row.journey)).toEqual(['1', '3'])
    const aside = await stores.reads.select(sql`SELECT reason, bytes FROM set_aside FINAL ORDER BY reason`)
    expect(aside).toEqual([
      { reason: 'a row is bad', bytes: JSON.stringify(bad) },
      { reason: 'checksum', bytes: 'base64:/wA=' },
      { reason: 'journey is no 64-bit number', bytes: JSON.stringify(storedEvent({ journey: 'no journey' })) },
      { reason: 'no JSON', bytes: 'torn {' },
    ])
    expect(processor.status().refusedEvents).toBe(4)
  })

  it('sets nothing aside because the engine has no room, and tries again', async () => {
    let refusals = 40
    const crowded: Stores = {
      ...stores,
      writes: {
        ...stores.writes,
        insert: (table, columns, rows) =>
          table === 'trail' && refusals-- > 0
            ? Promise.reject(new QueryTooLarge('no room'))
            : stores.writes.insert(table, columns, rows),
      },
    }
    const log = new ScriptedLog([[1, 2, 3].map((number) => storedEvent({ journey: journey(number) }))])
    const waits: number[] = []
    const signals = {
      ...silentSignals,
      retrying: () => {
        waits.push(refusals)
        refusals = 0
      },
    }
    const processor = await drain(log, await parts({ stores: crowded, signals }))
    expect(waits).toHaveLength(1)
    expect(processor.status().refusedEvents).toBe(0)
    expect(await facts()).toHaveLength(3)
  })

  it('waits while ClickHouse is away, says so, and loses nothing', async () => {
    let away = true
    const retries: string[] = []
    const absent: Stores = {
      ...stores,
      writes: {
        ...stores.writes,
        insert: (table, columns, rows) =>
          away ? Promise.reject(new StoreUnavailable('away')) : stores.writes.insert(table, columns, rows),
      },
    }
    const log = new ScriptedLog([[storedEvent({ journey: journey(1) })]])
    const signals = { ...silentSignals, retrying: (work: string) => retries.push(work) }
    const processor = createProcessor({ ...nothingRemoved, log, ...(await parts({ stores: absent, signals })) })
    const stop = new AbortController()
    const running = processor.run(stop.signal)
    await until(() => retries.length >= 2)
    expect(processor.status()).toMatchObject({ pendingEvents: 1, notReady: 'away' })
    away = false
    await until(() => processor.status().pendingEvents === 0)
    expect(processor.status().notReady).toBeNull()
    expect(await facts()).toHaveLength(1)
    stop.abort()
    await running
  })

  it('stops while ClickHouse is away, and the log keeps the events', async () => {
    const absent: Stores = {
      ...stores,
      writes: { ...stores.writes, insert: () => Promise.reject(new StoreUnavailable('away')) },
    }
    let retried = false
    const signals = {
      ...silentSignals,
      retrying: () => {
        retried = true
      },
    }
    const log = new ScriptedLog([[storedEvent()]])
    const processor = createProcessor({ ...nothingRemoved, log, ...(await parts({ stores: absent, signals })) })
    const stop = new AbortController()
    const running = processor.run(stop.signal)
    await until(() => retried)
    stop.abort()
    await running
    expect(log.pending().events).toBe(1)
  })

  it('recomputes the facts of a service when its funnel changes, and what a stopped processor left', async () => {
    const registry = await registryWith(['renew', { steps: ['start', 'done'] }])
    const log = new ScriptedLog([[1, 2, 3].map((number) => storedEvent({ journey: journey(number), step: 'begin' }))])
    const processor = createProcessor({ ...nothingRemoved, log, ...(await parts({ registry })) })
    const stop = new AbortController()
    const running = processor.run(stop.signal)
    await until(() => processor.status().pendingEvents === 0)
    expect((await facts()).map(({ version, depth }) => [version, depth])).toEqual(Array(3).fill([1, 0]))

    await registry.putService('renew', serviceInput.parse({ name: 'renew', funnel: { steps: ['begin', 'done'] } }))
    await until(async () => (await facts()).every(({ version, depth }) => version === 2 && depth === 1))
    await until(() => processor.status().rebuilding.length === 0)
    stop.abort()
    await running

    await registry.putService('renew', serviceInput.parse({ name: 'renew', funnel: { steps: ['begin', 'end'] } }))
    await drain(new ScriptedLog(), await parts({ registry }))
    const next = createProcessor({ ...nothingRemoved, log: new ScriptedLog(), ...(await parts({ registry })) })
    const stopNext = new AbortController()
    const runningNext = next.run(stopNext.signal)
    await until(async () => (await facts()).every(({ version }) => version === 3))
    stopNext.abort()
    await runningNext
  })

  it('never takes a revision back, though the clock goes back over a restart', async () => {
    await drain(new ScriptedLog([[storedEvent()]]), await parts())
    const [before] = await stores.reads.select<{ revision: string }>(sql`SELECT revision FROM facts FINAL`)
    await drain(
      new ScriptedLog([[storedEvent({ identity: 2, step: 'done', at: 1_795_000_001_000 })]]),
      await parts({ clock: fixedClock(1_000) }),
    )
    const after = await stores.reads.select<{ newer: number; depth: number }>(
      sql`SELECT revision > ${param('UInt64', BigInt(before?.revision ?? 0))} AS newer, depth FROM facts FINAL`,
    )
    expect(after).toEqual([{ newer: 1, depth: 2 }])
  })
})
