import type { Lease } from '../../domain/ports/lease.ts'
import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import { countKeysOf, isTimeKey, timeKeysOf } from '../../domain/tally/keys.ts'
import { labelsOf } from '../../domain/tally/labels.ts'
import { countedColumns, signedUnsealed } from '../../domain/tally/unsealed.ts'
import { hourMs } from '../cohort-marks.ts'

const counted = raw(countedColumns.join(', '))

/** Journeys of one service, between two hashes, both inclusive. */
export interface Chunk {
  readonly service: string
  readonly version: number
  readonly seal: number
  readonly from: bigint
  readonly to: bigint
}

/**
 * The journeys of a chunk as they stood at a seal, `sign` 1 each: those whose facts have not been written since, and the
 * pasts of the others. Not while facts are being written. Those of another version wait for their verdict, and are not counted.
 *
 * Reads   facts of the chunk, the columns that are counted; unsealed, the pasts noted since the seal.
 */
export const stateOf = (chunk: Chunk): Sql => sql`
  SELECT service, journey, ${counted}, 1 AS sign FROM facts FINAL
  WHERE ${inChunk(chunk)} AND revision <= ${param('UInt64', chunk.seal)} AND version = ${param('UInt32', chunk.version)}
  UNION ALL
  SELECT service, journey, ${counted}, 1 AS sign FROM unsealed FINAL
  WHERE ${inChunk(chunk)} AND seal = ${param('UInt64', chunk.seal)} AND present = 0 AND version = ${param('UInt32', chunk.version)}
    AND journey IN (SELECT journey FROM unsealed WHERE ${inChunk(chunk)} AND seal = ${param('UInt64', chunk.seal)} AND present = 1)`

/** Journeys of the chunk that wait for their verdict are noted as unsealed: answers see that some are not counted. */
export const noteUnjudged = (chunk: Chunk, { held }: Pick<Lease, 'held'>): Sql => sql`
  INSERT INTO unsealed (service, seal, journey, present, revision, version, gone, ${counted})
  SELECT service, ${param('UInt64', chunk.seal)}, journey, 1, revision, version, 0, ${counted} FROM facts FINAL
  WHERE ${inChunk(chunk)} AND version != ${param('UInt32', chunk.version)} AND ${held}`

export const inChunk = ({ service, from, to }: Pick<Chunk, 'service' | 'from' | 'to'>): Sql =>
  sql`service = ${param('String', service)} AND journey >= ${param('UInt64', from)} AND journey <= ${param('UInt64', to)}`

/** Services that are sealed further together, since their days begin at the same moments. */
export interface Turned {
  readonly service: string
  readonly version: number
  /** The seal that stands. */
  readonly from: number
  /** The one that follows. */
  readonly to: number
}

/** What changed between two seals of these services, but for journeys that wait for their verdict (sealer.ts carries them over). */
export const changesOf = (turned: readonly Turned[]): Sql => {
  const column = (type: string, of: (one: Turned) => string | number) => param(`Array(${type})`, turned.map(of))
  const services = column('String', ({ service }) => service)
  const place = sql`indexOf(${services}, service)`
  const version = sql`${column('UInt32', (one) => one.version)}[${place}]`
  const where = sql`service IN ${services}
    AND seal >= ${column('UInt64', ({ from }) => from)}[${place}] AND seal < ${column('UInt64', ({ to }) => to)}[${place}]`
  return sql`SELECT service, journey, ${counted}, sign FROM (${signedUnsealed(where)})
    WHERE version = ${version} AND (service, journey) NOT IN (
      SELECT service, journey FROM unsealed FINAL WHERE ${where} AND present = 1 AND version != ${version})`
}

export interface LayerOf {
  readonly layer: number
  /** Starts of the days and weeks of the services' zone, ms, around all that is counted. */
  readonly days: readonly number[]
  readonly weeks: readonly number[]
  /** Services whose funnel has optional positions. */
  readonly gapped: readonly string[]
}

/** A layer of the rollup from signed journeys. Cost: as talliesOf(). */
export const layerOf = (journeys: Sql, { layer, ...of }: LayerOf, lease: Pick<Lease, 'held'>): Sql =>
  packed(layer, talliesOf(journeys, of), lease)

/**
 * Signed journeys counted by dimension, value, grain, bucket and key (`number`). Of a value there are no times by the hour: nearly
 * each would be of one journey, and those of the few hours that a question may need are quick to count.
 *
 * Cost    a row for each journey, dimension, grain (three) and key (one for how it ended, one for each step that it went),
 *         grouped in memory.
 */
export const talliesOf = (journeys: Sql, { days, weeks, gapped }: Omit<LayerOf, 'layer'>): Sql => {
  const hasGaps = gapped.length === 0 ? raw('0') : sql`service IN ${param('Array(String)', gapped)}`
  return sql`
    SELECT service, pair.1 AS dimension, pair.2 AS value, slot.1 AS grain, slot.2 AS bucket,
      arrayJoin(if(dimension != '' AND grain = 1, ended, all)) AS key, sum(sign) AS number
    FROM (
      SELECT service, sign, arrayJoin(pairs) AS pair, arrayJoin(slots) AS slot, ended, arrayConcat(ended, took) AS all
      FROM (
        SELECT service, sign, if(depth > 0 OR excluded = 1, start, firstAt) AS seenAt,
          arrayConcat([('', '')], arrayFilter(p -> p.2 != '', CAST(dimensions, 'Array(Tuple(String, String))'))) AS pairs,
          [(toInt8(1), intDiv(seenAt, ${param('Int64', hourMs)}) * ${param('Int64', hourMs)}),
           (toInt8(2), roundDown(seenAt, ${param('Array(Int64)', days)})),
           (toInt8(3), roundDown(seenAt, ${param('Array(Int64)', weeks)}))] AS slots,
          ${countKeysOf(hasGaps)} AS ended, ${timeKeysOf(hasGaps)} AS took
        FROM (${journeys})
      )
    )
    GROUP BY service, dimension, value, grain, bucket, key
    HAVING number != 0`
}

