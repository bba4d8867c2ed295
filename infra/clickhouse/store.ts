import type { Store, TableName } from '../../domain/ports/store.ts'
import { raw, render, sql, type Sql, type SqlValue } from '../../domain/sql.ts'
import { storeError } from './errors.ts'
import { encodeRows, type EncodedRows } from './rows.ts'

/** What every statement runs under, whichever adapter. */
export const statementSettings = {
  // A 64-bit whole number does not fit a double.
  output_format_json_quote_64bit_integers: 1,
  // An INSERT is durable when it is answered: no buffer in between.
  async_insert: 0,
  // Copies merge when parts do, and when they are read: merging each insert by itself first costs a quarter of it.
  optimize_on_insert: 0,
  // This pass takes as long as all others together on a compiled funnel (40 to 80 ms), and finds nothing in it.
  optimize_and_compare_chain: 0,
  // Rows go in as arrays, the tuples in them too.
  input_format_json_named_tuples_as_objects: 0,
  // NaN and infinity, which JSON cannot hold, come as null.
  output_format_json_quote_denormals: 0,
  // The journeys that a batch touched are bound by name: a megabyte of text.
  max_query_size: 64 * 1024 * 1024,
  // A funnel of fifty positions and as many exclusions is a long expression, and a statement may judge by several.
  max_ast_elements: 1_000_000,
  max_expanded_ast_elements: 5_000_000,
} as const

/** One connection: what differs between ClickHouse in process and a server. */
export interface StoreConnection {
  /** @returns the rows, in the format JSONEachRow, parsed */
  readonly select: (query: string, params: Record<string, SqlValue>, signal?: AbortSignal) => Promise<unknown[]>
  readonly command: (query: string, params: Record<string, SqlValue>) => Promise<void>
  readonly insert: (table: TableName, columns: readonly string[], rows: EncodedRows) => Promise<void>
  /** After a statement that wrote: makes durable what the engine itself does not. */
  readonly written: (statement: string) => Promise<void>
}

/** Rows of one INSERT: large enough that parts are few, small enough that encoding and inserting overlap. */
const rowsPerPiece = 16_384

/**
 * A lane: so many connections, each running one statement at a time; what comes more waits its turn. In
 * process a connection can run but one, and an aborted statement still occupies it until it ends; a server is
 * asked no more at once by one program.
 */
export function createStore(connections: readonly StoreConnection[]): Store {
  const idle = [...connections]
  const waiting: ((connection: StoreConnection) => void)[] = []

  async function withConnection<Result>(run: (connection: StoreConnection) => Promise<Result>): Promise<Result> {
    const connection = idle.pop() ?? (await new Promise<StoreConnection>((resolve) => waiting.push(resolve)))
    try {
      return await run(connection)
    } catch (error) {
      throw storeError(error)
    } finally {
      const next = waiting.shift()
      if (next === undefined) idle.push(connection)
      else next(connection)
    }
  }

  return {
    select<Row>(statement: Sql, options: { signal?: AbortSignal; secondsMax?: number } = {}): Promise<Row[]> {
      const { query, params } = render(limited(statement, options.secondsMax))
      return withConnection(async ({ select }) => {
        options.signal?.throwIfAborted()
        // The caller says what its statement gives: nothing here knows better.
        return (await select(query, params, options.signal)) as Row[]
      })
    },

    insert(table: TableName, columns: readonly string[], rows: readonly (readonly unknown[])[]): Promise<void> {
      if (rows.length === 0) return Promise.resolve()
      return withConnection(async (connection) => {
        // Encoding needs this thread, inserting the engine's: while the engine has one piece, the next is made.
        // Pieces are parts of their own, so a crash may leave some of them; the caller inserts all again.
        let inserting: Promise<void> = Promise.resolve()
        for (let start = 0; start < rows.length; start += rowsPerPiece) {
          const encoded = encodeRows(rows.slice(start, start + rowsPerPiece))
          await inserting
          inserting = connection.insert(table, columns, encoded)
          // The rejection is for the await above or below; until then it is nobody's.
          inserting.catch(() => undefined)
        }
        await inserting
        await connection.written(`INSERT INTO ${table}`)
      })
    },

    command(statement: Sql, options: { secondsMax?: number } = {}): Promise<void> {
      const { query, params } = render(limited(statement, options.secondsMax))
      return withConnection(async ({ command, written }) => {
        await command(query, params)
        await written(query)
      })
    },
  }
}

function limited(statement: Sql, secondsMax: number | undefined): Sql {
  if (secondsMax === undefined) return statement
  return sql`${statement}${raw(`\nSETTINGS max_execution_time = ${Number(secondsMax)}`)}`
}
