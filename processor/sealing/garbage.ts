import type { Lease } from '../../domain/ports/lease.ts'
import type { Store } from '../../domain/ports/store.ts'
import { join, param, raw, sql, type Sql } from '../../domain/sql.ts'
import type { Seals } from './seals.ts'

/** What no seal names any more, of one service. */
export interface Retired {
  readonly layers: readonly number[]
  readonly edgeLayers: readonly number[]
  /** Noted against seals before this one. */
  readonly before: number
}

/** Removes layers and notes that nobody can be reading any more. */
export interface Garbage {
  retire(now: number, service: string, retired: Retired): void
  /** Removes what was retired long enough ago, when it is enough to be worth a deletion. */
  collect(now: number): Promise<void>
  /** Removes all that no seal names: at the start, when there are no questions yet. */
  sweep(): Promise<void>
}

/** A deletion rewrites a mask of each part that it meets: not for every seal. */
const retiredMin = 50
const retiredMsMax = 15 * 60_000

export function createGarbage(store: Store, lease: Pick<Lease, 'held'>, seals: Seals, graceMs: number): Garbage {
  const remove = async (table: string, conditions: readonly Sql[]): Promise<void> => {
    if (conditions.length === 0) return
    await store.command(sql`DELETE FROM ${raw(table)} WHERE (${join(conditions, ' OR ')}) AND ${lease.held}`)
  }
  const removeIfAny = async (table: string, condition: Sql): Promise<void> => {
    const [row] = await store.select<{ rows: string }>(
      sql`SELECT count() AS rows FROM ${raw(table)} WHERE ${condition}`,
    )
    if (Number(row?.rows ?? 0) > 0) await remove(table, [condition])
  }
  let waiting: (Retired & { readonly at: number; readonly service: string })[] = []

  return {
    retire(at, service, retired) {
      waiting.push({ at, service, ...retired })
    },

    async collect(now) {
      const ready = waiting.filter(({ at }) => at + graceMs <= now)
      const eldest = ready[0]
      if (eldest === undefined || (ready.length < retiredMin && eldest.at + retiredMsMax > now)) return
      for (const [table, of] of [
        ['rollups', (one: Retired) => one.layers],
        ['edge_journeys', (one: Retired) => one.edgeLayers],
      ] as const)
        await remove(
          table,
          ready
            .filter((one) => of(one).length > 0)
            .map(
              (one) => sql`service = ${param('String', one.service)} AND layer IN ${param('Array(UInt64)', of(one))}`,
            ),
        )
      await remove(
        'unsealed',
        ready
          .filter(({ before }) => before > 0)
          .map(({ service, before }) => {
            // Sealed again meanwhile, it goes with the later one.
            const seal = Math.min(before, seals.get(service)?.seal ?? before)
            return sql`service = ${param('String', service)} AND seal < ${param('UInt64', seal)}`
          }),
      )
      waiting = waiting.filter((one) => !ready.includes(one))
    },

    async sweep() {
      const standing = seals.all()
      const services = param(
        'Array(String)',
        standing.map(({ service }) => service),
      )
      const named = (layers: readonly (readonly number[])[]): Sql =>
        sql`has(${param('Array(Array(UInt64))', layers)}[indexOf(${services}, service)], layer)`
      const layers = standing.map((seal) => seal.layers.map(({ layer }) => layer))
      const edges = standing.map(({ edgeLayers }) => edgeLayers)
      await removeIfAny('rollups', sql`NOT ${named(layers)}`)
      await removeIfAny('edge_journeys', sql`NOT ${named(edges)}`)
      const since = param(
        'Array(UInt64)',
        standing.map(({ seal }) => seal),
      )
      await removeIfAny(
        'unsealed',
        sql`indexOf(${services}, service) = 0 OR seal < ${since}[indexOf(${services}, service)]`,
      )
    },
  }
}
