import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { StoreUnavailable } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { param, sql } from '../../domain/sql.ts'
import { migrations } from '../../infra/clickhouse/migrations.ts'
import { prepareDatabase } from '../../infra/clickhouse/server-database.ts'
import { connectServer, openServer } from '../../infra/clickhouse/server.ts'
import type { ClickHouseSettings } from '../../infra/clickhouse/settings.ts'
import { ConfigError } from '../../infra/config-error.ts'
import { startFrontChild, type FrontChild } from '../support/chdb-http-front/child.ts'

/** How a program finds its database on a server, makes it, or says in one line what to do. */

let front: FrontChild

beforeAll(async () => {
  front = await startFrontChild({
    users: [
      { name: 'default', password: 'sesame' },
      { name: 'looker', password: '', readonly: 1 },
      { name: 'reader', password: '', readonly: 2 },
      { name: 'guest', password: '', denied: '^\\s*CREATE DATABASE' },
      { name: 'writer', password: '', denied: '^\\s*(CREATE|ALTER)' },
    ],
  })
})
afterAll(() => front.close())

const at = (database: string, more: Partial<ClickHouseSettings> = {}): ClickHouseSettings => ({
  url: new URL(front.url),
  database,
  user: 'default',
  password: 'sesame',
  ...more,
})

/** Every table as it is, and which steps are recorded, how often. */
async function made(database: string): Promise<{ tables: unknown[]; recorded: unknown[] }> {
  const stores = connectServer(at(database))
  try {
    const tables = await stores.reads.select<{ table: string }>(sql`
      SELECT name, replaceAll(create_table_query, ${param('String', `${database}.`)}, '') AS query
      FROM system.tables WHERE database = currentDatabase() ORDER BY name`)
    const recorded = await stores.reads.select(sql`SELECT name FROM migrations FINAL ORDER BY name`)
    return { tables, recorded }
  } finally {
    await stores.close()
  }
}

const recorded = migrations.map(({ name }) => ({ name })).sort((a, b) => (a.name < b.name ? -1 : 1))

describe('an empty server', () => {
  it('has the tables after the first start, and the same after the next', async () => {
    await prepareDatabase(at('first'))
    const first = await made('first')
    expect(first.recorded).toEqual(recorded)
    const steps = (kind: 'CREATE' | 'DROP') => migrations.filter(({ statement }) => statement.startsWith(kind)).length
    expect(first.tables.length).toBe(steps('CREATE') - steps('DROP') + 1)
    await prepareDatabase(at('first'))
    expect(await made('first')).toEqual(first)
  })

  it('has them once when several programs start at once, ten times over', async () => {
    await prepareDatabase(at('alone'))
    const alone = await made('alone')
    for (let round = 0; round < 10; round++) {
      const database = `round${round}`
      await Promise.all([1, 2].map(() => prepareDatabase(at(database))))
      expect(await made(database), database).toEqual(alone)
    }
  })

  it('has them after a program was cut off at any statement, done or not', async () => {
    await prepareDatabase(at('whole'))
    const whole = await made('whole')
    const steps = ['CREATE DATABASE', 'ADD COLUMN', 'INTO migrations']
    for (const [index, statement] of steps.entries())
      for (const kind of ['reset-before', 'answer-lost'] as const) {
        const database = `cut_${index}_${kind === 'answer-lost' ? 'after' : 'before'}`
        await front.fault({ kind, statement })
        await expect(prepareDatabase(at(database)), database).rejects.toBeInstanceOf(StoreUnavailable)
        // Another may have begun meanwhile.
        await Promise.all([1, 2].map(() => prepareDatabase(at(database))))
        expect(await made(database), database).toEqual(whole)
      }
  })

  it('is found by programs of two installations, each with a database of its own', async () => {
    const [one, other] = await Promise.all([openServer(at('one')), openServer(at('other'))])
    const count = async (stores: Stores) => stores.reads.select(sql`SELECT count() AS n FROM step_names`)
    await one.writes.insert('step_names', ['service', 'step', 'lastSeen'], [['s', 'a', 1]])
    expect([await count(one), await count(other)]).toEqual([[{ n: '1' }], [{ n: '0' }]])
    await Promise.all([one.close(), other.close()])
  })
})

