import { raw, sql, type Sql } from '../sql.ts'

/** What of a journey's facts a tally is made of: columns of table unsealed, and of facts under the same names. */
export const countedColumns = [
  'firstAt',
  'lastAt',
  'start',
  'latestStart',
  'excluded',
  'depth',
  'entered',
  'times',
  'completed',
  'failed',
  'completionMs',
  'dimensions',
] as const

/**
 * What has changed since a seal: each touched journey as it is (`sign` 1) and as it was counted (`sign` -1; a new one
 * was not). Added to the tallies of the seal they give those of now, whatever lies between: of several seals that
 * followed one another, what one calls the journey's present the next calls its past.
 *
 * A journey's past is written before its facts, its present after: until then it has not changed.
 *
 * Reads   unsealed, the rows of these services and seals.
 * @param where on service and seal
 */
export const signedUnsealed = (where: Sql): Sql => sql`
  SELECT service, seal, journey, version, ${raw(countedColumns.join(', '))}, if(present = 1, 1, -1) AS sign
  FROM unsealed FINAL
  WHERE ${where} AND gone = 0 AND (present = 1
    OR (service, seal, journey) IN (SELECT service, seal, journey FROM unsealed WHERE ${where} AND present = 1))`
