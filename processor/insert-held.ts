import type { Lease } from '../domain/ports/lease.ts'
import type { TableName } from '../domain/ports/store.ts'
import { join, param, raw, sql, type Sql, type SqlValue } from '../domain/sql.ts'

/** Names of columns and their ClickHouse types, in the order of each row's values. */
export type TypedColumns = readonly (readonly [name: string, type: string])[]

/** Rows that are written only if the lease is held when the statement begins; of few rows, since each value is bound. */
export function insertHeld(
  table: TableName,
  columns: TypedColumns,
  rows: readonly (readonly SqlValue[])[],
  { held }: Pick<Lease, 'held'>,
): Sql {
  const names = columns.map(([name]) => name).join(', ')
  const values = columns.map(([, type], index) =>
    param(
      `Array(${type})`,
      rows.map((row) => row[index] ?? ''),
    ),
  )
  const parts = columns.map((_, index) => `row.${index + 1}`).join(', ')
  return sql`INSERT INTO ${raw(table)} (${raw(names)}) SELECT ${raw(parts)}
    FROM (SELECT arrayJoin(arrayZip(${join(values, ', ')})) AS row) WHERE ${held}`
}
