import { param, sql } from '../../domain/sql.ts'
import { buildBase } from './base.ts'
import type { SealingWork } from './sealer.ts'

/** Services that have facts and no seal. */
export interface Newcomers {
  add(services: readonly string[]): void
  /** Gives those their first seal that are due. */
  seal(signal: AbortSignal): Promise<void>
  /** Whether the tallies have the service's journeys; if not, they will soon, however few it has. */
  holds(service: string): boolean
}

export function createNewcomers(work: SealingWork): Newcomers {
  const { store, seals, ownFunnels, pace } = work
  const seen = new Set<string>()
  /** To be sealed however few journeys they have. */
  const wanted = new Set<string>()
  /** Without a funnel there is nothing to count. */
  const countless = new Set<string>()

  return {
    add(services) {
      for (const service of services) if (seals.get(service) === undefined) seen.add(service)
    },

    async seal(signal) {
      for (const service of seen) if (seals.get(service) !== undefined) seen.delete(service)
      if (seen.size === 0) return
      const rows = await store.select<{ service: string; journeys: string }>(sql`
        SELECT service, count() AS journeys FROM facts
        WHERE service IN ${param('Array(String)', [...seen])} GROUP BY service`)
      for (const { service, journeys } of rows) {
        const own = await ownFunnels(service)
        if (own.version === 0) countless.add(service)
        else countless.delete(service)
        const due = Number(journeys) >= pace.journeysMin || wanted.has(service)
        if (own.version === 0) seen.delete(service)
        else if (due && !work.isRebuilding(service) && !signal.aborted) {
          await buildBase(work, service, own, Number(journeys), signal)
          seen.delete(service)
        }
      }
    },

    holds(service) {
      if (seals.get(service) !== undefined || countless.has(service)) return true
      seen.add(service)
      wanted.add(service)
      return false
    },
  }
}