export interface MergedLayers {
  readonly service: string
  readonly layers: readonly number[]
  readonly layer: number
  readonly from: number
  readonly to: number
}

/**
 * Layers of a service as one, of the buckets from one (inclusive) to before another: what adds up to nothing is left out.
 * Cost    their keys between these, grouped in memory.
 */
export const mergedLayers = (merged: MergedLayers, lease: Pick<Lease, 'held'>): Sql =>
  packed(
    merged.layer,
    sql`
    SELECT service, dimension, value, grain, bucket, key, sum(added) AS number
    FROM rollups
    ARRAY JOIN arrayConcat(arrayMap(k -> toUInt32(k), keys), timeKeys) AS key, arrayConcat(counts, timeCounts) AS added
    WHERE service = ${param('String', merged.service)} AND layer IN ${param('Array(UInt64)', merged.layers)}
      AND bucket >= ${param('Int64', merged.from)} AND bucket < ${param('Int64', merged.to)}
    GROUP BY service, dimension, value, grain, bucket, key
    HAVING number != 0`,
    lease,
  )

/** A row for each bucket and value, from one for each key. */
const packed = (layer: number, numbers: Sql, { held }: Pick<Lease, 'held'>): Sql => sql`
  INSERT INTO rollups (service, dimension, layer, grain, bucket, value, keys, counts, timeKeys, timeCounts)
  SELECT service, dimension, ${param('UInt64', layer)}, grain, bucket, value,
    arrayMap(c -> toUInt16(c.1), counted), arrayMap(c -> c.2, counted), arrayMap(c -> c.1, timed), arrayMap(c -> c.2, timed)
  FROM (
    SELECT service, dimension, grain, bucket, value,
      arraySort(groupArrayIf((key, number), NOT ${isTimeKey('key')})) AS counted,
      arraySort(groupArrayIf((key, number), ${isTimeKey('key')})) AS timed
    FROM (${numbers})
    GROUP BY service, dimension, grain, bucket, value
  )
  WHERE ${held}`

/** How large a layer is, and over which cohort hours, by service. Reads the key of rollup. */
export const sizesOf = (services: readonly string[], layer: number): Sql => sql`
  SELECT service, count() AS rows, minIf(bucket, grain = 'hour') AS first, maxIf(bucket, grain = 'hour') AS last
  FROM rollups
  WHERE service IN ${param('Array(String)', services)} AND layer = ${param('UInt64', layer)}
  GROUP BY service`

/** Which journeys the edge has: those whose first window passes between two moments, and those not ended by the first. */
export interface EdgeOf {
  readonly service: string
  /** Starts (ms) of the journeys whose window passes at either moment: the moment less the window. */
  readonly startFrom: number
  readonly startTo: number
}

/**
 * A layer of the edge from signed journeys of these services.
 * Cost    one pass over the journeys.
 */
export const edgeOf = (journeys: Sql, layer: number, edges: readonly EdgeOf[], { held }: Pick<Lease, 'held'>): Sql => {
  const column = (type: string, of: (edge: EdgeOf) => string | number) => param(`Array(${type})`, edges.map(of))
  const place = sql`indexOf(${column('String', ({ service }) => service)}, service)`
  return sql`
  INSERT INTO edge_journeys (service, layer, journey, sign, start, latestStart, lastAt, depth, entered, completed, failed, labels)
  SELECT service, ${param('UInt64', layer)}, journey, sign, start, latestStart, lastAt, depth, entered, completed, failed,
    ${labelsOf('dimensions')}
  FROM (${journeys})
  WHERE ${held} AND depth > 0 AND latestStart >= ${column('Int64', ({ startFrom }) => startFrom)}[${place}]
    AND ((completed = 0 AND failed = 0) OR (start >= ${column('Int64', ({ startFrom }) => startFrom)}[${place}]
      AND start < ${column('Int64', ({ startTo }) => startTo)}[${place}]))`
}

/** Several layers of the edge as one: what was taken out again is left out, and so is what has ended by then. */
export const mergedEdge = (
  { service, startFrom }: Pick<EdgeOf, 'service' | 'startFrom'>,
  layers: readonly number[],
  layer: number,
  { held }: Pick<Lease, 'held'>,
): Sql => sql`
  INSERT INTO edge_journeys (service, layer, journey, sign, start, latestStart, lastAt, depth, entered, completed, failed, labels)
  SELECT service, ${param('UInt64', layer)}, journey, sum(edge.sign) AS left, start, latestStart, lastAt, depth, entered, completed, failed, labels
  FROM edge_journeys AS edge
  WHERE service = ${param('String', service)} AND layer IN ${param('Array(UInt64)', layers)}
    AND latestStart >= ${param('Int64', startFrom)} AND ${held}
  GROUP BY service, journey, start, latestStart, lastAt, depth, entered, completed, failed, labels
  HAVING left != 0`
