import { soleLease } from '../../infra/sole-lease.ts'
import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Erasures } from '../../domain/ports/erasures.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { sql } from '../../domain/sql.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openErasures } from '../../infra/clickhouse/erasures.ts'
import { createExclusive } from '../../processor/exclusive.ts'
import { noFunnel } from '../../processor/facts.ts'
import { createRevisions } from '../../processor/revision.ts'
import { asideWithoutErased, createErasing } from '../../processor/erasing.ts'
import { createProcessor, type Processor, type ProcessorParts } from '../../processor/processor.ts'
import { expectedFacts, storedFacts } from '../support/expected-facts.ts'
import { openMemoryErasures } from '../support/memory-erasures.ts'
import {
  contents,
  Crash,
  crashing,
  drain,
  emptyTables,
  fixedClock,
  limits,
  nothingRemoved,
  nothingSealed,
  service,
  silentSignals,
} from '../support/processing.ts'
import { ScriptedLog } from '../support/scripted-log.ts'
import { anyStoredEvent, storedEvent } from '../support/trails.ts'

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

const services = new Map(['renew', 'apply'].map((id) => [id, service(id, { steps: ['start', 'done'] })]))
const now = 1_800_000_000_000

const parts = (some: Partial<ProcessorParts> = {}) => ({
  ...nothingRemoved,
  stores,
  registry: { service: (id: string) => Promise.resolve(services.get(id)), onPut: () => () => undefined },
  clock: fixedClock(now),
  limits,
  signals: silentSignals,
  ...some,
})

const gone = '00000000000000ff'
const isGone = ({ service: id, journey }: StoredEvent) => id === 'renew' && journey === gone
const erasure = { service: 'renew', journey: gone, at: now }

/** Runs a processor for as long as `during` takes. Rejects with what stopped the processor before that. */
async function running(some: ProcessorParts, during: (processor: Processor) => Promise<void>): Promise<void> {
  const processor = createProcessor(some)
  const stop = new AbortController()
  const run = processor.run(stop.signal)
  try {
    await Promise.race([during(processor), run])
  } finally {
    stop.abort()
    await run
  }
}

/** As a DELETE does it: the list first. */
async function erase(processor: Processor, erasures: Erasures, ...some: (typeof erasure)[]): Promise<void> {
  await erasures.add(some)
  await processor.erase(some)
}

const removals = async () =>
  (
    await stores.reads.select<{ what: string; revision: string }>(
      sql`SELECT what, max(revision) AS revision FROM removals GROUP BY what ORDER BY what`,
    )
  ).map(({ what, revision }) => [what, Number(revision)] as const)

