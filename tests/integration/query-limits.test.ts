import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QueryTooLarge } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { param, sql, type Sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'

const limits = { queryMemoryBytesMax: 64 * 1024 * 1024, queryResultBytesMax: 100_000 }

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory, limits)
})

afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

/** One row of one number, whose making holds so many numbers of eight bytes at once. */
const holding = (numbers: number): Sql =>
  sql`SELECT length(groupArray(number)) AS n FROM numbers(${param('UInt64', numbers)})`

/** One row of one text, which is what the engine counts: its characters, and nine bytes around them. */
const finding = (characters: number): Sql => sql`SELECT repeat('x', ${param('UInt64', characters)}) AS text`

describe('a question', () => {
  it('may take the memory that it is given, and no more', async () => {
    expect(await stores.reads.select(holding(1_000_000))).toEqual([{ n: '1000000' }])
    await expect(stores.reads.select(holding(100_000_000))).rejects.toBeInstanceOf(QueryTooLarge)
    // The process lives on, and so does the connection.
    for (let again = 0; again < 5; again += 1) expect(await stores.reads.select(holding(1000))).toEqual([{ n: '1000' }])
  })

  it('may find so many bytes, and not one more', async () => {
    let [fits, tooMany] = [0, limits.queryResultBytesMax]
    while (tooMany - fits > 1) {
      const middle = Math.floor((fits + tooMany) / 2)
      const found = await stores.reads.select(finding(middle)).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(QueryTooLarge)
          return false
        },
      )
      if (found) fits = middle
      else tooMany = middle
    }
    expect(fits).toBeGreaterThan(limits.queryResultBytesMax * 0.99)
    expect(fits).toBeLessThan(limits.queryResultBytesMax)
  })

  it('is limited apart from the work of the process itself', async () => {
    expect(await stores.writes.select(finding(limits.queryResultBytesMax * 2))).toHaveLength(1)
    expect(await stores.sealing.select(holding(20_000_000))).toEqual([{ n: '20000000' }])
  })
})
