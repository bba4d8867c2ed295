import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { StoreUnavailable } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { param, sql } from '../../domain/sql.ts'
import { openServer } from '../../infra/clickhouse/server.ts'
import { startFrontChild, type FrontChild } from '../support/chdb-http-front/child.ts'
import type { Fault } from '../support/chdb-http-front/faults.ts'

/** What goes wrong between a program and the server, with the rows counted: acknowledged ⊆ stored ⊆ sent, each once. */

let front: FrontChild
let stores: Stores

beforeAll(async () => {
  front = await startFrontChild()
  stores = await openServer({ url: new URL(front.url), database: 'faults', user: 'default', password: '' })
})
afterAll(async () => {
  await stores.close()
  await front.close()
})
beforeEach(() => front.clear())

const columns = ['service', 'journey', 'identity', 'at', 'engagedMs', 'content']
const batches = 8
const rowsPerBatch = 500
let service = 0

interface Sent {
  readonly service: string
  readonly acknowledged: number[]
  readonly errors: unknown[]
}

/** Batches one after another, each sent again until it is acknowledged, as the processor does. */
async function insertAll(): Promise<Sent> {
  const sent: Sent = { service: `s${++service}`, acknowledged: [], errors: [] }
  for (let batch = 0; batch < batches; batch++) {
    const identities = Array.from({ length: rowsPerBatch }, (_, index) => batch * rowsPerBatch + index)
    const rows = identities.map((identity) => [sent.service, String(identity % 7), String(identity), identity, 0, '7a'])
    for (;;) {
      try {
        await stores.writes.insert('trail', columns, rows)
        break
      } catch (error) {
        sent.errors.push(error)
        if (!(error instanceof StoreUnavailable)) throw error
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    sent.acknowledged.push(...identities)
  }
  return sent
}

async function reconcile(sent: Sent): Promise<void> {
  const stored = await stores.reads.select<{ identity: string; at: string }>(sql`
    SELECT identity, at FROM trail FINAL WHERE service = ${param('String', sent.service)} ORDER BY identity`)
  expect(stored).toEqual(sent.acknowledged.map((identity) => ({ identity: String(identity), at: String(identity) })))
}

const insertsRun = async (): Promise<number> =>
  (await front.state()).statements.filter((text) => text.startsWith('INSERT INTO trail')).length

const inserting = { statement: '^INSERT INTO trail' }

describe('inserts', () => {
  const faults: readonly (readonly [name: string, faults: Fault[], errors: number])[] = [
    ['slow', [{ kind: 'slow', ms: 300, times: 4, ...inserting }], 0],
    // The first of each two is sent again by the adapter, without a word.
    ['reset before it ran', [{ kind: 'reset-before', times: 7, ...inserting }], 3],
    ['reset while rows are sent', [{ kind: 'upload-cut', times: 7, ...inserting }], 3],
    ['done, and the answer lost', [{ kind: 'answer-lost', times: 7, ...inserting }], 3],
    ['done, and the answer cut', [{ kind: 'answer-cut', times: 7, ...inserting }], 3],
    ['refused: disk full', [{ kind: 'refuse', code: 243, type: 'NOT_ENOUGH_SPACE', times: 5, ...inserting }], 5],
    ['refused: too many parts', [{ kind: 'refuse', code: 252, type: 'TOO_MANY_PARTS', times: 5, ...inserting }], 5],
    ['refused: read-only', [{ kind: 'refuse', code: 164, type: 'READONLY', times: 5, ...inserting }], 5],
    [
      'refused: table read-only',
      [{ kind: 'refuse', code: 242, type: 'TABLE_IS_READ_ONLY', times: 5, ...inserting }],
      5,
    ],
    [
      'refused: the password changed',
      [{ kind: 'refuse', code: 516, type: 'AUTHENTICATION_FAILED', times: 5, ...inserting }],
      5,
    ],
    ['a proxy without its server', [{ kind: 'proxy', status: 502, times: 5, ...inserting }], 5],
  ]

  it.each(faults)('%s: nothing lost, nothing twice', async (name, some, errors) => {
    await front.fault(...some)
    const before = await insertsRun()
    const sent = await insertAll()
    expect(sent.errors).toHaveLength(errors)
    for (const error of sent.errors) expect(error).toBeInstanceOf(StoreUnavailable)
    await reconcile(sent)
    // Rows that were stored twice are there, or were merged by now: no answer shows it.
    expect((await insertsRun()) - before).toBe(batches + (/^done/.test(name) ? 7 : 0))
  })

  it('away for a time, in the middle: nothing lost, nothing twice', async () => {
    const inserted = insertAll()
    await front.away()
    await expect(stores.reads.select(sql`SELECT 1`)).rejects.toBeInstanceOf(StoreUnavailable)
    await front.back()
    await reconcile(await inserted)
  })

  it('leaves pieces of a large insert that broke, and completes it when it is sent again', async () => {
    const rows = Array.from({ length: 40_000 }, (_, index) => ['large', '1', String(index), index, 0, '7a'])
    const read = () =>
      stores.reads.select(sql`SELECT uniqExact(identity) AS n, sum(at) AS s FROM trail FINAL WHERE service = 'large'`)
    // The third of its three pieces, twice: the adapter sends it a second time.
    await front.fault({ kind: 'slow', ms: 0, times: 2, ...inserting }, { kind: 'reset-before', times: 2, ...inserting })
    await expect(stores.writes.insert('trail', columns, rows)).rejects.toBeInstanceOf(StoreUnavailable)
    expect(await read()).toEqual([{ n: '32768', s: String((32_768 * 32_767) / 2) }])
    await stores.writes.insert('trail', columns, rows)
    expect(await read()).toEqual([{ n: '40000', s: '799980000' }])
  })
})

describe('reads', () => {
  const asking = { statement: 'AS asked' }
  const ask = () =>
    stores.reads.select<{ asked: string }>(sql`SELECT number AS asked FROM numbers(${param('UInt64', 20_000)})`)
  const whole = Array.from({ length: 20_000 }, (_, index) => ({ asked: String(index) }))

  it.each<[string, Fault[]]>([
    ['reset', [{ kind: 'reset-before', times: 2, ...asking }]],
    ['the answer lost', [{ kind: 'answer-lost', times: 2, ...asking }]],
    ['the answer cut', [{ kind: 'answer-cut', times: 2, ...asking }]],
    ['slow', [{ kind: 'slow', ms: 300, ...asking }]],
  ])('%s: asked again, and answered whole', async (_, faults) => {
    await front.fault(...faults)
    expect(await ask()).toEqual(whole)
  })

  it.each<[string, Fault]>([
    ['reset again and again', { kind: 'reset-before', times: 3, ...asking }],
    ['cut again and again', { kind: 'answer-cut', times: 3, ...asking }],
    ['a proxy without its server', { kind: 'proxy', status: 503, ...asking }],
    ['too many statements', { kind: 'refuse', code: 202, type: 'TOO_MANY_SIMULTANEOUS_QUERIES', ...asking }],
    ['the server stops', { kind: 'refuse', code: 394, type: 'QUERY_WAS_CANCELLED', ...asking }],
  ])('%s: an error that says to come again, and no part of an answer', async (_, fault) => {
    await front.fault(fault)
    await expect(ask()).rejects.toMatchObject({ code: 'store-unavailable', retryAfterSeconds: 5 })
    expect(await ask()).toEqual(whole)
  })
})

describe('statements that compute', () => {
  it('are sent once: done or not is for who sent them to find out', async () => {
    const count = () => stores.reads.select(sql`SELECT count() AS n FROM edge_journeys WHERE layer = 7`)
    const fill = () =>
      stores.sealing.command(
        sql`INSERT INTO edge_journeys (service, layer, journey, sign) SELECT 's', 7, number, 1 FROM numbers(10)`,
      )
    for (const kind of ['answer-lost', 'reset-before'] as const) {
      await front.fault({ kind, statement: 'INTO edge_journeys' })
      await expect(fill()).rejects.toBeInstanceOf(StoreUnavailable)
    }
    // The first was done, the second was not, and none was repeated: a layer written twice would count twice.
    expect(await count()).toEqual([{ n: '10' }])
  })
})

describe('connections that are kept', () => {
  it('and that the server closed meanwhile lose nothing', async () => {
    // A server that keeps idle connections shorter than any client would.
    const hasty = await startFrontChild({ keepAliveMs: 1 })
    const other = await openServer({ url: new URL(hasty.url), database: 'hasty', user: 'default', password: '' })
    try {
      for (let index = 0; index < 24; index++) {
        await other.writes.insert('trail', columns, [['idle', '1', String(index), index, 0, '7a']])
        await new Promise((resolve) => setTimeout(resolve, index % 4))
        await other.reads.select(sql`SELECT 1`)
      }
      const [row] = await other.reads.select<{ n: string }>(sql`SELECT count() AS n FROM trail FINAL`)
      expect(row?.n).toBe('24')
    } finally {
      await other.close()
      await hasty.close()
    }
  })
})
