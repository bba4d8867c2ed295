import { createClient, ClickHouseLogLevel, type ClickHouseClient } from '@clickhouse/client'
import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFrontChild, type FrontChild } from '../support/chdb-http-front/child.ts'

/** The front speaks as a server does, as far as the client can tell; README.md beside it says from where that is known. */

let front: FrontChild
let client: ClickHouseClient
const closing: (() => Promise<void>)[] = []

const clientOf = (options: Parameters<typeof createClient>[0] = {}): ClickHouseClient => {
  const made = createClient({ url: front.url, log: { level: ClickHouseLogLevel.OFF }, ...options })
  closing.push(() => made.close())
  return made
}

beforeAll(async () => {
  front = await startFrontChild({
    users: [
      { name: 'default', password: '' },
      { name: 'app', password: 'sesame' },
      { name: 'looker', password: '', readonly: 1 },
      { name: 'reader', password: '', readonly: 2 },
      { name: 'guest', password: '', denied: 'CREATE DATABASE' },
    ],
  })
  client = clientOf()
  await client.command({ query: 'CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
})
afterAll(async () => {
  for (const close of closing) await close()
  await front.close()
})

const rows = async <Row>(query: string, more: object = {}, by = client): Promise<Row[]> =>
  (await by.query({ query, format: 'JSONEachRow', ...more })).json<Row>()
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  )

describe('statements', () => {
  it('are answered in the format asked for, in the body or in the URL', async () => {
    expect(await rows('SELECT 1 AS a, 2 AS b')).toEqual([{ a: 1, b: 2 }])
    const inUrl = await fetch(`${front.url}/?query=${encodeURIComponent('SELECT 1, 2')}`)
    expect(await inUrl.text()).toBe('1\t2\n')
    expect(inUrl.headers.get('x-clickhouse-query-id')).toMatch(/^[0-9a-f-]{36}$/)
    const both = await fetch(`${front.url}/?query=${encodeURIComponent('SELECT')}&default_format=CSV`, {
      method: 'POST',
      body: "1, 'x'",
    })
    expect(await both.text()).toBe('1,"x"\n')
    expect(await (await fetch(`${front.url}/ping`)).text()).toBe('Ok.\n')
    expect((await client.ping()).success && (await client.ping({ select: true })).success).toBe(true)
  })

  it('bind values, in the URL and in a form', async () => {
    const odd = ["it's", '\t\n\\', 'ü{p:String}', '\0']
    const ask = { query_params: { odd, one: odd[1], n: 7 } }
    const query = 'SELECT {odd:Array(String)} AS odd, {one:String} AS one, {n:UInt8} AS n'
    const expected = [{ odd, one: odd[1], n: 7 }]
    expect(await rows(query, ask)).toEqual(expected)
    expect(await rows(query, { ...ask, use_multipart_params: true })).toEqual(expected)
    expect(await codeOf(rows('SELECT {gone:String}'))).toBe('456')
    // Of the request before, nothing is left.
    expect(await codeOf(rows('SELECT {n:UInt8}'))).toBe('456')
  })

  it('have settings of their own, and none of the request before', async () => {
    const setting = "SELECT getSetting('max_threads') AS n"
    const [usual] = await rows<{ n: number }>(setting)
    expect(await rows(setting, { clickhouse_settings: { max_threads: 1 } })).toEqual([{ n: 1 }])
    expect(await rows(setting)).toEqual([usual])
    expect(await codeOf(rows(setting, { clickhouse_settings: { no_such_setting: 1 } }))).toBe('115')
    expect(await rows(setting)).toEqual([usual])
    expect(await codeOf(rows('SELECT number FROM numbers(9)', { clickhouse_settings: { max_result_rows: '3' } }))).toBe(
      '396',
    )
  })

  it('have a database of their own', async () => {
    await client.command({ query: 'CREATE DATABASE IF NOT EXISTS other' })
    const other = clientOf({ database: 'other' })
    expect(await rows('SELECT currentDatabase() AS d', {}, other)).toEqual([{ d: 'other' }])
    expect(await rows('SELECT currentDatabase() AS d')).toEqual([{ d: 'default' }])
    expect(await codeOf(rows('SELECT 1', {}, clientOf({ database: 'nowhere' })))).toBe('81')
  })

  it('are one a request, of no session, under an id that no other has', async () => {
    expect(await codeOf(client.command({ query: "SELECT ';' /* ; */; SELECT 2" }))).toBe('62')
    await client.command({ query: "SELECT ';' -- ;\n;" })
    expect(await codeOf(rows('SELECT 1', { session_id: 'mine' }))).toBe('344')
    const query_id = randomUUID()
    const long = codeOf(rows('SELECT sleep(1)', { query_id }))
    await expect.poll(async () => codeOf(rows('SELECT 1', { query_id })), { interval: 20 }).toBe('216')
    await long
  })

  it('end when the client of a read goes', async () => {
    const stop = new AbortController()
    const settings = { readonly: '2', cancel_http_readonly_queries_on_client_close: 1, wait_end_of_query: 1 } as const
    const query = 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 77'
    const asked = codeOf(rows(query, { abort_signal: stop.signal, clickhouse_settings: settings }))
    const running = async () =>
      rows(`SELECT 1 FROM system.processes WHERE query LIKE '%= 77%' AND query NOT LIKE '%LIKE%'`)
    await expect.poll(running, { interval: 20 }).toHaveLength(1)
    stop.abort()
    await asked
    // The engine in process may list it until its connection has another, so who ran it is asked.
    const ended = async () => (await front.state()).statements.some((text) => text.includes('= 77'))
    await expect.poll(ended, { interval: 20, timeout: 20_000 }).toBe(true)
  })
})

describe('rows that come in', () => {
  it('are stored, as a stream, compressed, with a summary', async () => {
    const packing = clientOf({ compression: { request: true, response: true } })
    const values = Readable.from(['1\ta\n', '2\tb\n3', '\tc\n'], { objectMode: false })
    const { summary } = await packing.insert({ table: 't', columns: ['a', 'b'], values, format: 'TabSeparated' })
    expect(summary).toMatchObject({ written_rows: '3' })
    expect(await rows('SELECT a, b FROM t ORDER BY a', {}, packing)).toEqual([
      { a: 1, b: 'a' },
      { a: 2, b: 'b' },
      { a: 3, b: 'c' },
    ])
  })

  it('are all refused for one that does not parse', async () => {
    const before = await rows('SELECT count() AS n FROM t')
    const values = Readable.from(['8\tx\nx\ty\n'], { objectMode: false })
    expect(await codeOf(client.insert({ table: 't', values, format: 'TabSeparated' }))).toBe('27')
    expect(await rows('SELECT count() AS n FROM t')).toEqual(before)
  })

  it('are not stored when the connection goes before the end', async () => {
    const before = await rows('SELECT count() AS n FROM t')
    const insert = `${front.url}/?query=${encodeURIComponent('INSERT INTO t FORMAT TabSeparated')}`
    await new Promise<void>((resolve) => {
      const sending = httpRequest(insert, { method: 'POST' })
      sending.on('error', () => resolve())
      sending.write('9\tz\n', () => sending.destroy(new Error('gone')))
    })
    expect(await rows('SELECT count() AS n FROM t')).toEqual(before)
  })
})

describe('exceptions', () => {
  it('have a code, a header and a status', async () => {
    const failed = async (query: string, more = '') => {
      const response = await fetch(`${front.url}/?${more}`, { method: 'POST', body: query })
      return [response.status, response.headers.get('x-clickhouse-exception-code'), (await response.text()).slice(0, 9)]
    }
    expect(await failed('SELEC 1')).toEqual([400, '62', 'Code: 62.'])
    expect(await failed('SELECT * FROM nothing')).toEqual([404, '60', 'Code: 60.'])
    expect(await failed('SELECT throwIf(1)')).toEqual([500, '395', 'Code: 395'])
    expect(await failed('SELECT sleep(3)', 'max_execution_time=0.2&wait_end_of_query=1')).toEqual([
      408,
      '159',
      'Code: 159',
    ])
    expect(await failed('SELECT 1', 'database=nowhere')).toEqual([404, '81', 'Code: 81.'])
  })

  it('come at the end of a result that had begun, or in its place for who waits for the end', async () => {
    const query = 'SELECT number, throwIf(number = 150000) AS x FROM numbers(200000)'
    const settings = { max_block_size: '1000' } as const
    for (const by of [client, clientOf({ compression: { response: true } })]) {
      const result = await by.query({ query, format: 'JSONEachRow', clickhouse_settings: settings })
      expect(result.response_headers['x-clickhouse-exception-tag']).toBeDefined()
      // The client finds the code only when the end of the result comes in one piece.
      expect(await codeOf(result.json())).toMatch(/^395$|there was an error in the stream/)
      const waiting = by.query({
        query,
        format: 'JSONEachRow',
        clickhouse_settings: { ...settings, wait_end_of_query: 1 },
      })
      expect(await codeOf(waiting)).toBe('395')
    }
  })

  it('say of too long a field what a server says', async () => {
    const long = 'x'.repeat(131_073)
    const response = await fetch(`${front.url}/?param_p=${long}&query=SELECT+{p:String}`)
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('Field value too long')])
    expect(await codeOf(rows('SELECT {p:String}', { query_params: { p: long }, use_multipart_params: true }))).toBe(
      '1000',
    )
  })

  it('find no form in compressed bytes', async () => {
    const form = '--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT 1\r\n--b--\r\n'
    const headers = { 'Content-Type': 'multipart/form-data; boundary=b' }
    expect(await (await fetch(front.url, { method: 'POST', headers, body: form })).text()).toBe('1\n')
    const packed = { ...headers, 'Content-Encoding': 'gzip' }
    expect((await fetch(front.url, { method: 'POST', headers: packed, body: gzipSync(form) })).status).toBe(500)
  })
})

