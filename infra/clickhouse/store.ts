import type { ClickHouseClient } from '@clickhouse/client'
import type { Store, TableName } from '../../domain/ports/store.ts'
import { raw, render, sql, type Sql } from '../../domain/sql.ts'
import { storeError } from './errors.ts'

/** What every statement runs under, whichever adapter. */
export const statementSettings = {
  // A 64-bit whole number does not fit a double.
  output_format_json_quote_64bit_integers: 1,
  // An INSERT is durable when it is answered: no buffer in between.
  async_insert: 0,
  // Rows go in as arrays, the tuples in them too.
  input_format_json_named_tuples_as_objects: 0,
  // NaN and infinity, which JSON cannot hold, come as null.
  output_format_json_quote_denormals: 0,
} as const

/**
 * A lane: so many connections, each running one statement at a time; what comes more waits its turn. In
 * process a connection can run but one, and an aborted statement still occupies it until it ends.
 */
export function createStore(clients: readonly ClickHouseClient[]): Store {
  const idle = [...clients]
  const waiting: ((client: ClickHouseClient) => void)[] = []

  async function withClient<Result>(run: (client: ClickHouseClient) => Promise<Result>): Promise<Result> {
    const client = idle.pop() ?? (await new Promise<ClickHouseClient>((resolve) => waiting.push(resolve)))
    try {
      return await run(client)
    } catch (error) {
      throw storeError(error)
    } finally {
      const next = waiting.shift()
      if (next === undefined) idle.push(client)
      else next(client)
    }
  }

  return {
    select<Row>(statement: Sql, options: { signal?: AbortSignal; secondsMax?: number } = {}): Promise<Row[]> {
      const limit =
        options.secondsMax === undefined ? '' : `\nSETTINGS max_execution_time = ${Number(options.secondsMax)}`
      const { query, params } = render(sql`${statement}${raw(limit)}`)
      return withClient(async (client) => {
        options.signal?.throwIfAborted()
        const result = await client.query({ query, query_params: params, format: 'JSONEachRow' })
        return await result.json<Row>()
      })
    },

    insert(table: TableName, columns: readonly string[], rows: readonly (readonly unknown[])[]): Promise<void> {
      return withClient(async (client) => {
        if (rows.length === 0) return
        const [first, ...rest] = columns
        if (first === undefined) throw new Error('an insert names its columns')
        await client.insert({ table, columns: [first, ...rest], values: rows, format: 'JSONCompactEachRow' })
      })
    },

    command(statement: Sql): Promise<void> {
      const { query, params } = render(statement)
      return withClient(async (client) => {
        await client.command({ query, query_params: params })
      })
    },
  }
}
