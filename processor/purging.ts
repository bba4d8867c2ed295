import type { Clock } from '../domain/ports/clock.ts'
import type { EventLog } from '../domain/ports/event-log.ts'
import type { Stores } from '../domain/ports/store.ts'
import { raw, sql } from '../domain/sql.ts'
import type { Exclusive } from './exclusive.ts'
import { putPurged } from './removal.ts'
import { pause, untilDone, type Patience } from './retry.ts'
import type { Revisions } from './revision.ts'
import type { ProcessorSignals } from './signals.ts'

/**
 * Takes the bytes of removed journeys off the disk. A removal masks rows, which costs little; here the parts that
 * have masked rows are written anew without them, by the engine, beside everything else. The parts they replace are
 * deleted by the engine a minute later. Segments of the event log that are forgotten go too, the one that is written
 * to included.
 *
 * As soon as something was removed, but not again within twelve hours: so bytes go within a day, and the
 * rewriting of large parts is shared by whatever was removed meanwhile. What is due is found from the table removals,
 * so a restart forgets nothing; a purge that it cut short is finished by the engine, and asked for again here.
 */
export interface Purging {
  /** Begins a purge that is due, or looks whether the one under way has ended. */
  tick(patience: Patience): Promise<void>
  /**
   * Waits while one is under way, since a deletion would wait for it; no longer than half a minute.
   * @returns whether none is
   */
  settled(signal: AbortSignal): Promise<boolean>
  underWay(): boolean
}

export interface PurgingParts {
  readonly stores: Pick<Stores, 'writes'>
  readonly log: Pick<EventLog, 'roll'>
  readonly revisions: Revisions
  readonly clock: Clock
  readonly exclusive: Exclusive
  readonly signals: ProcessorSignals
}

export const purgeIntervalMs = 12 * 60 * 60 * 1000
const settledLookMs = 250
const settledMsMax = 30_000

const tables = ['trail', 'facts', 'set_aside', 'unsealed', 'edge_journeys'] as const
const applyMask = 'APPLY DELETED MASK'

export function createPurging(parts: PurgingParts): Purging {
  const { stores, log, revisions, clock, exclusive, signals } = parts
  const { writes } = stores
  /** The purge under way takes everything that was removed before this revision. */
  let purging: number | undefined

  async function begin(): Promise<void> {
    await exclusive(async () => {
      const revision = revisions.next()
      for (const table of tables)
        await writes.command(sql`ALTER TABLE ${raw(table)} ${raw(applyMask)} SETTINGS mutations_sync = 0`)
      purging = revision
    })
    await log.roll()
  }

  async function look(revision: number): Promise<void> {
    const [row] = await writes.select<{ unfinished: string }>(sql`
      SELECT count() AS unfinished FROM system.mutations
      WHERE database = currentDatabase() AND NOT is_done AND command LIKE ${raw(`'%${applyMask}%'`)}`)
    if (Number(row?.unfinished ?? 0) > 0) return
    await putPurged(stores, revision)
    purging = undefined
    signals.purged()
  }

  return {
    async tick(patience) {
      const revision = purging
      if (revision !== undefined) return untilDone('purge', patience, () => look(revision))
      const { removed, purged } = await untilDone('purge', patience, () => lastOf(stores))
      if (removed > purged && clock.now() - purged >= purgeIntervalMs) await untilDone('purge', patience, begin)
    },

    async settled(signal) {
      for (let waitedMs = 0; purging !== undefined && waitedMs < settledMsMax; waitedMs += settledLookMs) {
        if (signal.aborted) return false
        await pause(settledLookMs, signal)
      }
      return purging === undefined
    },

    underWay: () => purging !== undefined,
  }
}

/** Revisions (ms since 1970) of the last removal and of the last purge; 0 where there was none. */
async function lastOf({ writes }: PurgingParts['stores']): Promise<{ removed: number; purged: number }> {
  const [row] = await writes.select<{ removed: string; purged: string }>(sql`
    SELECT maxIf(revision, what IN ('erased', 'expired')) AS removed, maxIf(revision, what = 'purged') AS purged
    FROM removals`)
  return { removed: Number(row?.removed ?? 0), purged: Number(row?.purged ?? 0) }
}
