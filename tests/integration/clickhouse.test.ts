import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QueryTooLarge, StoreRefused } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { param, raw, sql } from '../../domain/sql.ts'
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