describe('an erasure', () => {
  it('leaves what would be there if the journeys had never been, whatever came before and comes after', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyStoredEvent, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
        fc.uniqueArray(
          fc.record({
            service: fc.constantFrom('renew', 'apply'),
            journey: fc.constantFrom('0000000000000001', gone, 'ffffffffffffffff'),
            at: fc.constant(now),
          }),
          { minLength: 1, maxLength: 3, selector: (one) => `${one.service} ${one.journey}` },
        ),
        fc.nat(3),
        async (batches, erased, moment) => {
          await emptyTables(stores)
          const erasures = openMemoryErasures()
          const log = new ScriptedLog(batches.slice(0, moment))
          await running({ ...parts({ erasures }), log }, async (processor) => {
            await log.emptied()
            await erase(processor, erasures, ...erased)
            for (const batch of batches.slice(moment)) await log.append(batch)
            await log.emptied()
          })
          const others = batches
            .flat()
            .filter((event) => !erased.some((one) => one.service === event.service && one.journey === event.journey))
          expect(await storedFacts(stores)).toEqual(expectedFacts(others, limits.trailEventsMax))
          const rows = await stores.reads.select<{ events: string }>(
            sql`SELECT uniqExact(service, journey, identity) AS events FROM trail`,
          )
          const keys = new Set(others.map((one) => `${one.service} ${one.journey} ${one.identity}`))
          expect(Number(rows[0]?.events)).toBe(keys.size)
        },
      ),
      { numRuns: 8 },
    )
  })

  it('lets nothing back that waited in the log, and counts it', async () => {
    let dropped = 0
    const signals = { ...silentSignals, erasedEvents: (events: number) => void (dropped += events) }
    const erasures = openMemoryErasures([erasure])
    const events = fc.sample(anyStoredEvent, { numRuns: 60, seed: 3 })
    await drain(new ScriptedLog([events]), parts({ erasures, signals }))
    expect(dropped).toBe(events.filter(isGone).length)
    expect(dropped).toBeGreaterThan(0)
    const rest = events.filter((event) => !isGone(event))
    expect(await storedFacts(stores)).toEqual(expectedFacts(rest, limits.trailEventsMax))
  })

  it('is complete after a crash before or after any of its statements, and says that answers are others', async () => {
    const events = fc.sample(anyStoredEvent, { numRuns: 40, seed: 7 })
    const rest = expectedFacts(
      events.filter((event) => !isGone(event)),
      limits.trailEventsMax,
    )
    const erasures = await openErasures(stores)
    const setUp = async () => {
      await emptyTables(stores)
      await drain(new ScriptedLog([events]), parts())
      await setAside('a line of it', `[["renew","${gone}"]]`)
    }
    const counting = crashing(stores, 0, 'before')
    await setUp()
    await running({ ...parts({ stores: counting, erasures: openMemoryErasures() }), log: new ScriptedLog() }, (one) =>
      erase(one, erasures, erasure),
    )
    expect(await storedFacts(stores)).toEqual(rest)
    const undisturbed = await contents(stores)
    expect(counting.statements()).toBeGreaterThanOrEqual(5)
    // After one is before the next.
    for (let at = 0; at <= counting.statements(); at += 1) {
      await setUp()
      const listed = await openErasures(stores)
      const log = new ScriptedLog()
      let refused: unknown
      const crashed = running(
        {
          ...parts({ stores: crashing(stores, Math.max(1, at), at === 0 ? 'before' : 'after'), erasures: listed }),
          log,
        },
        (one) =>
          erase(one, listed, erasure).catch(async (error: unknown) => {
            refused = error
            await new Promise(() => undefined)
          }),
      )
      await expect(crashed).rejects.toBeInstanceOf(Crash)
      expect(refused).toMatchObject({ code: 'store-unavailable', retriable: true })
      const before = new Map(await removals())
      await running({ ...parts({ erasures: await openErasures(stores) }), log }, (one) => one.healed())
      expect(await contents(stores)).toEqual(undisturbed)
      expect(await asideEntries()).toEqual([])
      // What was begun is told by a later word than any that was seen before.
      const after = new Map(await removals())
      expect(after.get('erased')).toBeGreaterThan(after.get('erasing') ?? Infinity)
      if (after.get('erased') !== before.get('erased'))
        expect(after.get('erased')).toBeGreaterThan(Math.max(0, ...before.values()))
    }
  })

  it('of which nothing is known costs no deletion', async () => {
    await drain(new ScriptedLog([[storedEvent()]]), parts())
    const counting = crashing(stores, 0, 'before')
    const erasures = openMemoryErasures()
    await running({ ...parts({ stores: counting, erasures }), log: new ScriptedLog() }, (one) =>
      erase(one, erasures, erasure),
    )
    expect([counting.statements(), await removals()]).toEqual([0, []])
  })

  it('of many at once is done together', async () => {
    const many = Array.from({ length: 300 }, (_, index) => index.toString(16).padStart(16, '0'))
    await drain(new ScriptedLog([many.map((journey) => storedEvent({ journey }))]), parts())
    const counting = crashing(stores, 0, 'before')
    const erasures = openMemoryErasures()
    await running({ ...parts({ stores: counting, erasures }), log: new ScriptedLog() }, async (processor) => {
      await Promise.all(many.slice(1).map((journey) => erase(processor, erasures, { ...erasure, journey })))
    })
    expect((await storedFacts(stores)).map(({ journey }) => journey)).toEqual([many[0]])
    expect(counting.statements()).toBeLessThanOrEqual(3 * 4)
  })

  it('revises the sealed hour in which the journey stood, and no other', async () => {
    const hour = 1_795_000_000_000 - (1_795_000_000_000 % 3_600_000)
    const other = storedEvent({ journey: '0000000000000002', at: hour + 3_600_000 })
    await drain(new ScriptedLog([[storedEvent({ journey: gone, at: hour + 1 }), other]]), parts())
    await stores.writes.insert(
      'cohorts',
      ['service', 'hour', 'revision', 'version', 'state'],
      [hour, hour + 3_600_000].map((one) => ['renew', one, now + 1, 1, 'sealed']),
    )
    const erasures = openMemoryErasures()
    await running({ ...parts({ erasures }), log: new ScriptedLog() }, (one) => erase(one, erasures, erasure))
    const states = await stores.reads.select<{ state: string }>(sql`SELECT state FROM cohorts FINAL ORDER BY hour`)
    expect(states.map(({ state }) => state)).toEqual(['revised', 'sealed'])
  })

  it('that a purge keeps waiting is answered with a refusal, and done when the purge has ended', async () => {
    await drain(new ScriptedLog([[storedEvent({ journey: gone })]]), parts())
    const clock = fixedClock(now)
    const waits: ((settled: boolean) => void)[] = []
    const erasing = createErasing({
      ...parts(),
      lease: soleLease,
      erasures: openMemoryErasures([erasure]),
      ownFunnels: () => Promise.resolve(noFunnel),
      revisions: createRevisions(clock, now),
      cohorts: { beforeVerdicts: () => Promise.resolve() },
      unsealed: nothingSealed,
      exclusive: createExclusive(),
      purging: { settled: () => new Promise((resolve) => waits.push(resolve)) },
    })
    const stop = new AbortController()
    const run = erasing.run({ signal: stop.signal, signals: silentSignals, onWaiting: () => undefined })
    const refused = erasing.erase([erasure])
    const until = async (condition: () => boolean | Promise<boolean>) => {
      while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => waits.length === 1)
    waits[0]?.(false)
    await expect(refused).rejects.toMatchObject({ code: 'store-unavailable', retryAfterSeconds: 60 })
    await until(() => waits.length === 2)
    expect(await storedFacts(stores)).toHaveLength(1)
    waits[1]?.(true)
    await until(async () => (await storedFacts(stores)).length === 0)
    stop.abort()
    await run
  })

  it('is refused, and can be sent again, once the processor has stopped', async () => {
    const erasures = openMemoryErasures()
    const processor = createProcessor({ ...parts({ erasures }), log: new ScriptedLog() })
    const stop = new AbortController()
    const run = processor.run(stop.signal)
    await processor.healed()
    stop.abort()
    await run
    await expect(erase(processor, erasures, erasure)).rejects.toMatchObject({ code: 'store-unavailable' })
  })
})

