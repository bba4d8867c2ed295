import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { param, raw, sql } from '../../domain/sql.ts'
import { openAnnotations } from '../../infra/annotations.ts'
import { openErasures } from '../../infra/clickhouse/erasures.ts'
import { openServer } from '../../infra/clickhouse/server.ts'
import { openRegistry } from '../../infra/registry.ts'
import { annotationsContract } from '../contract/annotations.ts'
import { erasuresContract } from '../contract/erasures.ts'
import { adminKey, registryContract } from '../contract/registry.ts'
import { contractLimits, storeContract } from '../contract/store.ts'
import { startFrontChild, type FrontChild } from '../support/chdb-http-front/child.ts'

/** Every suite of what is kept in ClickHouse, over HTTP, with the engine in another process. */

let front: FrontChild
let stores: Stores

beforeAll(async () => {
  front = await startFrontChild({ users: [{ name: 'waymark', password: "it's: päss" }] })
  stores = await openServer(
    { url: new URL(front.url), database: 'contracts', user: 'waymark', password: "it's: päss" },
    contractLimits,
  )
})
afterAll(async () => {
  await stores.close()
  await front.close()
})

storeContract('ClickHouse server', () => stores)

describe('over HTTP', () => {
  it('stops on the server what its caller no longer waits for', async () => {
    const stop = new AbortController()
    const never = sql`SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = ${param('UInt64', 4711)}`
    const asked = stores.reads.select(never, { signal: stop.signal }).catch((error: unknown) => error)
    const [running] = [
      sql`SELECT 1 FROM system.processes WHERE query LIKE ${param('String', '%sipHash64(number) =%')} AND query NOT LIKE '%LIKE%'`,
    ]
    await expect.poll(() => stores.writes.select(running), { interval: 20 }).toHaveLength(1)
    stop.abort()
    await asked
    const ended = async () => (await front.state()).statements.some((text) => text.includes('sipHash64(number) = {p0'))
    await expect.poll(ended, { interval: 20, timeout: 20_000 }).toBe(true)
  })

  it('gives no part of an answer that an exception breaks off', async () => {
    const breaks = sql`SELECT number, throwIf(number = 150000) FROM numbers(200000) SETTINGS max_block_size = 1000`
    // On a lane without limits: a megabyte of rows is more than a question of this suite may find.
    await expect(stores.writes.select(breaks)).rejects.toThrow('code 395')
  })

  it('writes nothing where it only asks', async () => {
    await expect(stores.reads.select(raw('CREATE TABLE asked (a UInt8) ENGINE = Memory'))).rejects.toThrow('code 164')
  })
})

describe('what is kept there', () => {
  beforeEach(async () => {
    for (const table of ['definitions', 'keys', 'annotations', 'erasures'])
      await stores.writes.command(raw(`TRUNCATE TABLE ${table}`))
  })
  const adminKeyHash = createHash('sha256').update(adminKey).digest()
  registryContract('registry on a server', ({ clock }) =>
    openRegistry({ stores, clock, random: randomBytes, adminKeyHash }),
  )
  annotationsContract('annotations on a server', ({ clock }) =>
    openAnnotations({ stores, clock, random: (bytes) => randomBytes(bytes) }),
  )
  erasuresContract(
    'erasures on a server',
    () => openErasures(stores),
    () => openErasures(stores),
  )
})
