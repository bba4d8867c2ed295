import type { Lease } from '../domain/ports/lease.ts'
import type { Stores } from '../domain/ports/store.ts'
import { param, sql, type Sql } from '../domain/sql.ts'
import type { Cohorts } from './cohorts.ts'
import { inTouched, whereTouched } from './facts.ts'
import type { OwnFunnels } from './own-funnels.ts'
import type { Revisions } from './revision.ts'
import type { Unsealed } from './sealing/unsealed.ts'
import type { Touched } from './touched.ts'

/**
 * Why a journey is removed. `erased`: the person asked for it, and every count is to be as if it had never been.
 * `expired`: nothing of it has arrived for as long as journeys are kept; what was counted stays counted where
 * counts are kept apart from journeys.
 */
export const removalReasons = ['erased', 'expired'] as const
export type RemovalReason = (typeof removalReasons)[number]

export interface RemovalParts {
  readonly stores: Pick<Stores, 'writes'>
  readonly lease: Pick<Lease, 'held'>
  readonly ownFunnels: OwnFunnels
  readonly revisions: Revisions
  readonly cohorts: Pick<Cohorts, 'beforeVerdicts'>
  readonly unsealed: Pick<Unsealed, 'before' | 'gone'>
}

/** Journeys of a service. */
export type Removed = Pick<Touched, 'service' | 'journeys'>

const columns = ['service', 'what', 'revision'] as const
const begun = { erased: 'erasing', expired: 'expiring' } as const

/**
 * The one way in which journeys leave `trail` and `facts`. Within `exclusive`; when it resolves, no answer shows
 * them. It may run again from its beginning at any time, and changes nothing then.
 *
 * The order matters. That it was begun is durable first, so that a start after a crash tells answers that
 * they are others (`settleRemovals`). The facts go last: until they do, whoever looks for the journey finds it, and
 * begins again. The rows are only masked; their bytes go by the purge (purging.ts).
 *
 * @returns how many of the journeys there were
 */
export async function removeJourneys(
  parts: RemovalParts,
  removed: readonly Removed[],
  reason: RemovalReason,
): Promise<number> {
  const { writes } = parts.stores
  const { held: stillHeld } = parts.lease
  const touched = removed.map(({ service, journeys }) => ({ service, journeys }))
  const held = await heldOf(parts, touched, reason)
  if (held.trail + held.facts + held.setAside === 0) return 0
  if (reason === 'erased') await markCohorts(parts, touched)
  const services = touched.map(({ service }) => service)
  await put(parts, services, begun[reason])
  if (reason === 'erased' && held.facts > 0) await noteGone(parts, touched)
  if (held.setAside > 0) await writes.command(sql`DELETE FROM set_aside WHERE ${isSetAside(touched)} AND ${stillHeld}`)
  if (held.trail > 0) await writes.command(sql`DELETE FROM trail WHERE (${inTouched(touched)}) AND ${stillHeld}`)
  if (held.facts > 0) await writes.command(sql`DELETE FROM facts WHERE (${inTouched(touched)}) AND ${stillHeld}`)
  await put(parts, services, reason)
  return held.journeys
}

/** Tallies count an erased journey no more; one that has expired they keep. */
async function noteGone({ ownFunnels, revisions, unsealed }: RemovalParts, touched: readonly Touched[]): Promise<void> {
  const noted = await Promise.all(touched.map(async (piece) => ({ ...piece, own: await ownFunnels(piece.service) })))
  await unsealed.before(noted)
  await unsealed.gone(noted, revisions.next())
}

/** Ends what a crash cut short: whatever of it was removed, answers may be others. Call it once, at the start. */
export async function settleRemovals(parts: Pick<RemovalParts, 'stores' | 'revisions'>): Promise<void> {
  for (const reason of removalReasons) {
    const rows = await parts.stores.writes.select<{ service: string }>(sql`
      SELECT service FROM removals GROUP BY service
      HAVING maxIf(revision, what = ${param('String', begun[reason])}) > maxIf(revision, what = ${param('String', reason)})`)
    await put(
      parts,
      rows.map(({ service }) => service),
      reason,
    )
  }
}

/** Something of these services was removed that was in the event log only. Its bytes go by the next purge. */
export async function putRemoved(
  parts: Pick<RemovalParts, 'stores' | 'revisions'>,
  services: readonly string[],
): Promise<void> {
  await put(parts, services, 'erased')
}

async function put(
  { stores, revisions }: Pick<RemovalParts, 'stores' | 'revisions'>,
  services: readonly string[],
  what: RemovalReason | (typeof begun)[RemovalReason],
): Promise<void> {
  if (services.length === 0) return
  const revision = revisions.next()
  await stores.writes.insert(
    'removals',
    columns,
    services.map((service) => [service, what, revision]),
  )
}

/** Written when the bytes of everything that was removed before this revision are gone. */
export async function putPurged({ writes }: Pick<Stores, 'writes'>, revision: number): Promise<void> {
  await writes.insert('removals', columns, [['', 'purged', revision]])
}

interface Held {
  readonly journeys: number
  readonly trail: number
  readonly facts: number
  readonly setAside: number
}

/**
 * What there is of them: a deletion that finds nothing would still look at every part.
 *
 * Reads   the keys of these journeys in trail and facts; for an erasure all of set_aside, which is small.
 */
async function heldOf({ stores }: RemovalParts, touched: readonly Touched[], reason: RemovalReason): Promise<Held> {
  const setAside =
    reason === 'erased' ? sql`(SELECT count() FROM set_aside WHERE ${isSetAside(touched)})` : sql`toUInt64(0)`
  const [row] = await stores.writes.select<Record<keyof Held, string>>(sql`
    SELECT (SELECT count() FROM trail ${whereTouched(touched)}) AS trail,
      (SELECT count() FROM facts ${whereTouched(touched)}) AS facts,
      (SELECT uniqExact(service, journey) FROM (
        SELECT service, journey FROM trail ${whereTouched(touched)}
        UNION ALL SELECT service, journey FROM facts ${whereTouched(touched)}
      )) AS journeys,
      ${setAside} AS setAside`)
  return {
    journeys: Number(row?.journeys ?? 0),
    trail: Number(row?.trail ?? 0),
    facts: Number(row?.facts ?? 0),
    setAside: Number(row?.setAside ?? 0),
  }
}

/** Entries that name one of the journeys, as text or as bytes that were no text. */
function isSetAside(touched: readonly Touched[]): Sql {
  const names = touched.flatMap(({ journeys }) => journeys.map(hexOf))
  return sql`arrayExists(name -> position(
    if(startsWith(bytes, 'base64:'), tryBase64Decode(substring(bytes, 8)), bytes), name) > 0, ${param('Array(String)', names)})`
}

const hexOf = (journey: bigint): string => journey.toString(16).padStart(16, '0')

/**
 * An erasure changes the hour in which the journey stood, as a late event does.
 *
 * Reads   facts FINAL, the rows of these journeys. Facts of another version say nothing: they are being rebuilt.
 */
async function markCohorts({ stores, ownFunnels, cohorts }: RemovalParts, touched: readonly Touched[]): Promise<void> {
  const rows = await stores.writes.select<{ service: string; version: number; starts: readonly string[] }>(sql`
    SELECT service, version, groupArray(start) AS starts FROM facts FINAL
    ${whereTouched(touched)} AND startAfter >= 0 AND version > 0
    GROUP BY service, version`)
  for (const { service, version, starts } of rows)
    if (version === (await ownFunnels(service)).version)
      await cohorts.beforeVerdicts(service, version, starts.map(Number))
}