describe('users', () => {
  it('are known by password, in a header of the interface or of HTTP', async () => {
    expect(await codeOf(rows('SELECT 1', {}, clientOf({ username: 'app', password: 'sesame' })))).toBe('done')
    expect(await codeOf(rows('SELECT 1', {}, clientOf({ username: 'app', password: 'x' })))).toBe('516')
    const headers = { 'X-ClickHouse-User': 'app', 'X-ClickHouse-Key': 'sesame' }
    expect((await fetch(`${front.url}/?query=SELECT+1`, { headers })).status).toBe(200)
    const refused = await fetch(`${front.url}/?query=SELECT+1`, { headers: { ...headers, 'X-ClickHouse-Key': '' } })
    expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([403, '516'])
  })

  it('may do what they may', async () => {
    const create = (username: string) => codeOf(clientOf({ username }).command({ query: 'CREATE DATABASE d' }))
    expect(await create('looker')).toBe('164')
    expect(await create('reader')).toBe('164')
    expect(await create('guest')).toBe('497')
    const set = { clickhouse_settings: { max_threads: 1 } }
    expect(await codeOf(rows('SELECT 1', set, clientOf({ username: 'looker' })))).toBe('164')
    expect(await codeOf(rows('SELECT 1', set, clientOf({ username: 'reader' })))).toBe('done')
    expect(await codeOf(client.command({ query: 'CREATE DATABASE d', clickhouse_settings: { readonly: '2' } }))).toBe(
      '164',
    )
    expect((await fetch(`${front.url}/?query=CREATE+DATABASE+d`)).status).toBe(500)
  })
})

