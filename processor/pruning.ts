import type { Store } from '../domain/ports/store.ts'
import { join, param, sql } from '../domain/sql.ts'
import { whereTouched } from './facts.ts'
import type { Purging } from './purging.ts'
import type { Revisions } from './revision.ts'
import type { ProcessorSignals } from './signals.ts'

/**
 * Deletes from the table trail what lies past the last event that a trail keeps, so that nobody fills the disk, or
 * the time of a batch, by one journey.
 *
 * No answer depends on it: facts are of the smallest events, and what comes later only moves the last of these
 * down. So a deletion that a crash or a power cut takes back does no harm. (The one exception: of copies of one
 * event that say different things, one that was deleted no longer counts when another comes.)
 *
 * `facts.eventsDropped` counts the events past the last that are in the table still; the deleted ones are in the
 * metric. A copy that comes after its event was deleted counts again.
 */
export interface Pruning {
  /** Does a bounded piece of it. Not while trails or facts are being written. */
  prune(this: void): Promise<void>
}

export interface PruningParts {
  readonly store: Store
  readonly revisions: Revisions
  readonly signals: ProcessorSignals
  readonly trailEventsMax: number
  readonly purging: Pick<Purging, 'underWay'>
}

/** Journeys of one piece, which holds up the batches: the statement names the events that each keeps. */
const journeysMax = 4

interface Long {
  readonly service: string
  readonly journey: bigint
}

export function createPruning(parts: PruningParts): Pruning {
  const { store, revisions, signals, trailEventsMax, purging } = parts
  /** Journeys that may have too many. */
  const waiting = new Map<string, Long>()
  let seenUntil = 0

  return {
    async prune() {
      // A deletion waits for the purge of the parts that it is about, and would hold up the batches meanwhile.
      if (purging.underWay()) return
      const until = revisions.last()
      for (const long of await withTooMany(store, seenUntil)) waiting.set(`${long.service} ${long.journey}`, long)
      seenUntil = until
      const some = [...waiting].slice(0, journeysMax)
      if (some.length === 0) return
      const cut = await cutOf(
        store,
        some.map(([, long]) => long),
        trailEventsMax,
      )
      if (cut.length > 0) {
        await remove(store, cut)
        signals.pruned(cut.reduce((sum, { past }) => sum + Number(past), 0))
      }
      for (const [key] of some) waiting.delete(key)
    },
  }
}

/**
 * Reads   facts, the rows written after a revision, superseded ones too.
 * Cost    its index on revision skips what is older; after a start, one column of all.
 */
async function withTooMany(store: Store, after: number): Promise<readonly Long[]> {
  const rows = await store.select<{ service: string; journey: string }>(sql`
    SELECT DISTINCT service, journey FROM facts
    WHERE revision > ${param('UInt64', after)} AND eventsDropped > 0`)
  return rows.map(({ service, journey }) => ({ service, journey: BigInt(journey) }))
}

interface Cut {
  readonly service: string
  readonly journey: string
  /** Identities of the events that the trail keeps. */
  readonly kept: readonly string[]
  /** How many others there are. */
  readonly past: string
}

/**
 * The trails of these journeys that are too long, the copies of an event merged: as in facts.ts.
 *
 * Reads   trail, the rows of these journeys.
 */
async function cutOf(store: Store, journeys: readonly Long[], trailEventsMax: number): Promise<readonly Cut[]> {
  const touched = journeys.map(({ service, journey }) => ({ service, journeys: [journey] }))
  return await store.select<Cut>(sql`
    SELECT service, journey, groupArrayIf(identity, place <= ${param('UInt32', trailEventsMax)}) AS kept,
      countIf(place > ${param('UInt32', trailEventsMax)}) AS past
    FROM (
      SELECT service, journey, identity,
        row_number() OVER (PARTITION BY service, journey ORDER BY firstAt, merged.seq, identity) AS place
      FROM (
        SELECT service, journey, identity, min(trail.at) AS firstAt,
          reinterpretAsUInt32(reverse(unhex(splitByChar('\\x01', min(trail.content))[2]))) AS seq
        FROM trail ${whereTouched(touched)}
        GROUP BY service, journey, identity
      ) AS merged
    )
    GROUP BY service, journey
    HAVING past > 0`)
}

/**
 * Writes  a mask of the deleted rows to the parts that hold some; the next merge leaves them out.
 * Cost    one column of these parts, not the parts: 1 s of a busy machine, whether one event is named or 5,000.
 */
async function remove(store: Store, cut: readonly Cut[]): Promise<void> {
  const past = cut.map(
    ({ service, journey, kept }) => sql`(service = ${param('String', service)}
      AND journey = ${param('UInt64', BigInt(journey))} AND identity NOT IN ${param('Array(UInt64)', kept.map(BigInt))})`,
  )
  await store.command(sql`DELETE FROM trail WHERE ${join(past, ' OR ')}`)
}
