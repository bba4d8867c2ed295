import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { Counts } from './counts.ts'

export interface Group {
  /** All journeys; else those of one value (null: without a value), or of all `other` values. */
  readonly whole: boolean
  readonly value: string | null
  readonly other: boolean
  readonly counts: Counts
  /** ms, by position - 1. */
  readonly since: readonly { median: number; p90: number }[]
  readonly until: readonly number[]
  /** Open journeys by depth * `binsMax` + the bin of how long they have been quiet, where journeys were counted one by one. */
  readonly quiet?: ReadonlyMap<number, number>
}

/** Which values have rows of their own; null: every one. */
export interface Grouping {
  readonly dimension: string
  readonly kept: readonly string[] | null
}

/** How a statement over rows of journeysOf() groups them: as a whole, and by value where one is wanted. */
export interface GroupingSql {
  /** Columns to add to each row. */
  readonly columns: Sql
  /** Columns of the group: whole, value, other. */
  readonly group: Sql
  readonly groupBy: Sql
}

export function groupingOf(grouping: Grouping | null): GroupingSql {
  if (grouping === null)
    return {
      columns: raw('1 AS grouped'),
      group: raw('toUInt8(1) AS whole, NULL AS value, toUInt8(0) AS other'),
      groupBy: raw(''),
    }
  const own = sql`nullIf(dimensions[${param('String', grouping.dimension)}], '')`
  const other =
    grouping.kept === null
      ? raw('toUInt8(0)')
      : sql`if(isNull(own), toUInt8(0), NOT has(${param('Array(String)', grouping.kept)}, assumeNotNull(own)))`
  return {
    columns: sql`${own} AS own, ${other} AS other, if(other, NULL, own) AS value`,
    group: raw('toUInt8(grouping(value)) AS whole, value, other'),
    groupBy: raw('GROUP BY GROUPING SETS ((), (value, other))'),
  }
}
