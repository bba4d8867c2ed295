import type { Store } from '../domain/ports/store.ts'
import { param, sql } from '../domain/sql.ts'
import { inTouched } from './facts.ts'
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
}

/** Journeys of one piece. */
const journeysMax = 100
/** Events that a piece deletes, in one statement that names them: of all journeys together. */
const eventsMax = 200_000

interface Long {
  readonly service: string
  readonly journey: bigint
}

export function createPruning({ store, revisions, signals, trailEventsMax }: PruningParts): Pruning {
  /** Journeys that may have too many. */
  const waiting = new Map<string, Long>()
  let seenUntil = 0

  return {
    async prune() {
      const until = revisions.last()
      for (const long of await withTooMany(store, seenUntil)) waiting.set(`${long.service} ${long.journey}`, long)
      seenUntil = until
      const some = [...waiting].slice(0, journeysMax)
      if (some.length === 0) return
      const past = await pastTheLast(
        store,
        some.map(([, long]) => long),
        trailEventsMax,
      )
      const events = past.reduce((sum, { identities }) => sum + identities.length, 0)
      if (events > 0) {
        await remove(store, past)
        signals.pruned(events)
      }
      // What filled the piece may have more.
      if (events < eventsMax) for (const [key] of some) waiting.delete(key)
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

interface Past {
  readonly service: string
  readonly journey: string
  readonly identities: readonly string[]
}

/**
 * Events past the last that each of these trails keeps, the copies of one merged: as in facts.ts.
 *
 * Reads   trail, the rows of these journeys.
 */
async function pastTheLast(store: Store, journeys: readonly Long[], trailEventsMax: number): Promise<readonly Past[]> {
  const touched = journeys.map(({ service, journey }) => ({ service, journeys: [journey], firstAt: 0 }))
  return await store.select<Past>(sql`
    SELECT service, journey, groupArray(identity) AS identities FROM (
      SELECT service, journey, identity FROM (
        SELECT service, journey, identity, row_number() OVER (
            PARTITION BY service, journey ORDER BY firstAt, merged.seq, identity
          ) AS place
        FROM (
          SELECT service, journey, identity, min(trail.at) AS firstAt,
            reinterpretAsUInt32(reverse(unhex(splitByChar('\\x01', min(trail.content))[2]))) AS seq
          FROM trail WHERE ${inTouched(touched)}
          GROUP BY service, journey, identity
        ) AS merged
      )
      WHERE place > ${param('UInt32', trailEventsMax)}
      LIMIT ${param('UInt32', eventsMax)}
    )
    GROUP BY service, journey`)
}

/**
 * Writes  a mask of the deleted rows to the parts that hold some; the next merge leaves them out.
 * Cost    one column of these parts, not the parts.
 */
async function remove(store: Store, past: readonly Past[]): Promise<void> {
  const services = past.map(({ service }) => service)
  const journeys = past.map(({ journey }) => BigInt(journey))
  const identities = past.map((each) => each.identities.map(BigInt))
  await store.command(sql`
    DELETE FROM trail
    WHERE service IN ${param('Array(String)', services)} AND journey IN ${param('Array(UInt64)', journeys)}
      AND (service, journey, identity) IN (
        SELECT each.1, each.2, arrayJoin(each.3) FROM (
          SELECT arrayJoin(arrayZip(${param('Array(String)', services)}, ${param('Array(UInt64)', journeys)}, ${param('Array(Array(UInt64))', identities)})) AS each))`)
}
