import { createClient, type ClickHouseClient, type ClickHouseClientConfigOptions } from '@clickhouse/client'
import { createChdbConnection } from 'chdb/connection'
import type { Stores } from '../../domain/ports/store.ts'
import { storeError } from './errors.ts'
import { migrate } from './migrate.ts'
import { createStore, statementSettings } from './store.ts'

/** Statements that may read at the same time: more only share the same cores. */
const readsAtOnce = 4

/**
 * ClickHouse in this process, on a directory of its own, with its tables up to date. Several connections on
 * the same path share the engine and run side by side; a second process cannot open the directory.
 * @throws {StoreUnavailable} when the directory cannot be opened
 */
export async function openEmbedded(directory: string): Promise<Stores> {
  const clients: ClickHouseClient[] = []
  const open = async (): Promise<ClickHouseClient> => {
    // The two packages each declare the settings' classes with a private field, so the types cannot meet; the
    // connection is made for this option, and the contract suite runs on it.
    const connection: unknown = createChdbConnection({ path: directory })
    const client = createClient({ connection: connection as NonNullable<ClickHouseClientConfigOptions['connection']> })
    clients.push(client)
    // Settings stay with the connection: setting them once spares every statement the work.
    for (const [name, value] of Object.entries(statementSettings))
      await client.command({ query: `SET ${name} = ${value}` })
    return client
  }
  const lane = async (connections: number) =>
    createStore(await Promise.all(Array.from({ length: connections }, () => open())))

  try {
    const writes = await lane(1)
    await migrate(writes)
    return {
      writes,
      sealing: await lane(1),
      reads: await lane(readsAtOnce),
      close: async () => {
        for (const client of clients.reverse()) await client.close()
      },
    }
  } catch (error) {
    for (const client of clients) await client.close()
    throw storeError(error)
  }
}
