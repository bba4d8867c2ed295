import type { Sql } from '../sql.ts'

/** ClickHouse, a server or in process. One statement at a time on each lane, so that none waits for another's. */
export interface Store {
  /**
   * Rows as JSON objects; 64-bit whole numbers come as strings, since a double cannot hold them.
   * @throws {StoreUnavailable | StoreRefused | QueryTooLarge}
   */
  select<Row>(statement: Sql, options?: { signal?: AbortSignal; secondsMax?: number }): Promise<Row[]>
  /**
   * Durable (fsynced, or on a quorum) when it resolves.
   * @param columns in the order of each row's values
   * @throws {StoreUnavailable | StoreRefused}
   */
  insert(table: TableName, columns: readonly string[], rows: readonly (readonly unknown[])[]): Promise<void>
  /**
   * A statement without rows: INSERT … SELECT, ALTER, CREATE. Durable when it resolves.
   * @param options secondsMax: what an INSERT … SELECT has written by then stays
   * @throws {StoreUnavailable | StoreRefused | QueryTooLarge}
   */
  command(statement: Sql, options?: { secondsMax?: number }): Promise<void>
}

/** Lanes of the same database: a long read does not hold up a write. */
export interface Stores {
  readonly writes: Store
  readonly sealing: Store
  readonly reads: Store
  /** Waits for statements under way. */
  close(): Promise<void>
}

export type TableName =
  | 'trail'
  | 'facts'
  | 'definitions'
  | 'keys'
  | 'step_names'
  | 'set_aside'
  | 'cohorts'
  | 'annotations'
  | 'seals'
  | 'erasures'
  | 'removals'
  | 'calls'
