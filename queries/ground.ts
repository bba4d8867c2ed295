import type { Service } from '../domain/service.ts'
import { join, sql, type Sql } from '../domain/sql.ts'
import { isSealed } from '../domain/tally/layout.ts'
import type { QueryContext } from './context.ts'
import { markedHours } from './marks.ts'
import { newestFacts, newestMarks, wordOf } from './revision.ts'
import type { Range } from './sealed/cover.ts'
import { idsOf, versionOf } from './services.ts'

/** What is known of services before their journeys are counted. */
export interface Ground {
  /** As revisionOf() says it. */
  readonly revision: string
  /** The seal of each service that has one. */
  readonly seals: ReadonlyMap<string, Sealed>
  /** Cohort hours (ms, UTC) that reach into the periods and were changed after they were complete, of each service with any. */
  readonly revised: ReadonlyMap<string, readonly number[]>
}

/** A service's seal (table seals), times in ms. */
export interface Sealed {
  readonly id: string
  readonly version: number
  readonly timeZone: string
  readonly seal: bigint
  readonly layers: readonly bigint[]
  readonly bucketFrom: number
  readonly bucketTo: number
  readonly edgeLayers: readonly bigint[]
  readonly edgeFrom: number
  readonly edgeTo: number
  /** Some journey was touched since. */
  readonly hasChanged: boolean
  /** Some journey is of another version, and waits for its verdict. */
  readonly isWaiting: boolean
}

interface SealRow {
  readonly service: string
  readonly version: number
  readonly timeZone: string
  readonly seal: string
  readonly dataRevision: string
  readonly layers: readonly string[]
  readonly bucketFrom: string
  readonly bucketTo: string
  readonly edgeLayers: readonly string[]
  readonly edgeFrom: string
  readonly edgeTo: string
}

interface NotedRow {
  readonly service: string
  readonly seal: string
  readonly waiting: string
  readonly newest: string
}

/**
 * Asked first, in one go, so that what is read after is never older than the revision says. A seal that is followed by another
 * meanwhile does no harm: what was noted against the later one is read with the earlier.
 *
 * Reads   seals; unsealed, the key of these services; cohorts and removals.
 * Cost    journeys touched since the seals; one column of facts of services without a seal.
 */
export async function groundOf(
  context: QueryContext,
  services: readonly Service[],
  periods: readonly Range[],
): Promise<Ground> {
  const of = sql`service IN ${idsOf(services)}`
  const ask = <Row>(statement: Sql) =>
    context.reads.select<Row>(statement, { secondsMax: context.limits.querySecondsMax })
  const [rows, noted, marks] = await Promise.all([
    ask<SealRow>(sql`
      SELECT service, version, timeZone, seal, dataRevision, layers, bucketFrom, bucketTo, edgeLayers, edgeFrom, edgeTo
      FROM seals FINAL WHERE ${of} AND ${isSealed}`),
    ask<NotedRow>(sql`
      SELECT service, seal, countIf(gone = 0 AND version != ${versionOf(services)}) AS waiting, max(revision) AS newest
      FROM unsealed FINAL WHERE ${of} AND present = 1 GROUP BY service, seal`),
    ask<{ about: string; named: string; newest: string; hours: readonly string[] }>(
      join([newestMarks(of, sql`, '' AS named, [] AS hours`), hoursOf(services, periods)], ' UNION ALL '),
    ),
  ])
  const unsealed = services.filter(({ id }) => !rows.some(({ service }) => service === id))
  const facts =
    unsealed.length === 0 ? [] : await ask<{ newest: string }>(newestFacts(sql`service IN ${idsOf(unsealed)}`))
  const sealedIds = new Set(rows.map(({ service }) => service))
  const data = [
    ...rows.map(({ dataRevision }) => dataRevision),
    ...noted.filter(({ service }) => sealedIds.has(service)).map(({ newest }) => newest),
    ...facts.map(({ newest }) => newest),
  ]
  const newestOf = (what: string) => marks.filter(({ about }) => about === what).map(({ newest }) => newest)
  return {
    revision: wordOf({ data, cohorts: newestOf('cohorts'), removals: newestOf('removals') }, services),
    seals: new Map(rows.map((row) => [row.service, sealedOf(row, noted)])),
    revised: new Map(
      marks
        .filter(({ about }) => about === 'hours')
        .map(({ named, hours }) => [named, hours.map(Number).sort((a, b) => a - b)]),
    ),
  }
}

function sealedOf(row: SealRow, noted: readonly NotedRow[]): Sealed {
  const since = noted.filter(({ service, seal }) => service === row.service && BigInt(seal) >= BigInt(row.seal))
  return {
    id: row.service,
    version: row.version,
    timeZone: row.timeZone,
    seal: BigInt(row.seal),
    layers: row.layers.map(BigInt),
    bucketFrom: Number(row.bucketFrom),
    bucketTo: Number(row.bucketTo),
    edgeLayers: row.edgeLayers.map(BigInt),
    edgeFrom: Number(row.edgeFrom),
    edgeTo: Number(row.edgeTo),
    hasChanged: since.length > 0,
    isWaiting: since.some(({ waiting }) => Number(waiting) > 0),
  }
}

/** Rows about `hours`, one a service. */
const hoursOf = (services: readonly Service[], periods: readonly Range[]): Sql => sql`
  SELECT 'hours' AS about, 0 AS newest, service AS named, groupArray(hour) AS hours
  FROM (${markedHours(services, periods)}) GROUP BY service`
