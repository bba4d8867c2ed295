import { param, sql } from '../../domain/sql.ts'
import type { QueryContext } from '../context.ts'
import { dayStarts } from '../period.ts'
import type { Subject } from '../subject.ts'
import { coverOf } from './cover.ts'
import type { Scope } from './statements.ts'

/** What of a subject's answer can be read from sealed tallies, and how. */
export interface Standing extends Scope {
  /** Some journey was touched since the seal. */
  readonly hasChanged: boolean
  /** Starts of the days of the service's zone around the period. */
  readonly days: readonly number[]
  /** The dimension that is asked about, of a breakdown or of a condition; null: none. */
  readonly dimension: string | null
}

interface Row {
  readonly timeZone: string
  readonly seal: string
  readonly layers: readonly string[]
  readonly bucketFrom: string
  readonly bucketTo: string
  readonly edgeLayers: readonly string[]
}

/**
 * The seal from which a question can be answered; null where it has to be answered from facts: of another funnel than
 * the service's own as it is, by two dimensions at once, while journeys wait for their verdict, or when the clock has left the hours
 * for which the seal was made.
 *
 * Reads   seals and unsealed, the rows of one service.
 *
 * @param byDays whole days may be one tally; else each hour is its own
 */
export async function standingOf(
  context: QueryContext,
  subject: Subject,
  breakdown: string | undefined,
  byDays = true,
): Promise<Standing | null> {
  const { service, version, funnel, period, now } = subject
  if (version !== service.version) return null
  const dimensions = new Set([
    ...subject.where.map(({ dimension }) => dimension),
    ...(breakdown === undefined ? [] : [breakdown]),
  ])
  if (dimensions.size > 1) return null
  const split = now - funnel.windowMs
  const id = param('String', service.id)
  const current = param('UInt32', service.version)
  const options = { secondsMax: context.limits.querySecondsMax }
  const [row] = await context.reads.select<Row>(
    sql`SELECT timeZone, seal, layers, bucketFrom, bucketTo, edgeLayers FROM seals FINAL
      WHERE service = ${id} AND version = ${current} AND notEmpty(layers)
        AND edgeFrom <= ${param('Int64', split)} AND edgeTo > ${param('Int64', split)}`,
    options,
  )
  if (row === undefined) return null
  const [since] = await context.reads.select<{ journeys: string; waiting: string }>(
    sql`SELECT count() AS journeys, countIf(gone = 0 AND version != ${current}) AS waiting FROM unsealed FINAL
      WHERE service = ${id} AND seal >= ${param('UInt64', BigInt(row.seal))} AND present = 1`,
    options,
  )
  if (Number(since?.waiting ?? 0) > 0) return null
  const held = { from: Number(row.bucketFrom), to: Number(row.bucketTo) }
  const days =
    byDays && row.timeZone === service.timeZone
      ? dayStarts(row.timeZone, Math.max(period.from, held.from), Math.min(period.to, held.to))
      : []
  return {
    services: [
      { id: service.id, version: service.version, seal: row.seal, layers: row.layers, edgeLayers: row.edgeLayers },
    ],
    cover: coverOf(period, held, days, split),
    days,
    hasChanged: Number(since?.journeys ?? 0) > 0,
    split,
    dimension: [...dimensions][0] ?? null,
  }
}