describe('faults', () => {
  const insert = (a: number) => codeOf(client.insert({ table: 't', values: [{ a, b: '' }], format: 'JSONEachRow' }))
  const stored = async (a: number) => (await rows(`SELECT 1 FROM t WHERE a = ${a}`)).length

  it('are done to the requests that match, so often', async () => {
    await front.fault(
      { kind: 'answer-lost', statement: '^INSERT' },
      { kind: 'upload-cut', statement: '^INSERT' },
      { kind: 'reset-before', statement: '^INSERT' },
      { kind: 'refuse', code: 252, type: 'TOO_MANY_PARTS', statement: '^INSERT' },
    )
    expect([await insert(101), await stored(101)]).toEqual(['ECONNRESET', 1])
    expect([await insert(102), await stored(102)]).toEqual(['ECONNRESET', 0])
    expect([await insert(103), await stored(103)]).toEqual(['ECONNRESET', 0])
    expect([await insert(104), await stored(104)]).toEqual(['252', 0])
    expect([await insert(105), await stored(105)]).toEqual(['done', 1])
    expect((await front.state()).done).toHaveLength(4)
  })

  it('cut an answer, and close the port for a while', async () => {
    await front.fault({ kind: 'answer-cut' }, { kind: 'proxy', status: 502 })
    expect(await codeOf(rows('SELECT number FROM numbers(100)'))).toBe('ECONNRESET')
    expect(await codeOf(rows('SELECT 1'))).toContain('upstream')
    await front.away()
    expect(await codeOf(rows('SELECT 1'))).toBe('ECONNREFUSED')
    await front.back()
    expect(await codeOf(rows('SELECT 1'))).toBe('done')
  })
})

it('keeps connections alive, and says for how long', async () => {
  const agentless = await fetch(`${front.url}/ping`)
  expect(agentless.headers.get('keep-alive')).toBe('timeout=10')
  await text(Readable.from([await agentless.text()]))
})
