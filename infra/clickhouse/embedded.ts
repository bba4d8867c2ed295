import { createClient, type ClickHouseClient, type ClickHouseClientConfigOptions } from '@clickhouse/client'
import { createChdbConnection } from 'chdb/connection'
import type { Limits } from '../../domain/limits.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { durableNames } from './durable-names.ts'
import { storeError } from './errors.ts'
import { migrate } from './migrate.ts'
import { createStore, statementSettings, type StoreConnection } from './store.ts'
import { setParams } from './set-params.ts'

/** Statements that may read at the same time: more only share the same cores. */
const readsAtOnce = 4

/**
 * The sealer counts beside the batches: in one thread, so that it never has more than one core, and what it groups goes to the disk
 * above this. That takes a tenth more of processor time, and holds 600 MB in all where 1.2 GB were needed.
 */
const sealingSettings = { max_threads: 1, max_bytes_before_external_group_by: 200_000_000 }

/** What a statement of a question may take; without them, as much as there is. */
export type ReadLimits = Partial<Pick<Limits, 'queryMemoryBytesMax' | 'queryResultBytesMax'>>

/** Where a result is cut short it is wrong, so it is refused: `throw` is what the engine does of itself. */
export function readSettings({ queryMemoryBytesMax = 0, queryResultBytesMax = 0 }: ReadLimits): Record<string, number> {
  return { max_memory_usage: queryMemoryBytesMax, max_result_bytes: queryResultBytesMax }
}

/**
 * ClickHouse in this process, on a directory of its own, with its tables up to date. Several connections on
 * the same path share the engine and run side by side; a second process cannot open the directory.
 * @throws {StoreUnavailable} when the directory cannot be opened
 */
export async function openEmbedded(directory: string, limits: ReadLimits = {}): Promise<Stores> {
  const clients: ClickHouseClient[] = []
  const names = durableNames(directory)
  const open = async (more: Record<string, number>): Promise<StoreConnection> => {
    // The two packages each declare the settings' classes with a private field, so the types cannot meet; the
    // connection is made for this option, and the contract suite runs on it.
    const chdb = createChdbConnection({ path: directory })
    const plugged: unknown = chdb
    const client = createClient({ connection: plugged as NonNullable<ClickHouseClientConfigOptions['connection']> })
    clients.push(client)
    // Settings stay with the connection: setting them once spares every statement the work.
    for (const [name, value] of Object.entries({ ...statementSettings, ...more }))
      await client.command({ query: `SET ${name} = ${value}` })
    return {
      // chdb lets only one statement with bound values run at a time, of all connections in the process: a long
      // read would hold up every insert. Values that a connection was given before run side by side.
      select: async (query, params) => {
        const result = await client.query({ query: `${setParams(params)}${query}`, format: 'JSONEachRow' })
        return await result.json<unknown>()
      },
      command: async (query, params) => void (await client.command({ query: `${setParams(params)}${query}` })),
      // The client would make one string of statement and rows; here the engine reads the bytes where they are.
      insert: async (table, columns, { format, bytes }) => {
        await chdb.chdb.rawInsert({ table, columns, format, values: bytes })
      },
      written: (statement) => names.after(statement),
    }
  }
  const lane = async (size: number, settings: Record<string, number> = {}) =>
    createStore(await Promise.all(Array.from({ length: size }, () => open(settings))))

  try {
    const writes = await lane(1)
    await migrate(writes)
    return {
      writes,
      sealing: await lane(1, sealingSettings),
      reads: await lane(readsAtOnce, readSettings(limits)),
      close: async () => {
        names.close()
        for (const client of clients.reverse()) await client.close()
      },
    }
  } catch (error) {
    names.close()
    for (const client of clients) await client.close()
    throw storeError(error)
  }
}
