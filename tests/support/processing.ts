import { StoreRefused } from '../../domain/errors.ts'
import { defaultLimits, type Limits } from '../../domain/limits.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Store, Stores } from '../../domain/ports/store.ts'
import { raw, sql } from '../../domain/sql.ts'
import { serviceInput, type FunnelInput, type Service } from '../../domain/service.ts'
import { createProcessor, type Processor, type ProcessorParts } from '../../processor/processor.ts'
import type { Unsealed } from '../../processor/sealing/unsealed.ts'
import type { ProcessorSignals } from '../../processor/signals.ts'
import { soleLeases } from '../../infra/sole-lease.ts'
import { openMemoryErasures } from './memory-erasures.ts'
import { calendar } from '../../queries/period.ts'
import type { ScriptedLog } from './scripted-log.ts'

/** For what writes facts of services that nobody seals. */
export const nothingSealed: Unsealed = {
  before: () => Promise.resolve(),
  after: () => Promise.resolve(),
  gone: () => Promise.resolve(),
}

export const silentSignals: ProcessorSignals = {
  processed: () => undefined,
  setAside: () => undefined,
  retrying: () => undefined,
  rebuilt: () => undefined,
  pruned: () => undefined,
  erasedEvents: () => undefined,
  removed: () => undefined,
  purged: () => undefined,
  sealed: () => undefined,
  revised: () => undefined,
  tallied: () => undefined,
  verified: () => undefined,
  differs: () => undefined,
}

export function service(id: string, funnel: FunnelInput, some: Partial<Service> = {}): Service {
  return {
    ...serviceInput.parse({ name: id, funnel }),
    id,
    version: 1,
    createdAt: '2026-01-01T00:00:00Z',
    sample: false,
    deleted: false,
    ...some,
  }
}

/** Nobody was erased, nothing expires, and nobody else works on the database. */
export const nothingRemoved = {
  leases: soleLeases,
  erasures: openMemoryErasures(),
  retentionMs: 100 * 366 * 86_400_000,
  calendar,
}

export type DrainParts = Omit<ProcessorParts, 'log' | keyof typeof nothingRemoved> &
  Partial<Pick<ProcessorParts, keyof typeof nothingRemoved>>

/** Runs a processor over what the log holds, then stops it. Rejects with what stopped it before that. */
export async function drain(log: ScriptedLog, parts: DrainParts): Promise<Processor> {
  const processor = createProcessor({ log, ...nothingRemoved, ...parts })
  const stop = new AbortController()
  const running = processor.run(stop.signal)
  const emptied = log.emptied()
  await Promise.race([emptied, running])
  stop.abort()
  await running
  return processor
}

export class Crash extends Error {
  override readonly name = 'Crash'
}

/**
 * Stores whose n-th statement that writes crashes the program, before it was done or after. Counts from 1.
 * `statements()` says how many there were.
 * @param given n; or what says it, which may change its mind until then
 */
export function crashing(
  stores: Stores,
  given: number | (() => number),
  when: 'before' | 'after',
): Stores & { statements(): number } {
  let count = 0
  const around = async (work: () => Promise<void>): Promise<void> => {
    count += 1
    const mine = count
    const at = typeof given === 'number' ? given : given()
    if (mine === at && when === 'before') throw new Crash(`before statement ${at}`)
    await work()
    if (mine === at && when === 'after') throw new Crash(`after statement ${at}`)
  }
  const lane = (store: Store): Store => ({
    select: (statement, options) => store.select(statement, options),
    insert: (table, columns, rows) => around(() => store.insert(table, columns, rows)),
    command: (statement, options) => around(() => store.command(statement, options)),
  })
  return {
    writes: lane(stores.writes),
    sealing: lane(stores.sealing),
    reads: lane(stores.reads),
    close: () => stores.close(),
    statements: () => count,
  }
}

/** Stores that refuse every insert of rows that `isBad` names. */
export function refusing(stores: Stores, isBad: (row: readonly unknown[]) => boolean): Stores {
  return {
    ...stores,
    writes: {
      ...stores.writes,
      insert: async (table, columns, rows) => {
        if (rows.some(isBad)) throw new StoreRefused('a row is bad')
        await stores.writes.insert(table, columns, rows)
      },
    },
  }
}

export async function emptyTables(stores: Stores): Promise<void> {
  const tables = [
    'trail',
    'facts',
    'step_names',
    'set_aside',
    'cohorts',
    'erasures',
    'removals',
    'unsealed',
    'rollups',
    'edge_journeys',
    'seals',
  ]
  for (const table of tables) await stores.writes.command(raw(`TRUNCATE TABLE ${table}`))
}

/** All that the tables say but for revisions, a line a row. */
export async function contents(stores: Stores): Promise<string[]> {
  const trail = await stores.reads.select(
    sql`SELECT 'trail', *, type, step, seq, outcome, field, code, rating, channel, dimensions FROM trail FINAL ORDER BY service, journey, identity`,
  )
  const facts = await stores.reads.select(
    sql`SELECT 'facts', * EXCEPT (revision), at, lastAt, verdict FROM facts FINAL ORDER BY service, journey`,
  )
  const names = await stores.reads.select(
    sql`SELECT 'names', service, step, max(lastSeen) FROM step_names GROUP BY service, step ORDER BY service, step`,
  )
  return [...trail, ...facts, ...names].map((row) => JSON.stringify(row))
}

export function fixedClock(now: number): Clock & { set(now: number): void } {
  let current = now
  return {
    now: () => current,
    set: (to) => {
      current = to
    },
  }
}

export const limits: Limits = defaultLimits
