import { soleLease } from '../../infra/sole-lease.ts'
import { compileFunnel } from '../../domain/funnel/compile.ts'
import { eventTypes } from '../../domain/stored-event.ts'
import { normaliseFunnel, type Service } from '../../domain/service.ts'
import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import { writeFacts } from '../../processor/facts.ts'
import { trailColumns } from '../../processor/trail-rows.ts'
import { attributesCount, hoursCount, pathsPerShape } from './query-paths.ts'
import type { Shape } from './query-services.ts'

/**
 * Rows of the query benchmark, made by the engine out of the numbers of journeys: nothing but hashes decides, so
 * the same journeys have the same events in every table.
 *
 * Writes  trail, facts and raw_events, as the processor writes the first two: tests/integration/bench-rows.test.ts
 * Cost    each statement makes the journeys of its chunk anew; the verdicts of facts take longest.
 */

/** Journeys of one service, by their numbers. */
export interface Chunk {
  readonly service: Service
  readonly shape: Shape
  readonly first: number
  readonly count: number
  /** Everything lies in the 13 weeks before, ms. */
  readonly until: number
}

export const weeks = 13
export const weekMs = 7 * 24 * 3_600_000

/** What the rows are made from; gone once they are. */
export const drawTables = {
  bench_paths: `shape String, path UInt16, gaps Array(UInt32), types Array(UInt8), names Array(String), seqs Array(UInt32),
    outcomes Array(UInt8), engaged Array(UInt32), heads Array(String), hashes Array(UInt64) DEFAULT arrayMap(name -> xxh3(name), names)`,
  bench_attributes: 'attributes UInt16, saying String, dimensions Map(String, String)',
  bench_hours: 'draw UInt16, hour UInt16',
} as const

/** What others scan: one row an event, in the order in which such tables are kept. */
export const rawEventsTable = `CREATE TABLE raw_events (
    service LowCardinality(String), day Date, journey UInt64, at UInt64 CODEC(Delta, ZSTD(1)),
    name LowCardinality(String), device LowCardinality(String), licenceType LowCardinality(String)
  ) ENGINE = MergeTree ORDER BY (service, day, journey)`

/** One row a journey: its events as arrays, in their order; what would lie in the future is left out. */
const journeysOf = ({ service, shape, first, count, until }: Chunk): Sql => sql`
  SELECT ${param('String', service.id)} AS service, sipHash64(${param('String', service.id)}, number) AS journey,
    toInt64(${param('Int64', until - weeks * weekMs)} + cityHash64(journey, 'week') % ${raw(String(weeks))} * ${raw(String(weekMs))}
      + hour * 3600000 + cityHash64(journey, 'time') % 3600000) AS began,
    arrayCumSum(arrayMap((gap, place) -> toInt64(intDiv(gap * (512 + cityHash64(journey, place) % 1024), 1024)),
      gaps, arrayEnumerate(gaps))) AS after,
    arrayFilter(time -> time < ${param('Int64', until)}, arrayMap(each -> began + each, after)) AS allAt,
    length(allAt) AS total,
    ${raw(['types', 'hashes', 'seqs', 'outcomes', 'engaged', 'heads', 'names'].map((column) => `arraySlice(bench_paths.${column}, 1, total) AS ${column}`).join(', '))},
    saying, dimensions
  FROM numbers(${raw(String(first))}, ${raw(String(count))}) AS numbered
  INNER JOIN (SELECT * FROM bench_paths WHERE shape = ${param('String', shape)}) AS bench_paths
    ON bench_paths.path = toUInt16(cityHash64(number, 'path') % ${raw(String(pathsPerShape))})
  INNER JOIN bench_attributes ON attributes = toUInt16(cityHash64(number, 'attributes') % ${raw(String(attributesCount))})
  INNER JOIN bench_hours ON draw = toUInt16(cityHash64(number, 'hour') % ${raw(String(hoursCount))})`

const typeNumber = (type: (typeof eventTypes)[number]): Sql => raw(String(eventTypes.indexOf(type) + 1))

export const writeTrail = (chunk: Chunk): Sql => sql`
  INSERT INTO trail (${raw(trailColumns.join(', '))})
  SELECT service, journey, ${identityOf('cityHash64(journey, place, 1)')}, at, engagedMs, concat(head, saying)
  FROM (${journeysOf(chunk)})
  ARRAY JOIN allAt AS at, engaged AS engagedMs, heads AS head, arrayEnumerate(allAt) AS place`

/** Bits as random as those of a hash, the lowest one set: an event that came with an id. */
const identityOf = (hash: string): Sql => raw(`bitOr(bitShiftRight(${hash}, 23), 1)`)

export function writeFactsOf(chunk: Chunk): Sql {
  const { verdict } = compileFunnel(normaliseFunnel(chunk.service.funnel))
  const isStep = sql`type = ${typeNumber('step')}`
  const isEnd = sql`type = ${typeNumber('outcome')}`
  const those = (column: string, is: Sql) => sql`arrayFilter((each, type) -> ${is}, ${raw(column)}, types)`
  return writeFacts(
    sql`
    SELECT service, journey, toUInt64(intDiv(lastAt, 1000) * 1000 + 1000) AS revision, toUInt16(intDiv(lastAt, 86400000)) AS arrivedDay,
      at, seq, step, outcomeAt, outcomeSeq, outcome, firstAt, lastAt, events, 0, said,
      ${param('UInt32', chunk.service.version)}, ${verdict}
    FROM (
      SELECT service, journey, ${those('allAt', isStep)} AS at, ${those('seqs', isStep)} AS seq,
        ${those('hashes', isStep)} AS step, ${those('allAt', isEnd)} AS outcomeAt, ${those('seqs', isEnd)} AS outcomeSeq,
        ${those('outcomes', isEnd)} AS outcome, allAt[1] AS firstAt, allAt[-1] AS lastAt, toUInt32(total) AS events,
        dimensions AS said
      FROM (${journeysOf(chunk)})
    )`,
    soleLease,
  )
}

export const writeRawEvents = (chunk: Chunk): Sql => sql`
  INSERT INTO raw_events (service, day, journey, at, name, device, licenceType)
  SELECT service, toDate(toDateTime(intDiv(at, 1000), 'UTC')), journey, toUInt64(at),
    if(name = '', ${raw(`['${eventTypes.join("', '")}']`)}[type], name), dimensions['device'], dimensions['licence-type']
  FROM (${journeysOf(chunk)})
  ARRAY JOIN allAt AS at, names AS name, types AS type`
