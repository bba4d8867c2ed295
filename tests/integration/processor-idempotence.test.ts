import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import type { Service } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import type { ProcessorParts } from '../../processor/processor.ts'
import {
  contents,
  Crash,
  crashing,
  drain,
  type DrainParts,
  emptyTables,
  fixedClock,
  limits,
  service,
  silentSignals,
} from '../support/processing.ts'
import { ScriptedLog } from '../support/scripted-log.ts'
import { expectedFacts, storedFacts } from '../support/expected-facts.ts'
import { anyStoredEvent } from '../support/trails.ts'

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

const services = new Map<string, Service>(
  ['renew', 'apply'].map((id) => [id, service(id, { steps: ['start', 'done'] })]),
)

const parts = (some: Partial<ProcessorParts> = {}): DrainParts => ({
  stores,
  registry: { service: (id) => Promise.resolve(services.get(id)), onPut: () => () => undefined },
  clock: fixedClock(1_800_000_000_000),
  limits,
  signals: silentSignals,
  ...some,
})

async function contentsAfter(
  batches: readonly (readonly StoredEvent[])[],
  some: Partial<ProcessorParts> = {},
): Promise<string[]> {
  await emptyTables(stores)
  await drain(new ScriptedLog(batches), parts(some))
  return await contents(stores)
}

/** The same events in an order and in batches of the generator's choice. */
const inBatches = (events: readonly StoredEvent[]) =>
  fc
    .tuple(
      fc.shuffledSubarray([...events], { minLength: events.length }),
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 4 }),
    )
    .map(([shuffled, sizes]) => {
      const batches: StoredEvent[][] = []
      for (const size of sizes) batches.push(shuffled.splice(0, size))
      return [...batches, shuffled].filter((batch) => batch.length > 0)
    })

describe('the processor', () => {
  it('keeps of a set of events what the contract says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStoredEvent, { minLength: 1, maxLength: 40 }), async (events) => {
        const trailEventsMax = 8
        await contentsAfter([events], { limits: { ...limits, trailEventsMax } })
        expect(await storedFacts(stores)).toEqual(expectedFacts(events, trailEventsMax))
      }),
      { numRuns: 12 },
    )
  })

  it('says the same of a set of events, however often, in whatever order and batches they come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(anyStoredEvent, { minLength: 1, maxLength: 30 })
          .chain((events) => fc.tuple(fc.constant(events), inBatches([...events, ...events, ...events]))),
        async ([events, batches]) => {
          const once = await contentsAfter([events])
          expect(await contentsAfter(batches)).toEqual(once)
        },
      ),
      { numRuns: 6 },
    )
  })

  it('says the same after a crash before or after any of its statements', async () => {
    const events = fc.sample(anyStoredEvent, { numRuns: 40, seed: 7 })
    const batches = [events.slice(0, 25), events.slice(20)]
    const counting = crashing(stores, 0, 'before')
    const undisturbed = await contentsAfter(batches, { stores: counting })
    expect(counting.statements()).toBeGreaterThanOrEqual(5)
    for (let at = 1; at <= counting.statements(); at += 1) {
      for (const when of ['before', 'after'] as const) {
        await emptyTables(stores)
        const log = new ScriptedLog(batches)
        await expect(drain(log, parts({ stores: crashing(stores, at, when) }))).rejects.toBeInstanceOf(Crash)
        await drain(log, parts())
        expect(await contents(stores)).toEqual(undisturbed)
      }
    }
  })
})
