import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Store, Stores } from '../../domain/ports/store.ts'
import type { Service } from '../../domain/service.ts'
import { raw, sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openRegistry } from '../../infra/registry.ts'
import { defaultPace } from '../../processor/sealing/sealer.ts'
import { fixedClock } from '../support/processing.ts'
import { openSealing } from '../support/sealing.ts'
import { makeAttributes, makeHours, makePaths, pathRow } from './query-paths.ts'
import { drawTables, rawEventsTable, weekMs, weeks, writeFactsOf, writeRawEvents, writeTrail } from './query-rows.ts'
import { benchServices, pagesOf, type BenchService, type Shape } from './query-services.ts'

const shapes: readonly Shape[] = ['seven', 'twenty', 'optional']
const eventsPerJourney = 4
/** Of one statement: a quarter of a gigabyte. */
const journeysAtOnce = 200_000
const hourMs = 3_600_000

/** A data set on disk, and when it was made: questions are asked as of then. */
export interface DataSet {
  readonly directory: string
  readonly until: number
  /** Seconds that making it took; null when it was there. */
  readonly seconds: number | null
  /** Of them, for the sealed tallies. */
  readonly sealSeconds: number | null
  remove(): void
}

/** A data set that is open. */
export interface Opened {
  readonly stores: Stores
  readonly registry: Registry
}

/**
 * So many events in the tables that the processor writes, and beside them as a raw table. Kept from one run to
 * the next under WAYMARK_BENCH_DIR, where that is set.
 */
export async function dataSet(events: number): Promise<DataSet> {
  const kept = process.env['WAYMARK_BENCH_DIR']
  const directory = kept === undefined ? mkdtempSync(join(tmpdir(), 'waymark-bench-')) : join(kept, `query-${events}`)
  const done = join(directory, 'made.json')
  const remove = () => {
    if (kept === undefined) rmSync(directory, { recursive: true, force: true })
  }
  if (existsSync(done)) {
    const { until } = JSON.parse(readFileSync(done, 'utf8')) as { until: number }
    return { directory, until, seconds: null, sealSeconds: null, remove }
  }
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const until = Date.now()
  const began = performance.now()
  let sealSeconds = 0
  const { stores, registry } = await openDataSet(directory, until)
  try {
    await makeDataSet({ stores, registry }, events, until)
    await mergesEnded(stores.writes)
    sealSeconds = await sealAll({ stores, registry }, until)
    await mergesEnded(stores.writes)
  } catch (error) {
    remove()
    throw error
  } finally {
    await stores.close()
  }
  writeFileSync(done, JSON.stringify({ until, events }))
  return { directory, until, seconds: Math.round((performance.now() - began) / 1000), sealSeconds, remove }
}

/** As the processor's sealer does it, at its pace. @returns seconds */
async function sealAll({ stores, registry }: Opened, until: number): Promise<number> {
  const began = performance.now()
  const sealing = await openSealing({ stores, registry, clock: fixedClock(until) }, { ...defaultPace, journeysMin: 0 })
  // Once to seal, once to put the layers together and to take away what they were made of.
  for (let turn = 0; turn < 2; turn++) await sealing.seal()
  return Math.round((performance.now() - began) / 1000)
}

export async function openDataSet(directory: string, now: number): Promise<Opened> {
  const stores = await openEmbedded(join(directory, 'clickhouse'))
  const registry = await openRegistry({
    stores,
    clock: fixedClock(now),
    random: randomBytes,
    adminKeyHash: createHash('sha256').update('bench').digest(),
  })
  return { stores, registry }
}

/**
 * @param until all events lie before
 * @param services each has its share of the events
 */
export async function makeDataSet(
  { stores, registry }: Opened,
  events: number,
  until: number,
  services: readonly BenchService[] = benchServices,
): Promise<void> {
  const { writes } = stores
  await makeDraws(writes, until)
  await writes.command(raw(rawEventsTable))
  for (const { id, shape, share, input } of services) {
    const service = await registry.putService(id, input)
    const journeys = Math.max(1, Math.round((events * share) / eventsPerJourney))
    for (let first = 0; first < journeys; first += journeysAtOnce) {
      const chunk = { service, shape, first, count: Math.min(journeysAtOnce, journeys - first), until }
      for (const write of [writeTrail, writeFactsOf, writeRawEvents]) await writes.command(write(chunk))
    }
    await writeStepNames(writes, service, pagesOf(shape), until)
  }
  for (const table of Object.keys(drawTables)) await writes.command(raw(`DROP TABLE ${table}`))
}

async function makeDraws(writes: Store, until: number): Promise<void> {
  for (const [table, columns] of Object.entries(drawTables))
    await writes.command(raw(`CREATE TABLE ${table} (${columns}) ENGINE = Memory`))
  await insertRows(
    writes,
    'bench_paths (shape, path, gaps, types, names, seqs, outcomes, engaged, heads)',
    shapes.flatMap((shape) => makePaths(shape, pagesOf(shape)).map((path, id) => pathRow(shape, id, path))),
  )
  await insertRows(
    writes,
    'bench_attributes',
    makeAttributes().map((dimensions, id) => [
      id,
      dimensions.map((pair) => pair.join('\x02')).join('\x03'),
      Object.fromEntries([['channel', 'online'] as const, ...dimensions].sort(([a], [b]) => (a < b ? -1 : 1))),
    ]),
  )
  await insertRows(
    writes,
    'bench_hours',
    makeHours(until - weeks * weekMs).map((hour, draw) => [draw, hour]),
  )
}

async function insertRows(writes: Store, table: string, rows: readonly (readonly unknown[])[]): Promise<void> {
  const lines = rows.map((row) => JSON.stringify(row)).join('\n')
  await writes.command(raw(`INSERT INTO ${table} FORMAT JSONCompactEachRow\n${lines}`))
}

async function writeStepNames(writes: Store, { id }: Service, pages: readonly string[], until: number): Promise<void> {
  const lastSeen = until - (until % hourMs)
  await writes.insert(
    'step_names',
    ['service', 'step', 'lastSeen'],
    pages.map((page) => [id, page, lastSeen]),
  )
}

/** Rows settle as they would between two days of traffic. */
export async function mergesEnded(store: Store): Promise<void> {
  for (let quiet = 0; quiet < 5;) {
    const [row] = await store.select<{ merges: string }>(sql`SELECT count() AS merges FROM system.merges`)
    quiet = Number(row?.merges ?? 0) === 0 ? quiet + 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
