import { Readable } from 'node:stream'
import { text as wholeText } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { ClickHouseLogLevel, createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client'
import type { Limits } from '../../domain/limits.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { SqlValue } from '../../domain/sql.ts'
import { readSettings, type ReadLimits } from './embedded.ts'
import { httpStatement } from './http-statement.ts'
import { prepareDatabase } from './server-database.ts'
import type { ClickHouseSettings as ServerSettings } from './settings.ts'
import { createStore, statementSettings, type StoreConnection } from './store.ts'

/** Questions that one program asks at the same time; more wait here, where they cost nothing. */
const readsAtOnce = 8

/** Nothing has come for so long: the server or the way to it is gone. Statements under way end on the server. */
const timeoutMs = {
  /** Beside what a question may take by its own limit. */
  readMargin: 15_000,
  insert: 120_000,
  /** Verdicts of many journeys, removals, ALTERs. */
  command: 600_000,
} as const

export type ServerLimits = ReadLimits & Partial<Pick<Limits, 'querySecondsMax'>>

/**
 * ClickHouse on a server, its database there and its tables up to date.
 * @throws {ConfigError} a setting is to be mended: its message is one line that says which
 * @throws {StoreUnavailable} nothing answers, or not now: try again later
 */
export async function openServer(settings: ServerSettings, limits: ServerLimits = {}): Promise<Stores> {
  await prepareDatabase(settings)
  return connectServer(settings, limits)
}

/**
 * The same without a look at the server: for a program that must start while it is away. Tables are made by
 * `prepareDatabase`, of whichever program comes first.
 */
export function connectServer(settings: ServerSettings, limits: ServerLimits = {}): Stores {
  const readMs = (limits.querySecondsMax ?? 30) * 1_000 + timeoutMs.readMargin
  const clients = {
    reads: serverClient(settings, {
      timeoutMs: readMs,
      connections: readsAtOnce,
      settings: asSettings(readSettings(limits)),
    }),
    commands: serverClient(settings, { timeoutMs: timeoutMs.command, connections: 2 }),
    // Compressed, which forms of a statement must not be: the server reads those as they come.
    rows: serverClient(settings, { timeoutMs: timeoutMs.insert, connections: 2, compressed: true }),
  }
  const lane = (asks: ClickHouseClient, size: number) =>
    createStore(Array.from({ length: size }, () => serverConnection({ asks, rows: clients.rows })))
  const lanes = {
    writes: lane(clients.commands, 1),
    sealing: lane(clients.commands, 1),
    reads: lane(clients.reads, readsAtOnce),
  }
  return {
    ...lanes,
    close: async () => {
      for (const client of Object.values(clients)) await client.close()
    },
  }
}

interface ClientOptions {
  readonly timeoutMs: number
  readonly connections: number
  readonly settings?: ClickHouseSettings
  readonly compressed?: boolean
}

/** Every statement of it waits for its end on the server, so that an exception is one by its status. */
export function serverClient(
  { url, database, user, password }: ServerSettings,
  { timeoutMs, connections, settings = {}, compressed = false }: ClientOptions,
): ClickHouseClient {
  return createClient({
    url: url.origin,
    pathname: url.pathname === '/' ? '' : url.pathname,
    database,
    username: user,
    password,
    application: 'waymark',
    request_timeout: timeoutMs,
    max_open_connections: connections,
    // Answers are text that shrinks to a tenth; rows to a third, at a speed that no network reaches.
    compression: { response: true, request: compressed ? { codec: 'gzip', level: 1 } : false },
    // A server closes an idle connection (after 10 s, before 23.11 after 3 s), and what is sent on it just then is
    // lost: it must be gone from here before.
    keep_alive: { enabled: true, idle_socket_ttl: 2_500, eagerly_destroy_stale_sockets: true },
    clickhouse_settings: {
      ...asSettings(statementSettings),
      ...settings,
      // Otherwise the client takes what comes after a 200 for success: it reads no exception behind the answer to
      // an INSERT, and of a result that broke off it may give what there was.
      wait_end_of_query: 1,
    },
    // Every error is thrown, and told by who catches it.
    log: { level: ClickHouseLogLevel.OFF },
  })
}

/** Settings as the client has their types: a mixture of numbers, texts and 0 or 1. */
function asSettings(settings: Readonly<Record<string, number>>): ClickHouseSettings {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]))
}

interface Clients {
  readonly asks: ClickHouseClient
  readonly rows: ClickHouseClient
}

function serverConnection({ asks, rows }: Clients): StoreConnection {
  return {
    select: (query, params, signal) =>
      again(2, signal, () => select(asks, { query, params, ...(signal && { signal }) })),
    // Once only. An INSERT … SELECT that was lost may have been done, and done again it would say later things under
    // an older revision (processor/facts-writer.ts) or count a layer twice (processor/sealing/layers.ts).
    command: async (query, params) => {
      const { body, urlParams, headers } = httpStatement(query, params)
      await asks.command({
        query: body,
        ...(urlParams && { query_params: urlParams }),
        ...(headers && { http_headers: headers }),
      })
    },
    // Twice is harmless: copies of a row merge in every table that is a TableName, and are read as one.
    insert: (table, columns, { format, bytes }) =>
      again(1, undefined, async () => {
        // The client's own `insert` would make JSON of JSON.
        const query = `INSERT INTO ${table} (${columns.join(', ')}) FORMAT ${format}`
        const { stream } = await rows.exec({ query, values: Readable.from([bytes], { objectMode: false }) })
        await wholeText(stream)
      }),
    // Tables fsync what is inserted, and a server the names of parts too (infra/clickhouse/migrations.ts).
    written: () => Promise.resolve(),
  }
}

/** Read-only, so that the server stops it when this end goes away. */
const readOnly: ClickHouseSettings = { readonly: '2', cancel_http_readonly_queries_on_client_close: 1 }

async function select(
  client: ClickHouseClient,
  { query, params, signal }: { query: string; params: Record<string, SqlValue>; signal?: AbortSignal },
): Promise<unknown[]> {
  const { body, urlParams, headers } = httpStatement(query, params)
  const { stream } = await client.exec({
    query: body,
    ...(urlParams && { query_params: urlParams }),
    ...(headers && { http_headers: headers }),
    ...(signal && { abort_signal: signal }),
    clickhouse_settings: { ...readOnly, default_format: 'JSONEachRow' },
  })
  const answer = await wholeText(stream)
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

const againMs = 50

/**
 * Work that may be done twice, once more when its connection broke: the server closed one that was idle, or was
 * started anew. Not when it took too long, which it would again, and not when nothing listens: callers wait longer.
 */
async function again<Result>(
  times: number,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let left = times; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (left === 0 || signal?.aborted || !isBroken(error)) throw error
      await wait(againMs * (times - left + 1))
    }
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}
