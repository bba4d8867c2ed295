import { soleLease } from '../../infra/sole-lease.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import type { Service } from '../../domain/service.ts'
import { sql } from '../../domain/sql.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { createCohorts } from '../../processor/cohorts.ts'
import { createExclusive } from '../../processor/exclusive.ts'
import { createFactsWriter } from '../../processor/facts-writer.ts'
import { stepEventsAtOnceMax } from '../../processor/facts.ts'
import { createLateVerdicts } from '../../processor/late-verdicts.ts'
import { createOwnFunnels } from '../../processor/own-funnels.ts'
import { createRevisions } from '../../processor/revision.ts'
import { createRecentJourneys } from '../../processor/recent-journeys.ts'
import { touchedBy } from '../../processor/touched.ts'
import { trailColumns, trailRow } from '../../processor/trail-rows.ts'
import { emptyTables, fixedClock, limits, service, nothingSealed, silentSignals } from '../support/processing.ts'
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

const hour = Date.UTC(2026, 0, 5, 10)
const minuteMs = 60_000
const hourMs = 60 * minuteMs

const patience = { signal: new AbortController().signal, signals: silentSignals, onWaiting: () => undefined }

/** The cohorts and facts of a processor that begins now, on services that a test may change. */
async function world(now: number) {
  const clock = fixedClock(now)
  const services = new Map<string, Service>([['renew', service('renew', { steps: ['start', 'done'], window: 'PT1H' })]])
  const shared = {
    store: stores.writes,
    lease: soleLease,
    ownFunnels: createOwnFunnels({ service: (id) => Promise.resolve(services.get(id)) }),
    revisions: createRevisions(clock, 0),
    clock,
    signals: silentSignals,
    trailEventsMax: limits.trailEventsMax,
    unsealed: nothingSealed,
    recent: createRecentJourneys(stores.writes),
  }
  const cohorts = createCohorts(shared)
  const lateVerdicts = createLateVerdicts({
    ...shared,
    stores,
    cohorts,
    exclusive: createExclusive(),
    putAside: () => Promise.resolve(),
  })
  const facts = createFactsWriter({ ...shared, lateVerdicts })
  await cohorts.start()
  return {
    clock,
    services,
    cohorts,
    put: async (...events: Partial<StoredEvent>[]) => {
      const stored = events.map(storedEvent)
      await stores.writes.insert('trail', trailColumns, stored.map(trailRow))
      await cohorts.beforeFacts(touchedBy(stored))
      await facts.write(touchedBy(stored), patience)
    },
    /** Until no journey waits for its verdict. */
    judged: async () => {
      const stop = new AbortController()
      const running = lateVerdicts.run({ ...patience, signal: stop.signal })
      const deadline = Date.now() + 10_000
      while (lateVerdicts.waiting() > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
      stop.abort()
      await running
    },
  }
}

const marks = async () =>
  (
    await stores.reads.select<{ hour: string; state: string; version: number }>(
      sql`SELECT hour, state, version FROM cohorts FINAL ORDER BY hour`,
    )
  ).map((row) => [(Number(row.hour) - hour) / hourMs, row.state, row.version])

/** A journey that started half past the hour, so many hours later. */
const started = (journey: number, hours = 0): Partial<StoredEvent> => ({
  journey: String(journey).padStart(16, '0'),
  identity: 1,
  at: hour + hours * hourMs + 30 * minuteMs,
})

describe('a cohort hour', () => {
  it('is sealed when it is over, its window has passed and it was quiet for a minute, and not before', async () => {
    const { clock, cohorts, put } = await world(hour + 2 * hourMs - 1)
    await put(started(1))
    await cohorts.sweep()
    expect(await marks()).toEqual([])
    // The window has passed, but the hour was touched within the minute.
    clock.set(hour + 2 * hourMs)
    await cohorts.sweep()
    expect(await marks()).toEqual([])
    clock.set(hour + 2 * hourMs + minuteMs)
    await cohorts.sweep()
    expect(await marks()).toEqual([[0, 'sealed', 1]])
  })

  it('is revised by late events that change a verdict, and by those alone', async () => {
    const { clock, cohorts, put } = await world(hour + 3 * hourMs)
    await put(started(1), started(2, 1))
    clock.set(hour + 10 * hourMs)
    await cohorts.sweep()
    expect(await marks()).toEqual([
      [0, 'sealed', 1],
      [1, 'sealed', 1],
    ])
    // A copy, and an event that the funnel does not see.
    await put(started(1), { ...started(1), identity: 3, step: 'elsewhere' })
    expect(await marks()).toEqual([
      [0, 'sealed', 1],
      [1, 'sealed', 1],
    ])
    await put({ ...started(1), identity: 2, step: 'done', at: hour + 40 * minuteMs })
    expect(await marks()).toEqual([
      [0, 'revised', 1],
      [1, 'sealed', 1],
    ])
  })

  it('is revised when a journey appears in it, or moves from it to another', async () => {
    const { clock, cohorts, put } = await world(hour + 5 * hourMs)
    await put(started(1), started(2, 1), started(3, 2))
    clock.set(hour + 10 * hourMs)
    await cohorts.sweep()
    await put(started(4, 2))
    // An earlier first event takes journey 2 from the second hour to the first.
    await put({ ...started(2), identity: 9, at: hour + 5 * minuteMs })
    expect(await marks()).toEqual([
      [0, 'revised', 1],
      [1, 'revised', 1],
      [2, 'revised', 1],
    ])
  })

  it('that was never sealed is filled by an import without being revised', async () => {
    const { clock, cohorts, put } = await world(hour + 20 * hourMs)
    await put(started(1, 5))
    clock.set(hour + 30 * hourMs)
    await cohorts.sweep()
    await put(started(2), started(3))
    await put(started(4))
    clock.set(hour + 31 * hourMs)
    await cohorts.sweep()
    expect(await marks()).toEqual([
      [0, 'sealed', 1],
      [5, 'sealed', 1],
    ])
  })

  it('is revised when the trail of a long journey changes, which is judged later, and when it appears', async () => {
    const long = (journey: number, hours: number) =>
      Array.from({ length: stepEventsAtOnceMax + 1 }, (_, index) => ({
        ...started(journey, hours),
        identity: index,
        step: index === 0 ? 'start' : 'elsewhere',
        seq: index,
      }))
    const { clock, cohorts, put, judged } = await world(hour + 3 * hourMs)
    await put(...long(1, 0), started(2, 1))
    await judged()
    clock.set(hour + 10 * hourMs)
    await cohorts.sweep()
    const sealed = [
      [0, 'sealed', 1],
      [1, 'sealed', 1],
    ]
    expect(await marks()).toEqual(sealed)
    await put(...long(1, 0))
    await judged()
    expect(await marks()).toEqual(sealed)
    await put({ ...started(1), identity: 9_999, step: 'done', at: hour + 40 * minuteMs })
    await judged()
    expect(await marks()).toEqual([
      [0, 'revised', 1],
      [1, 'sealed', 1],
    ])
    await put(...long(3, 1))
    await judged()
    expect(await marks()).toEqual([
      [0, 'revised', 1],
      [1, 'revised', 1],
    ])
  })

  it('keeps its mark over a restart, and is revised after it', async () => {
    const before = await world(hour + 5 * hourMs)
    await before.put(started(1))
    before.clock.set(hour + 10 * hourMs)
    await before.cohorts.sweep()
    const after = await world(hour + 11 * hourMs)
    await after.put({ ...started(1), identity: 2, step: 'done', at: hour + 31 * minuteMs })
    expect(await marks()).toEqual([[0, 'revised', 1]])
    after.clock.set(hour + 12 * hourMs)
    await after.cohorts.sweep()
    expect(await marks()).toEqual([[0, 'revised', 1]])
  })

  it('is sealed anew under a new version of the funnel, and a rebuild revises nothing', async () => {
    const { clock, cohorts, put, services } = await world(hour + 5 * hourMs)
    await put(started(1))
    clock.set(hour + 10 * hourMs)
    await cohorts.sweep()
    services.set('renew', service('renew', { steps: ['start', 'paid', 'done'], window: 'PT1H' }, { version: 2 }))
    await put(started(1))
    clock.set(hour + 11 * hourMs)
    await cohorts.sweep()
    expect(await marks()).toEqual([[0, 'sealed', 2]])
  })
})
