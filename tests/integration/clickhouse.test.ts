import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QueryTooLarge, StoreRefused } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { join, param, raw, sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { migrate } from '../../infra/clickhouse/migrate.ts'
import { trailContent } from '../../domain/trail-content.ts'
import { storedEvent } from '../support/trails.ts'

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(path(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})

afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

describe('the store', () => {
  it('binds values, and gives 64-bit numbers without loss', async () => {
    const rows = await stores.reads.select<{ text: string; number: string; list: string[] }>(
      sql`SELECT ${param('String', "it's {a:b} \\ ünï")} AS text, ${param('UInt64', 18446744073709551615n)} AS number, ${param('Array(String)', ["a'b", 'c,d'])} AS list`,
    )
    expect(rows).toEqual([{ text: "it's {a:b} \\ ünï", number: '18446744073709551615', list: ["a'b", 'c,d'] }])
  })

  it('runs more statements at once than it has connections', async () => {
    const rows = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        stores.reads.select<{ n: number }>(sql`SELECT toUInt32(${param('UInt32', index)}) AS n`),
      ),
    )
    expect(rows.map(([row]) => row?.n)).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  it('binds the odd characters that a text can hold, alone and in lists', async () => {
    const odd = [
      '',
      "'",
      '\\',
      '\t\n\r\b\f',
      '\0',
      '\\n',
      '{p0:String}',
      '; SELECT 1',
      '\u{1F600}',
      '\\N',
      'NULL',
      '[',
      "\\'",
    ]
    const rows = await stores.reads.select(
      sql`SELECT ${param('Array(String)', odd)} AS list, [${join(
        odd.map((text) => param('String', text)),
        ', ',
      )}] AS alone, ${param('Array(Array(String))', [odd, []])} AS nested, ${param('Array(Int64)', [-1, 2n ** 60n])} AS whole, ${param('Bool', true)} AS flag`,
    )
    expect(rows).toEqual([
      { list: odd, alone: odd, nested: [odd, []], whole: ['-1', '1152921504606846976'], flag: true },
    ])
  })

  it('inserts the same odd characters, in plain rows and in rows with lists', async () => {
    const odd = ['\t', '\n', '\\', "'", '"', '\0', '\\N', 'ünï', '\u{1F600}', '']
    await stores.writes.insert(
      'definitions',
      ['service', 'revision', 'version', 'definition'],
      odd.map((text, index) => [text, index, 0, text]),
    )
    const rows = await stores.reads.select(sql`SELECT service, definition FROM definitions ORDER BY revision`)
    expect(rows).toEqual(odd.map((text) => ({ service: text, definition: text })))
    await expect(
      stores.writes.insert('definitions', ['service', 'revision'], [['a', 'no number']]),
    ).rejects.toBeInstanceOf(StoreRefused)
  })

  it('answers a short question while a long one runs, both with bound values', async () => {
    const order: string[] = []
    const long = stores.reads
      .select(sql`SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = ${param('UInt64', 1)}`, {
        secondsMax: 2,
      })
      .catch(() => order.push('long'))
    await stores.writes.select(sql`SELECT ${param('UInt8', 1)}`)
    order.push('short')
    await long
    expect(order).toEqual(['short', 'long'])
  })

  it('merges copies of an event: earliest time, greatest attention, smallest content', async () => {
    const columns = ['service', 'journey', 'identity', 'at', 'engagedMs', 'content']
    const content = (step: string, seq: number) => trailContent(storedEvent({ step, seq }))
    await stores.writes.insert('trail', columns, [['s', '18446744073709551615', 7, 2000, 5, content('b', 1)]])
    await stores.writes.insert('trail', columns, [['s', '18446744073709551615', 7, 1000, 3, content('b', 2)]])
    const rows = await stores.reads.select(sql`SELECT journey, at, engagedMs, step, seq FROM trail FINAL`)
    expect(rows).toEqual([{ journey: '18446744073709551615', at: '1000', engagedMs: 5, step: 'b', seq: 1 }])
  })

  it('tells a refused statement from a query that is too large', async () => {
    await expect(stores.reads.select(sql`SELECT nothing FROM nowhere`)).rejects.toBeInstanceOf(StoreRefused)
    await expect(
      stores.reads.select(sql`SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1`, {
        secondsMax: 1,
      }),
    ).rejects.toBeInstanceOf(QueryTooLarge)
  })

  it('refuses data whose migrations read differently, and runs twice without harm', async () => {
    await migrate(stores.writes)
    const changed = [{ name: '001-trail', statement: 'SELECT 1' }]
    await expect(migrate(stores.writes, changed)).rejects.toThrow('another form')
    await expect(stores.writes.command(raw('SELECT 1'))).resolves.toBeUndefined()
  })
})
