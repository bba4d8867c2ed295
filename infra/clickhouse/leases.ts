import { setTimeout as wait } from 'node:timers/promises'
import { LeaseLost, WaymarkError } from '../../domain/errors.ts'
import type { Lease, Leases } from '../../domain/ports/lease.ts'
import type { Store } from '../../domain/ports/store.ts'
import { param, raw, sql, type Sql } from '../../domain/sql.ts'

/** How quickly a program that is gone is noticed, ms by the clock of the server. */
export interface LeasePace {
  /** Between two signs of life, and between two looks of those that wait. */
  readonly renewMs: number
  /** Who has not been heard for so long is taken for gone. */
  readonly untilMs: number
}

export const defaultLeasePace: LeasePace = { renewMs: 2_000, untilMs: 15_000 }

export interface LeasesOptions {
  /** Not a lane on which long statements run: a sign of life must not wait for them. */
  readonly store: Store
  /** A slug, from code. */
  readonly name: string
  /** Of this program alone. One that starts again under the same name need not wait for itself. */
  readonly holder: string
  /** What goes with each sign of life, for the other programs to read. */
  readonly status: () => string
  readonly pace?: LeasePace
  /** Told what went wrong when a sign of life could not be given, or a look failed; it is tried again. */
  readonly onTrouble?: (error: unknown) => void
}

/** How it is with a lease. */
export interface LeaseState {
  /** 0 when it was never taken. */
  readonly epoch: number
  readonly holder: string
  /** Whether its holder was heard lately. */
  readonly alive: boolean
  /** What its holder said last. */
  readonly status: string
}

/**
 * Leases as rows of table `leases`. An epoch of a lease belongs to the program whose row with that number came first; the
 * engine drops the second one, which has the same deduplication token. All times are the server's, so programs need
 * no common clock.
 *
 * A holder that is not heard for `untilMs` may still live. Its statements carry `held`, which compares its epoch with the newest
 * at their beginning, so none that begins after the next epoch was taken does anything; and those that had begun are
 * waited for before the next holder does anything.
 */
export function openLeases(options: LeasesOptions): Leases {
  const { store, name, holder, pace = defaultLeasePace, onTrouble = () => undefined } = options

  async function tryTake(): Promise<number | null> {
    const state = await readLease(store, name)
    if (state.alive && state.holder !== holder) return null
    const epoch = state.epoch + 1
    await store.command(sql`INSERT INTO leases (name, epoch, holder, heard, until, status)
      SETTINGS async_insert = 0, insert_deduplicate = 1, insert_deduplication_token = ${raw(`'${name} ${epoch}'`)}
      VALUES (${param('String', name)}, ${param('UInt64', epoch)}, ${param('String', holder)},
        toUnixTimestamp64Micro(now64(6)), toUnixTimestamp64Milli(now64(3)) + ${param('Int64', pace.untilMs)}, '')`)
    const after = await readLease(store, name)
    return after.epoch === epoch && after.holder === holder ? epoch : null
  }

  return {
    async take(signal) {
      for (;;) {
        try {
          const epoch = signal.aborted ? null : await tryTake()
          if (epoch !== null) {
            const lease = keep(options, epoch, pace)
            await statementsEnded(store, name, signal)
            return lease
          }
        } catch (error) {
          if (!(error instanceof WaymarkError)) throw error
          onTrouble(error)
        }
        if (signal.aborted) return null
        await wait(pace.renewMs, undefined, { signal }).catch(() => undefined)
      }
    },
  }
}

/** @throws {StoreUnavailable} */
export async function readLease(store: Store, name: string): Promise<LeaseState> {
  const [row] = await store.select<{ epoch: string; holder: string; alive: number; status: string }>(sql`
    SELECT epoch, holder, until > toUnixTimestamp64Milli(now64(3)) AS alive, status
    FROM leases FINAL WHERE name = ${param('String', name)} ORDER BY epoch DESC LIMIT 1`)
  return {
    epoch: Number(row?.epoch ?? 0),
    holder: row?.holder ?? '',
    alive: row?.alive === 1,
    status: row?.status ?? '',
  }
}

/** Gives signs of life until it is released or lost. */
function keep(
  { store, name, holder, status, onTrouble = () => undefined }: LeasesOptions,
  epoch: number,
  pace: LeasePace,
): Lease {
  const lost = new AbortController()
  const released = new AbortController()
  const held = heldBy(name, epoch)
  const say = (until: Sql): Promise<void> =>
    store.command(sql`INSERT INTO leases (name, epoch, holder, heard, until, status)
      SETTINGS async_insert = 0, insert_deduplicate = 0
      SELECT ${param('String', name)}, ${param('UInt64', epoch)}, ${param('String', holder)},
        toUnixTimestamp64Micro(now64(6)), ${until}, ${param('String', status())}`)
  const check = async (): Promise<void> => {
    const [row] = await store.select<{ held: number }>(sql`SELECT ${held} AS held`)
    if (row?.held === 1) return
    lost.abort()
    throw new LeaseLost('another processor works on this database now')
  }
  const live = async (): Promise<void> => {
    const over = AbortSignal.any([lost.signal, released.signal])
    while (!over.aborted) {
      try {
        await say(sql`toUnixTimestamp64Milli(now64(3)) + ${param('Int64', pace.untilMs)}`)
        await check()
      } catch (error) {
        if (!(error instanceof LeaseLost)) onTrouble(error)
      }
      await wait(pace.renewMs, undefined, { signal: over, ref: false }).catch(() => undefined)
    }
  }
  const living = live()
  return {
    held,
    check,
    lost: lost.signal,
    async release() {
      released.abort()
      await living
      if (!lost.signal.aborted) await say(raw('0')).catch(onTrouble)
    },
  }
}

/** As it stands in a statement, and so among those under way: where values are bound the engine writes a statement anew, without its comments. */
const newestOf = (name: string): string => `(SELECT max(epoch) FROM leases WHERE name = '${name}')`

const heldBy = (name: string, epoch: number): Sql => raw(`${newestOf(name)} = ${epoch}`)

/**
 * Waits until no statement is under way that writes under the lease: this program has begun none yet.
 *
 * Reads   system.processes of the server that it is connected to.
 */
async function statementsEnded(store: Store, name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const [row] = await store.select<{ count: string }>(sql`
      SELECT count() AS count FROM system.processes
      WHERE position(query, ${param('String', newestOf(name))}) > 0 AND NOT startsWith(trimLeft(query), 'SELECT')`)
    if (row?.count === '0') return
    await wait(lookMs, undefined, { signal }).catch(() => undefined)
  }
}

const lookMs = 100
