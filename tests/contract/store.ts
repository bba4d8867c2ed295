import { describe, expect, it } from 'vitest'
import { QueryTooLarge, StoreRefused } from '../../domain/errors.ts'
import type { Stores, TableName } from '../../domain/ports/store.ts'
import { join, param, raw, sql } from '../../domain/sql.ts'
import { trailContent } from '../../domain/trail-content.ts'
import { storedEvent } from '../support/trails.ts'

/** Of the stores that the suite is given; a question may take no more than this. */
export const contractLimits = { queryMemoryBytesMax: 200_000_000, queryResultBytesMax: 1_000_000 }

/** What every store does, whichever ClickHouse is behind it. `stores` were opened with `contractLimits`. */
export function storeContract(name: string, stores: () => Stores): void {
  describe(`${name}: a store`, () => {
    it('binds values, and gives 64-bit numbers without loss', async () => {
      const rows = await stores().reads.select<{ text: string; number: string; list: string[] }>(
        sql`SELECT ${param('String', "it's {a:b} \\ ünï")} AS text, ${param('UInt64', 18446744073709551615n)} AS number, ${param('Array(String)', ["a'b", 'c,d'])} AS list`,
      )
      expect(rows).toEqual([{ text: "it's {a:b} \\ ünï", number: '18446744073709551615', list: ["a'b", 'c,d'] }])
    })

    it('runs more statements at once than it has connections', async () => {
      const rows = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          stores().reads.select<{ n: number }>(sql`SELECT toUInt32(${param('UInt32', index)}) AS n`),
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
      const rows = await stores().reads.select(
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
      await stores().writes.insert(
        'definitions',
        ['service', 'revision', 'version', 'definition'],
        odd.map((text, index) => [text, index, 0, text]),
      )
      const rows = await stores().reads.select(sql`SELECT service, definition FROM definitions ORDER BY revision`)
      expect(rows).toEqual(odd.map((text) => ({ service: text, definition: text })))
      await expect(
        stores().writes.insert('definitions', ['service', 'revision'], [['a', 'no number']]),
      ).rejects.toBeInstanceOf(StoreRefused)
    })

    it('answers a short question while a long one runs, both with bound values', async () => {
      const order: string[] = []
      const long = stores()
        .reads.select(sql`SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = ${param('UInt64', 1)}`, {
          secondsMax: 2,
        })
        .catch(() => order.push('long'))
      await stores().writes.select(sql`SELECT ${param('UInt8', 1)}`)
      order.push('short')
      await long
      expect(order).toEqual(['short', 'long'])
    })

    it('merges copies of an event: earliest time, greatest attention, smallest content', async () => {
      const columns = ['service', 'journey', 'identity', 'at', 'engagedMs', 'content']
      const content = (step: string, seq: number) => trailContent(storedEvent({ step, seq }))
      await stores().writes.insert('trail', columns, [['s', '18446744073709551615', 7, 2000, 5, content('b', 1)]])
      await stores().writes.insert('trail', columns, [['s', '18446744073709551615', 7, 1000, 3, content('b', 2)]])
      const rows = await stores().reads.select(sql`SELECT journey, at, engagedMs, step, seq FROM trail FINAL`)
      expect(rows).toEqual([{ journey: '18446744073709551615', at: '1000', engagedMs: 5, step: 'b', seq: 1 }])
    })

    it('tells a refused statement from a query that is too large', async () => {
      await expect(stores().reads.select(sql`SELECT nothing FROM nowhere`)).rejects.toBeInstanceOf(StoreRefused)
      await expect(
        stores().reads.select(sql`SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1`, {
          secondsMax: 1,
        }),
      ).rejects.toBeInstanceOf(QueryTooLarge)
    })

    it('binds lists of any length, as keys too', async () => {
      const journeys = Array.from({ length: 40_000 }, (_, index) => 2n ** 63n + BigInt(index))
      const texts = journeys.map((_, index) => `ünï 'quoted' \\ ${index}\n`)
      const rows = await stores().reads.select(sql`
        SELECT length(${param('Array(UInt64)', journeys)}) AS n, has(${param('Array(UInt64)', journeys)}, ${param('UInt64', 2n ** 63n + 39_999n)}) AS last,
          length(${param('Array(String)', texts)}) AS m, has(${param('Array(String)', texts)}, ${param('String', texts[20_001] ?? '')}) AS text`)
      expect(rows).toEqual([{ n: '40000', last: 1, m: '40000', text: 1 }])
      const nested = journeys.map((journey) => [journey, 1n])
      await stores().writes.command(sql`INSERT INTO trail (service, journey, identity, at, engagedMs, content)
        SELECT 'long', arrayJoin(arrayMap(pair -> pair[1], ${param('Array(Array(UInt64))', nested)})), 1, 1, 0, '7a'`)
      const explained = await stores().reads.select<{ explain: string }>(sql`EXPLAIN indexes = 1
        SELECT count() FROM trail WHERE service = 'long' AND journey IN ${param('Array(UInt64)', journeys.slice(0, 9_000))}`)
      expect(explained.map(({ explain }) => explain).join('\n')).toContain('9000-element set')
      const [found] = await stores().reads.select<{ n: string }>(
        sql`SELECT count() AS n FROM trail WHERE journey IN ${param('Array(UInt64)', journeys)}`,
      )
      expect(found?.n).toBe('40000')
    })

    it('takes a statement that is longer than most', async () => {
      const list = Array.from({ length: 2_000 }, (_, index) => index)
      const names = join(
        list.map((index) => sql`${raw(`'${'é'.repeat(100)}'`)} AS c${raw(String(index))}`),
        ', ',
      )
      const [row] = await stores().reads.select<Record<string, string>>(
        sql`SELECT ${names}, length(${param('Array(UInt16)', list)}) AS n`,
      )
      expect([row?.['n'], row?.['c1999'], Object.keys(row ?? {}).length]).toEqual(['2000', 'é'.repeat(100), 2_001])
    })

    it('refuses a question that needs too much memory, gives too much, or takes too long', async () => {
      const asked = [
        sql`SELECT length(groupArray(number)) FROM numbers(${param('UInt64', 100_000_000)})`,
        sql`SELECT repeat(toString(number), 300) AS x FROM numbers(${param('UInt64', 10_000)})`,
      ]
      for (const one of asked) await expect(stores().reads.select(one)).rejects.toBeInstanceOf(QueryTooLarge)
      const slow = sql`INSERT INTO step_names SELECT toString(sipHash64(number)), '', 1 FROM numbers(100000000000) WHERE sipHash64(number) = 1`
      await expect(stores().writes.command(slow, { secondsMax: 1 })).rejects.toBeInstanceOf(QueryTooLarge)
    })

    it('begins nothing for a caller that has gone', async () => {
      const gone = AbortSignal.abort()
      await expect(stores().reads.select(sql`SELECT 1`, { signal: gone })).rejects.toThrow()
      expect(await stores().reads.select(sql`SELECT 1 AS one`)).toEqual([{ one: 1 }])
    })

    it('inserts more rows than one piece, each once', async () => {
      const rows = Array.from({ length: 40_000 }, (_, index) => ['many', String(index), 1, index, 0, '7a'])
      await stores().writes.insert('trail', ['service', 'journey', 'identity', 'at', 'engagedMs', 'content'], rows)
      expect(
        await stores().reads.select(
          sql`SELECT count() AS n, uniqExact(journey) AS journeys, sum(at) AS sum FROM trail WHERE service = 'many'`,
        ),
      ).toEqual([{ n: '40000', journeys: '40000', sum: '799980000' }])
    })

    it.each(Object.keys(sampleRows) as (keyof typeof sampleRows)[])(
      'reads a row of %s that was inserted twice as one',
      async (table) => {
        const { columns, row } = sampleRows[table]
        await stores().writes.insert(table, columns, [row])
        const before = await stores().writes.select(sql`SELECT * FROM ${raw(table)} FINAL ORDER BY ALL`)
        await stores().writes.insert(table, columns, [row])
        await stores().writes.insert(table, columns, [row, row])
        expect(await stores().writes.select(sql`SELECT * FROM ${raw(table)} FINAL ORDER BY ALL`)).toEqual(before)
      },
    )
  })
}

/** Facts are written by INSERT … SELECT alone, which no store repeats. */
const sampleRows: Record<Exclude<TableName, 'facts'>, { columns: readonly string[]; row: readonly unknown[] }> = {
  trail: {
    columns: ['service', 'journey', 'identity', 'at', 'engagedMs', 'content'],
    row: ['twice', '1', '2', 3, 4, '7start'],
  },
  calls: { columns: ['id', 'at', 'what', 'asked', 'answered', 'answer'], row: ['twice', 1, 'erase', '[]', 0, ''] },
  definitions: { columns: ['service', 'revision', 'version', 'definition'], row: ['twice', 1, 1, '{}'] },
  keys: { columns: ['id', 'revision', 'hash', 'key', 'revoked'], row: ['twice', 1, 'h', '{}', 0] },
  step_names: { columns: ['service', 'step', 'lastSeen'], row: ['twice', 'a, b', 3] },
  set_aside: { columns: ['at', 'reason', 'bytes'], row: [1, 'why', 'what'] },
  cohorts: { columns: ['service', 'hour', 'revision', 'version', 'state'], row: ['twice', 1, 2, 1, 'sealed'] },
  annotations: {
    columns: ['service', 'id', 'revision', 'annotation', 'deleted'],
    row: ['twice', 'a', 1, '{}', 0],
  },
  seals: { columns: ['service', 'revision', 'version', 'timeZone', 'layers'], row: ['twice', 1, 1, 'UTC', [1, 2]] },
  erasures: { columns: ['service', 'journey', 'at'], row: ['twice', '9', 1] },
  removals: { columns: ['service', 'what', 'revision'], row: ['twice', 'erased', 1] },
}