/** The error that stops a start: one line, without the password. */
async function refusal(settings: ClickHouseSettings, steps = migrations): Promise<string> {
  const error: unknown = await prepareDatabase(settings, steps).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  const { message } = error as ConfigError
  expect(message).not.toContain('\n')
  expect(message).not.toContain('sesame')
  return message
}

describe('what stops a start, in one line', () => {
  it('a password that is refused', async () => {
    expect(await refusal(at('x', { password: 'sesame!' }))).toBe(
      `CLICKHOUSE_PASSWORD is refused by "${front.url}/" for user "default": expected that user’s`,
    )
    expect(await refusal(at('x', { user: 'nobody' }))).toContain('for user "nobody"')
  })

  it('a database that is not there and may not be made', async () => {
    expect(await refusal(at('absent', { user: 'guest', password: '' }))).toContain(
      'CLICKHOUSE_DATABASE is "absent": there is none that user "guest" can see, and it may not make one; expected "CREATE DATABASE absent"',
    )
    await prepareDatabase(at('there'))
    await prepareDatabase(at('there', { user: 'guest', password: '' }))
  })

  it('a user who may not write', async () => {
    await prepareDatabase(at('seen'))
    for (const user of ['looker', 'reader', 'writer'])
      expect(await refusal(at('seen', { user, password: '' })), user).toContain(
        `CLICKHOUSE_USER is "${user}", who may not change database "seen": expected one that may write`,
      )
  })

  it('a server that is too old', async () => {
    const old = await startFrontChild({ version: '25.2.9.1' })
    onTestFinished(() => old.close())
    const settings = at('old', { url: new URL(old.url), password: '' })
    expect(await refusal(settings)).toContain('a server of version 25.2.9.1; expected 25.3 or newer')
    expect((await old.state()).statements).toEqual(["SELECT '25.2.9.1' \nFORMAT TabSeparated"])
  })

  it('a database of a newer Waymark, or of another line', async () => {
    await prepareDatabase(at('newer'))
    const before = migrations.slice(0, -1)
    expect(await refusal(at('newer'), before)).toBe(
      `CLICKHOUSE_DATABASE is "newer": a newer Waymark has changed it (${migrations.at(-1)?.name}); expected that version or a newer one, or the backup from before`,
    )
    const other = migrations.map((step, index) => (index === 3 ? { ...step, statement: `${step.statement} ` } : step))
    expect(await refusal(at('newer'), other)).toContain('migration 004-keys was applied in another form')
  })

  it('an address where something else answers', async () => {
    const answers: Record<string, [number, string]> = {
      '/page': [200, '<html>Welcome</html>'],
      '/native': [400, 'Port 9000 is for clickhouse-client program\r\nYou must use port 8123 for HTTP.\r\n'],
    }
    const server = createServer((request, response) => {
      request.resume()
      const [status, body] = answers[(request.url ?? '').split('?')[0] ?? ''] ?? [404, 'no']
      response.writeHead(status).end(body)
    })
    onTestFinished(() => void server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await refusal(at('x', { url: new URL(`${base}/page`) }))).toContain(
      'what answers there is no ClickHouse server',
    )
    expect(await refusal(at('x', { url: new URL(`${base}/native`) }))).toContain(
      'the native port: expected that of HTTP',
    )
    server.closeAllConnections()
  })
})

describe('what may pass by itself', () => {
  it('is told as that: nothing listens, a proxy without its server, a disk that is full', async () => {
    const closed = createServer()
    closed.listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const nobody = prepareDatabase(at('x', { url: new URL(`http://127.0.0.1:${port}`) }))
    await expect(nobody).rejects.toThrow(
      `CLICKHOUSE_URL is "http://127.0.0.1:${port}/": no ClickHouse server answers there now (connect ECONNREFUSED`,
    )
    await expect(nobody).rejects.toBeInstanceOf(StoreUnavailable)
    await front.fault({ kind: 'proxy', status: 502 })
    await expect(prepareDatabase(at('x'))).rejects.toBeInstanceOf(StoreUnavailable)
    await front.fault({ kind: 'refuse', code: 243, type: 'NOT_ENOUGH_SPACE', statement: 'CREATE TABLE' })
    await expect(prepareDatabase(at('x'))).rejects.toBeInstanceOf(StoreUnavailable)
    await prepareDatabase(at('x'))
  })
})
