import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { sql } from '../../domain/sql.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { createPruning } from '../../processor/pruning.ts'
import { createRevisions } from '../../processor/revision.ts'
import { expectedFacts, storedFacts } from '../support/expected-facts.ts'
import { drain, fixedClock, limits, service, silentSignals } from '../support/processing.ts'
import { seededRandom, type Random } from '../support/random.ts'
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

const clock = fixedClock(1_800_000_000_000)
const funnel = service('renew', { steps: ['start', 'done'] })
const { trailEventsMax } = limits

/** Few times, so that seq and identity decide too; copies; some that are no step. */
const events = (from: number, to: number, at: number): StoredEvent[] =>
  Array.from({ length: to - from }, (_, index) =>
    storedEvent({
      identity: from + index,
      at: at + (index % 700) * 1000,
      seq: index % 3,
      ...(index % 10 === 0 ? { type: 'leave', engagedMs: index } : { step: index % 7 === 0 ? 'start' : 'between' }),
    }),
  )

function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  return items
    .map((item) => [random.next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}

async function put(batch: readonly StoredEvent[]): Promise<void> {
  const half = Math.ceil(batch.length / 2)
  await drain(new ScriptedLog([batch.slice(0, half), batch.slice(half)]), {
    stores,
    registry: { service: () => Promise.resolve(funnel), onPut: () => () => undefined },
    clock,
    limits,
    signals: silentSignals,
  })
}

const rows = async () =>
  (
    await stores.reads.select<{ journey: string; events: string }>(
      sql`SELECT journey, uniqExact(identity) AS events FROM trail GROUP BY journey ORDER BY journey`,
    )
  ).map((row) => Number(row.events))

const pruning = () => {
  let pruned = 0
  const signals = { ...silentSignals, pruned: (count: number) => void (pruned += count) }
  const revisions = createRevisions(clock, clock.now() + 1_000)
  const { prune } = createPruning({
    store: stores.writes,
    revisions,
    signals,
    trailEventsMax,
    purging: { underWay: () => false },
  })
  return { prune: () => prune(), pruned: () => pruned }
}

describe('a trail past the last event that it keeps', () => {
  it('is cut, without any answer depending on it, and what was cut is counted', async () => {
    const random = seededRandom(11)
    const at = 1_795_000_000_000
    const other = storedEvent({ journey: '00000000000000ff', at })
    const sent = [...shuffled(random, events(0, 5_200, at)), other]
    await put(sent)
    expect(await storedFacts(stores)).toEqual(expectedFacts(sent, trailEventsMax))
    expect(await rows()).toEqual([5_200, 1])

    const { prune, pruned } = pruning()
    await prune()
    expect([await rows(), pruned()]).toEqual([[5_000, 1], 200])
    await prune()
    expect([await rows(), pruned()]).toEqual([[5_000, 1], 200])
    expect(await storedFacts(stores)).toEqual(expectedFacts(sent, trailEventsMax))

    // Smaller ones, greater ones, and copies of all, of the deleted ones too.
    const more = shuffled(random, [...events(6_000, 6_150, at - 5_000_000), ...events(7_000, 7_100, at + 5_000_000)])
    const all = [...sent, ...more, ...sent.slice(0, 3_000)]
    await put(more)
    expect(await storedFacts(stores)).toEqual(expectedFacts(all, trailEventsMax))
    await put(sent.slice(0, 3_000))
    expect(await storedFacts(stores)).toEqual(expectedFacts(all, trailEventsMax))

    await pruning().prune()
    expect(await rows()).toEqual([5_000, 1])
    await put(sent.slice(0, 10))
    expect(await storedFacts(stores)).toEqual(expectedFacts(all, trailEventsMax))
  })
})
