import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LeaseLost } from '../../domain/errors.ts'
import type { Lease, Leases } from '../../domain/ports/lease.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { raw, sql } from '../../domain/sql.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { soleLeases } from '../../infra/sole-lease.ts'
import { createProcessor } from '../../processor/processor.ts'
import { openMemoryErasures } from '../support/memory-erasures.ts'
import { drain, fixedClock, limits, nothingRemoved, service, silentSignals } from '../support/processing.ts'
import { ScriptedLog } from '../support/scripted-log.ts'
import { hurried } from '../support/sealing.ts'
import { storedEvent } from '../support/trails.ts'

/** A program that was frozen, and goes on after another has taken over: nothing that it does changes what answers are read from. */

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})
afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

const hour = 3_600_000
const now = 1_800_000_000_000
const own = (steps: string[], version: number) => service('renew', { steps, window: 'P7D' }, { version })

const steps = (journeys: readonly number[], step: string, at: number): StoredEvent[] =>
  journeys.map((journey) =>
    storedEvent({
      service: 'renew',
      journey: journey.toString(16).padStart(16, '0'),
      identity: journey * 100 + step.length,
      step,
      at,
    }),
  )
const many = Array.from({ length: 150 }, (_, index) => index + 1)

/** Everything that answers are read from, but the trails. */
const derived = ['facts', 'unsealed', 'seals', 'rollups', 'edge_journeys', 'cohorts'] as const

async function state(): Promise<Record<string, string>> {
  const all: Record<string, string> = {}
  for (const table of derived) {
    const [row] = await stores.reads.select<{ said: string }>(
      sql`SELECT concat(toString(count()), ' ', toString(groupBitXor(cityHash64(*)))) AS said FROM ${raw(table)}`,
    )
    all[table] = row?.said ?? ''
  }
  return all
}

function parts(version: number, clock: ReturnType<typeof fixedClock>, erasures = openMemoryErasures()) {
  const current = own(version === 1 ? ['start', 'done'] : ['start', 'middle', 'done'], version)
  return {
    ...nothingRemoved,
    erasures,
    stores,
    registry: { service: () => Promise.resolve(current), onPut: () => () => undefined },
    clock,
    limits,
    signals: silentSignals,
    pace: { ...hurried, intervalMs: 1 },
  }
}

describe('a processor whose lease another one has', () => {
  it('puts events into trails, where copies are harmless, and changes nothing else', async () => {
    const clock = fixedClock(now)
    const sealed = new ScriptedLog([
      steps(many, 'start', now - 5 * hour),
      steps(many.slice(50), 'done', now - 4 * hour),
    ])
    await runUntil(createProcessor({ ...parts(1, clock), log: sealed, leases: soleLeases }), async () => {
      const [seals] = await stores.reads.select<{ count: string }>(
        sql`SELECT count() AS count FROM seals FINAL WHERE length(layers) > 0`,
      )
      return seals?.count === '1'
    })
    const before = await state()
    for (const table of ['facts', 'seals', 'rollups', 'edge_journeys'] as const)
      expect(before[table]).not.toMatch(/^0 /)

    // It does not know: its look at the lease said yes just before.
    const checks: string[] = []
    const woken: Leases = lostWithoutKnowing(() => checks.push('look'))
    clock.set(now + 2 * hour)
    const erasures = openMemoryErasures([{ service: 'renew', journey: '0000000000000003', at: now }])
    const log = new ScriptedLog([steps(many, 'middle', now), steps([900, 901], 'start', now)])
    await drain(log, { ...parts(2, clock, erasures), leases: woken })
    expect(checks.length).toBeGreaterThan(2)
    expect(await state()).toEqual(before)
    const [trail] = await stores.reads.select<{ count: string }>(sql`SELECT uniqExact(journey) AS count FROM trail`)
    expect(trail?.count).toBe('152')
  })

  it('lets the log forget nothing once it knows', async () => {
    const log = new ScriptedLog([steps([1, 2], 'start', now - 5 * hour)])
    let turns = 0
    const stop = new AbortController()
    const leases: Leases = {
      take: (signal) => {
        // The second turn is another program's.
        if (++turns > 1) stop.abort()
        return Promise.resolve(signal.aborted || stop.signal.aborted ? null : lost)
      },
    }
    const lost: Lease = {
      held: raw('0'),
      check: () => Promise.reject(new LeaseLost('another has it')),
      lost: new AbortController().signal,
      release: () => Promise.resolve(),
    }
    await createProcessor({ ...parts(1, fixedClock(now)), log, leases }).run(stop.signal)
    expect(turns).toBe(2)
    expect(log.pending().events).toBe(2)
  })
})

function lostWithoutKnowing(onLook: () => void): Leases {
  const lease: Lease = {
    held: raw('0'),
    check: () => Promise.resolve(onLook()),
    lost: new AbortController().signal,
    release: () => Promise.resolve(),
  }
  return { take: (signal) => Promise.resolve(signal.aborted ? null : lease) }
}

async function runUntil(
  processor: ReturnType<typeof createProcessor>,
  condition: () => Promise<boolean>,
): Promise<void> {
  const stop = new AbortController()
  const running = processor.run(stop.signal)
  while (!(await condition()));
  stop.abort()
  await running
}
