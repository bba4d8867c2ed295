import { createServiceJourneys } from '../../domain/journey-set.ts'
import type { Erasure, Erasures } from '../../domain/ports/erasures.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { param, raw, sql } from '../../domain/sql.ts'

interface Row {
  readonly service: string
  readonly journey: string
  readonly at: string
}

const columns = ['service', 'journey', 'at'] as const

/** Rows of one read. */
const pageMax = 100_000

/**
 * The erasures over the table of that name, held in memory, 16 to 32 bytes each.
 * @throws {StoreUnavailable}
 */
export async function openErasures(stores: Pick<Stores, 'reads' | 'writes'>): Promise<Erasures> {
  const erasures = createErasures(stores)
  await erasures.refresh()
  return erasures
}

/**
 * The same before anything is read, for a program that must start while ClickHouse is away. Until the first `refresh` it knows of
 * nobody.
 *
 * Reads   erasures: how many rows there are; when they are others than the last time all of the list, in the order of its key.
 */
export function createErasures({ reads, writes }: Pick<Stores, 'reads' | 'writes'>): Erasures {
  const held = createServiceJourneys()
  let known = -1

  const list: Erasures['list'] = async ({ after, limit }) => {
    const behind =
      after === undefined
        ? raw('1')
        : sql`(service > ${param('String', after.service)} OR (service = ${param('String', after.service)}
            AND journey > ${param('UInt64', numberOf(after.journey))}))`
    const rows = await reads.select<Row>(sql`
      SELECT service, journey, min(erasures.at) AS at FROM erasures WHERE ${behind}
      GROUP BY service, journey ORDER BY service, journey LIMIT ${param('UInt32', limit)}`)
    return rows.map(({ service, journey, at }) => ({
      service,
      journey: BigInt(journey).toString(16).padStart(16, '0'),
      at: Number(at),
    }))
  }

  return {
    has: (service, journey) => held.has(service, journey),
    async add(erasures) {
      await writes.insert(
        'erasures',
        columns,
        erasures.map(({ service, journey, at }) => [service, numberOf(journey).toString(), at]),
      )
      for (const { service, journey } of erasures) held.add(service, journey)
    },
    list,
    async refresh() {
      const [row] = await reads.select<{ count: string }>(
        sql`SELECT uniqExact(service, journey) AS count FROM erasures`,
      )
      const count = Number(row?.count ?? 0)
      if (count === known) return
      for (let page = await list({ limit: pageMax }); page.length > 0;) {
        for (const { service, journey } of page) held.add(service, journey)
        page = page.length < pageMax ? [] : await list({ after: page.at(-1), limit: pageMax })
      }
      known = count
    },
    size: () => held.size(),
  }
}

const numberOf = (journey: Erasure['journey']): bigint => BigInt(`0x${journey}`)