const setAside = (reason: string, bytes: string) =>
  stores.writes.insert('set_aside', ['at', 'reason', 'bytes'], [[now, reason, bytes]])
const asideEntries = async () =>
  (await stores.reads.select<{ reason: string }>(sql`SELECT reason FROM set_aside FINAL ORDER BY reason`)).map(
    ({ reason }) => reason,
  )

describe('a start', () => {
  it('removes what a restored backup still holds of journeys in the list, entries that were set aside too', async () => {
    const events = fc.sample(anyStoredEvent, { numRuns: 50, seed: 9 })
    await drain(new ScriptedLog([events]), parts())
    const text = `[["renew","${gone}",5]]`
    await setAside('as text', text)
    await setAside('as bytes', `base64:${Buffer.concat([Buffer.from([0xff]), Buffer.from(text)]).toString('base64')}`)
    await setAside('of another', text.replace(gone, '0000000000000001'))
    await setAside('no base64', 'base64:§')
    await running(
      {
        ...parts({ erasures: await listed(erasure, { ...erasure, journey: 'abababababababab' }) }),
        log: new ScriptedLog(),
      },
      (one) => one.healed(),
    )
    const rest = events.filter((event) => !isGone(event))
    expect(rest.length).toBeLessThan(events.length)
    expect(await storedFacts(stores)).toEqual(expectedFacts(rest, limits.trailEventsMax))
    expect(await asideEntries()).toEqual(['no base64', 'of another'])
  })

  it('is healed at once when there is nothing to heal, and never when it ends before', async () => {
    const processor = createProcessor({ ...parts(), log: new ScriptedLog() })
    const stop = new AbortController()
    stop.abort()
    await processor.run(stop.signal)
    await expect(processor.healed()).rejects.toThrow()
  })
})

async function listed(...some: (typeof erasure)[]): Promise<Erasures> {
  const erasures = await openErasures(stores)
  await erasures.add(some)
  return await openErasures(stores)
}

it('sets nothing aside that names an erased journey', () => {
  const entry = (journey: string) => ({ reason: 'no verdict', bytes: JSON.stringify({ service: 'renew', journey }) })
  const entries = [entry(gone), entry('0000000000000001')]
  expect(asideWithoutErased(entries, openMemoryErasures([erasure]))).toEqual([entries[1]])
})
