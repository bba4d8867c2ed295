import type { Clock } from '../domain/ports/clock.ts'
import { param, raw, sql } from '../domain/sql.ts'
import { dayMs } from './facts.ts'
import type { Purging } from './purging.ts'
import { removeJourneys, type RemovalParts } from './removal.ts'
import type { Sealer } from './sealing/sealer.ts'
import type { ProcessorSignals } from './signals.ts'

/**
 * Removes the trail and the facts of journeys of which nothing has arrived for as long as they are kept, in bounded
 * pieces. The arrival counts, not the time that an event says: an import of old events is kept as long as
 * any. It is kept to the day (`facts.arrivedDay`), so a journey goes on the day after that.
 *
 * All facts are walked through once a day, in the order of their key; the place is in memory only, since a walk that
 * begins anew finds only what is left. A journey that comes back later begins anew.
 */
export interface Retention {
  /** Does a bounded piece of it. Not while trails or facts are being written. @returns ms until the next */
  expire(this: void): Promise<number>
}

export interface RetentionParts extends RemovalParts {
  readonly clock: Clock
  readonly retentionMs: number
  readonly purging: Pick<Purging, 'underWay'>
  /** What was counted is to stay counted: journeys of a service go once its tallies have them. */
  readonly sealer: Pick<Sealer, 'holds'>
  readonly signals: ProcessorSignals
}

/** Journeys of one piece: two deletions, which hold up the batches for a second or two. */
const journeysMax = 10_000

/** How often journeys whose time is over are looked for; those that wait for a seal, sooner. */
const intervalMs = 60_000
const waitingMs = 1_000

interface Place {
  readonly service: string
  readonly journey: string
}

interface Row extends Place {
  /** 1 where what stands on top is old too. */
  readonly expired: number
}

export function createRetention(parts: RetentionParts): Retention {
  const { clock, retentionMs, purging, sealer, signals } = parts
  /** Days before this one were walked through to the end. */
  let doneDay = 0
  let place: Place | undefined
  /** Some were left, since their service has to be sealed first. */
  let waiting = false

  return {
    async expire() {
      // Of a day that ended that long ago.
      const day = Math.floor((clock.now() - retentionMs) / dayMs)
      // A deletion waits for the purge of the parts that it is about, and would hold up the batches meanwhile.
      if (day <= doneDay || purging.underWay()) return intervalMs
      const rows = await oldOnes(parts, day, place)
      const old = rows.filter((row) => row.expired === 1)
      const held = new Set([...new Set(old.map(({ service }) => service))].filter((service) => sealer.holds(service)))
      const expired = old.filter(({ service }) => held.has(service))
      if (expired.length < old.length) waiting = true
      if (expired.length > 0) {
        const services = new Map<string, bigint[]>()
        for (const { service, journey } of expired) put(services, service, BigInt(journey))
        const removed = Array.from(services, ([service, journeys]) => ({ service, journeys }))
        signals.removed('expired', await removeJourneys(parts, removed, 'expired'))
      }
      place = rows.length < journeysMax ? undefined : rows.at(-1)
      if (place !== undefined) return intervalMs
      if (!waiting) doneDay = day
      const wait = waiting ? waitingMs : intervalMs
      waiting = false
      return wait
    },
  }
}

function put(services: Map<string, bigint[]>, service: string, journey: bigint): void {
  const journeys = services.get(service)
  if (journeys === undefined) services.set(service, [journey])
  else journeys.push(journey)
}

/**
 * The next journeys of which some row is older than a day.
 *
 * Reads   facts, from a place on: the day of arrival of every row, and of old ones the key. Rows that newer ones
 *         have replaced are seen as well, so the newest decides.
 * Cost    two bytes a journey, and ends when the piece is full.
 */
async function oldOnes({ stores }: RetentionParts, day: number, after: Place | undefined): Promise<readonly Row[]> {
  const old = param('UInt16', Math.max(0, day))
  const behind =
    after === undefined
      ? raw('1')
      : sql`(service > ${param('String', after.service)} OR (service = ${param('String', after.service)}
          AND journey > ${param('UInt64', BigInt(after.journey))}))`
  return await stores.writes.select<Row>(sql`
    SELECT service, journey, argMax(arrivedDay, revision) < ${old} AS expired FROM facts
    WHERE (service, journey) IN (
      SELECT service, journey FROM facts WHERE ${behind} AND arrivedDay < ${old}
      GROUP BY service, journey ORDER BY service, journey LIMIT ${param('UInt32', journeysMax)})
    GROUP BY service, journey ORDER BY service, journey`)
}
