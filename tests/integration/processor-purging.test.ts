import { soleLease } from '../../infra/sole-lease.ts'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { param, raw, sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { createExclusive } from '../../processor/exclusive.ts'
import { createPurging, purgeIntervalMs } from '../../processor/purging.ts'
import { removeJourneys } from '../../processor/removal.ts'
import { createRevisions } from '../../processor/revision.ts'
import { noFunnel } from '../../processor/facts.ts'
import { nothingSealed, drain, fixedClock, limits, service, silentSignals } from '../support/processing.ts'
import { ScriptedLog } from '../support/scripted-log.ts'
import { storedEvent } from '../support/trails.ts'

/** That bytes go is looked up in the rows that a mask hides, in the list of parts, and in the files themselves. */

let directory: string
let stores: Stores

beforeEach(async () => {
  directory = mkdtempSync(path(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})
afterEach(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

/** So that a test need not wait a minute for the engine. A table goes by it from the next start on. */
async function deleteOldPartsSoon(): Promise<void> {
  for (const table of ['trail', 'facts', 'set_aside'])
    await stores.writes.command(
      raw(`ALTER TABLE ${table} MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1,
        max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0`),
    )
  await stores.close()
  stores = await openEmbedded(directory)
}

const now = 1_800_000_000_000
const gone = 0xffn
const onlyTheirs = 'a-step-that-only-they-reached'

async function fill(): Promise<void> {
  const own = service('renew', { steps: ['start', 'done'] })
  const events = Array.from({ length: 2_000 }, (_, index) =>
    storedEvent({ journey: (index % 500).toString(16).padStart(16, '0'), identity: index, at: now - index * 1000 }),
  )
  const theirs = Array.from({ length: 3 }, (_, index) =>
    storedEvent({ journey: gone.toString(16).padStart(16, '0'), identity: 5_000 + index, step: onlyTheirs }),
  )
  await drain(new ScriptedLog([events, theirs]), {
    stores,
    registry: { service: () => Promise.resolve(own), onPut: () => () => undefined },
    clock: fixedClock(now),
    limits,
    signals: silentSignals,
  })
  await stores.writes.insert(
    'set_aside',
    ['at', 'reason', 'bytes'],
    [[now, 'x', `["${gone.toString(16).padStart(16, '0')}"]`]],
  )
}

function workers(clock = fixedClock(now)) {
  const revisions = createRevisions(clock, now)
  let rolls = 0
  let purges = 0
  const purging = createPurging({
    stores,
    revisions,
    clock,
    exclusive: createExclusive(),
    log: { roll: () => Promise.resolve(void (rolls += 1)) },
    signals: { ...silentSignals, purged: () => void (purges += 1) },
  })
  const patience = { signal: new AbortController().signal, signals: silentSignals, onWaiting: () => undefined }
  const removal = {
    stores,
    revisions,
    ownFunnels: () => Promise.resolve(noFunnel),
    lease: soleLease,
    cohorts: { beforeVerdicts: () => Promise.resolve() },
    unsealed: nothingSealed,
  }
  return {
    clock,
    tick: () => purging.tick(patience),
    /** Begins one that is due, and sees it to its end. */
    purge: async () => {
      do await purging.tick(patience)
      while (purging.underWay())
    },
    underWay: () => purging.underWay(),
    settled: () => purging.settled(patience.signal),
    remove: (journey: bigint) => removeJourneys(removal, [{ service: 'renew', journeys: [journey] }], 'erased'),
    counts: () => ({ rolls, purges }),
  }
}

/** Rows of the journey that the disk still holds, seen or not. */
async function rowsOf(journey: bigint, masked: 'seen' | 'all'): Promise<number> {
  const settings = raw(masked === 'all' ? 'SETTINGS apply_deleted_mask = 0' : '')
  const rows = await stores.reads.select<{ rows: string }>(sql`
    SELECT count() AS rows FROM (
      SELECT journey FROM trail UNION ALL SELECT journey FROM facts
      UNION ALL SELECT ${param('UInt64', journey)} FROM set_aside WHERE position(bytes, ${param('String', journey.toString(16).padStart(16, '0'))}) > 0
    ) WHERE journey = ${param('UInt64', journey)} ${settings}`)
  return Number(rows[0]?.rows)
}

/** Files below that hold the text; names of steps are kept in a table of their own, which is left out. */
async function filesHolding(text: string): Promise<string[]> {
  const [names] = await stores.reads.select<{ paths: string[] }>(
    sql`SELECT data_paths AS paths FROM system.tables WHERE database = currentDatabase() AND name = 'step_names'`,
  )
  const found: string[] = []
  const look = (below: string): void => {
    if (names?.paths.some((one) => below.endsWith(one.split('/store/')[1]?.replace(/\/$/, '') ?? '\0')) === true) return
    for (const name of readdirSync(below)) {
      const file = path(below, name)
      const stat = statSync(file, { throwIfNoEntry: false })
      if (stat?.isDirectory() === true) look(file)
      else if (stat?.isFile() === true && readFileSync(file).includes(text)) found.push(file)
    }
  }
  look(path(directory, 'store'))
  return found
}

describe('a purge', () => {
  it('takes the bytes of what was removed off the disk, and nothing else', async () => {
    await deleteOldPartsSoon()
    await fill()
    const { remove, purge, counts } = workers()
    const ofOthers = () =>
      stores.reads.select(sql`
        SELECT * FROM trail FINAL WHERE journey != ${param('UInt64', gone)} ORDER BY journey, identity`)
    const others = await ofOthers()
    expect(await rowsOf(gone, 'seen')).toBeGreaterThan(0)
    expect(await filesHolding(onlyTheirs)).not.toEqual([])
    await remove(gone)
    expect(await rowsOf(gone, 'seen')).toBe(0)
    // A mask is not enough: this is what has to go.
    expect(await rowsOf(gone, 'all')).toBeGreaterThan(7)
    expect(await filesHolding(onlyTheirs)).not.toEqual([])
    await purge()
    expect(await rowsOf(gone, 'all')).toBe(0)
    expect(counts()).toEqual({ rolls: 1, purges: 1 })
    const masked = await stores.reads.select(sql`SELECT name FROM system.parts WHERE active AND has_lightweight_delete`)
    expect(masked).toEqual([])
    // The engine deletes the parts that were replaced a while later.
    while ((await filesHolding(onlyTheirs)).length > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await ofOthers()).toEqual(others)
  })

  it('comes as soon as something was removed, but not again within twelve hours', async () => {
    await fill()
    const { remove, tick, purge, underWay, settled, counts, clock } = workers()
    await tick()
    expect(underWay()).toBe(false)
    await settled()
    await remove(1n)
    await tick()
    expect(underWay()).toBe(true)
    const waiting = settled()
    await purge()
    await waiting
    clock.set(now + purgeIntervalMs - 60_000)
    await remove(2n)
    await tick()
    expect([underWay(), await rowsOf(2n, 'seen'), counts().purges]).toEqual([false, 0, 1])
    expect(await rowsOf(2n, 'all')).toBeGreaterThan(0)
    clock.set(now + purgeIntervalMs + 60_000)
    await purge()
    expect([counts().purges, await rowsOf(2n, 'all')]).toEqual([2, 0])
    clock.set(now + 10 * purgeIntervalMs)
    await tick()
    expect([underWay(), counts().purges]).toEqual([false, 2])
  })

  it('that a crash cut short, or kept from beginning, is asked for again by the next start', async () => {
    await fill()
    const before = workers()
    await before.remove(gone)
    await stores.close()
    stores = await openEmbedded(directory)
    const next = workers(fixedClock(now + 1_000))
    await next.tick()
    expect(next.underWay()).toBe(true)
    // Its end was not seen.
    await stores.close()
    stores = await openEmbedded(directory)
    const last = workers(fixedClock(now + 2_000))
    await last.purge()
    expect([await rowsOf(gone, 'all'), last.counts().purges]).toEqual([0, 1])
  })
})
