import type { ClickHouseClient } from '@clickhouse/client'
import type { Check } from '../../domain/check.ts'
import { StoreUnavailable } from '../../domain/errors.ts'
import { ConfigError } from '../config-error.ts'
import { clickHouseCode, storeError } from './errors.ts'
import { appliedMigrations, migrate, MigrationChanged } from './migrate.ts'
import { migrations, type Migration } from './migrations.ts'
import { connectServer, serverClient } from './server.ts'
import type { ClickHouseSettings } from './settings.ts'

/**
 * The oldest server that has every function and setting of the statements: the newest of them,
 * `optimize_and_compare_chain`, came with 25.2, and 25.3 is the long-term release after it. They are tested on 26.7.
 */
export const serverVersionMin = [25, 3] as const

/**
 * Makes the database ready for this version of Waymark. Several programs may do so at once, and any may be killed
 * meanwhile: docs/adr/0010-clickhouse-server-over-http.md says why no lock is needed.
 * @throws {ConfigError} one line: the password is refused, the server is too old or no ClickHouse, the database is missing
 *   and may not be made, it may not be written, or it belongs to a newer Waymark
 * @throws {StoreUnavailable} nothing answers, or not now
 */
export async function prepareDatabase(
  settings: ClickHouseSettings,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  // Of a database that may not exist every statement would be refused.
  const client = serverClient(
    { ...settings, database: 'system' },
    { timeoutMs: 30_000, connections: 1, settings: none },
  )
  try {
    await checkVersion(client, settings)
    await ensureDatabase(client, settings)
  } catch (error) {
    throw startError(error, settings)
  } finally {
    await client.close()
  }
  const stores = connectServer(settings)
  try {
    await refuseNewer(await appliedMigrations(stores.writes), settings, steps)
    await migrate(stores.writes, steps)
  } catch (error) {
    throw startError(error, settings)
  } finally {
    await stores.close()
  }
}

/**
 * Whether a server answers that lets us in, is new enough and has our database. Changes nothing: what is missing is made by
 * the first program that starts.
 */
export async function lookAtServer(settings: ClickHouseSettings): Promise<Check> {
  const name = 'ClickHouse'
  const client = serverClient(
    { ...settings, database: 'system' },
    { timeoutMs: 10_000, connections: 1, settings: none },
  )
  try {
    await checkVersion(client, settings)
    const tables = await textOf(client, `SELECT count() FROM system.tables WHERE database = '${settings.database}'`)
    const detail = `${settings.url.origin} answers, database ${settings.database} has ${tables} tables`
    return { name, state: 'ok', detail: tables === '0' ? `${detail}: they are made at the first start` : detail }
  } catch (error) {
    const said = startError(error, settings)
    return { name, state: 'fail', detail: said.message, action: 'mend this setting, or start the server' }
  } finally {
    await client.close()
  }
}

/** An older server knows not every setting, and refuses a statement with one that it does not know. */
const none = Object.fromEntries(
  ['optimize_and_compare_chain', 'max_expanded_ast_elements', 'input_format_json_named_tuples_as_objects'].map(
    (name) => [name, undefined],
  ),
)

async function textOf(client: ClickHouseClient, query: string): Promise<string> {
  const result = await client.query({ query, format: 'TabSeparated' })
  return (await result.text()).trim()
}

async function checkVersion(client: ClickHouseClient, { url }: ClickHouseSettings): Promise<void> {
  const version = await textOf(client, 'SELECT version()')
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? []
  if (major === undefined || minor === undefined)
    throw new ConfigError(`CLICKHOUSE_URL is ${JSON.stringify(url.href)}: what answers there is no ClickHouse server`)
  const [majorMin, minorMin] = serverVersionMin
  if (Number(major) * 100 + Number(minor) < majorMin * 100 + minorMin)
    throw new ConfigError(
      `CLICKHOUSE_URL is ${JSON.stringify(url.href)}: a server of version ${version}; expected ${majorMin}.${minorMin} or newer`,
    )
}

async function ensureDatabase(client: ClickHouseClient, { database, user }: ClickHouseSettings): Promise<void> {
  // The name is of letters, digits and _ only: infra/clickhouse/settings.ts.
  const found = await textOf(client, `SELECT count() FROM system.databases WHERE name = '${database}'`)
  if (found !== '0') return
  try {
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS \`${database}\`` })
  } catch (error) {
    if (!isForbidden(error)) throw error
    throw new ConfigError(
      `CLICKHOUSE_DATABASE is "${database}": there is none that user "${user}" can see, and it may not make one; expected "CREATE DATABASE ${database}" and "GRANT ALL ON ${database}.* TO ${user}", by an administrator`,
      { cause: error },
    )
  }
}

async function refuseNewer(
  applied: ReadonlyMap<string, string>,
  { database }: ClickHouseSettings,
  steps: readonly Migration[],
): Promise<void> {
  const known = new Set(steps.map(({ name }) => name))
  const newer = [...applied.keys()].filter((name) => !known.has(name))
  if (newer.length > 0)
    throw new ConfigError(
      `CLICKHOUSE_DATABASE is "${database}": a newer Waymark has changed it (${newer.join(', ')}); expected that version or a newer one, or the backup from before`,
    )
}

/** READONLY, ACCESS_DENIED */
const isForbidden = (error: unknown): boolean => ['164', '497'].includes(codeOf(error) ?? '')
/** UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED */
const isRefused = (error: unknown): boolean => ['192', '193', '194', '516'].includes(codeOf(error) ?? '')

function codeOf(error: unknown): string | undefined {
  return clickHouseCode(error) ?? (error instanceof Error ? clickHouseCode(error.cause) : undefined)
}

/** What stops a start, in one line with what to do. */
function startError(error: unknown, { url, user, database }: ClickHouseSettings): Error {
  if (error instanceof ConfigError) return error
  if (error instanceof MigrationChanged)
    return new ConfigError(`CLICKHOUSE_DATABASE is "${database}": ${error.message}; expected one of this version`)
  const address = JSON.stringify(url.href)
  const cause = { cause: error }
  if (isRefused(error))
    return new ConfigError(
      `CLICKHOUSE_PASSWORD is refused by ${address} for user "${user}": expected that user’s`,
      cause,
    )
  if (isForbidden(error))
    return new ConfigError(
      `CLICKHOUSE_USER is "${user}", who may not change database "${database}": expected one that may write, and make tables ("GRANT ALL ON ${database}.* TO ${user}")`,
      cause,
    )
  // What the native port says to HTTP.
  if (error instanceof Error && /You must use port (\d+) for HTTP/.test(error.message))
    return new ConfigError(`CLICKHOUSE_URL is ${address}, the native port: expected that of HTTP, such as 8123`, cause)
  const said = storeError(error)
  if (!(said instanceof StoreUnavailable) || codeOf(error) !== undefined) return said
  const words = error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 200) : ''
  return new StoreUnavailable(`CLICKHOUSE_URL is ${address}: no ClickHouse server answers there now (${words})`, {
    cause: error,
    retryAfterSeconds: 5,
  })
}
