import type { NameLimits, SeenNames } from '../../collector/known-names.ts'
import type { Store } from '../../domain/ports/store.ts'
import { param, sql } from '../../domain/sql.ts'

/**
 * The names and values that are in use, for the collector's start.
 *
 * Reads   step_names, and the dimensions of facts.
 * Cost    one row a name; one column of facts, once a start.
 */
export async function seenNames(store: Store, limits: NameLimits, now: number): Promise<SeenNames> {
  const steps = await store.select<{ service: string; step: string; lastSeen: string }>(sql`
    SELECT service, step, max(lastSeen) AS lastSeen
    FROM step_names
    GROUP BY service, step
    HAVING lastSeen >= ${param('Int64', now - limits.foreignStepUnseenMs)}`)
  const values = await store.select<{ service: string; dimension: string; value: string }>(sql`
    SELECT service, pair.1 AS dimension, pair.2 AS value
    FROM facts
    ARRAY JOIN CAST(dimensions, 'Array(Tuple(String, String))') AS pair
    GROUP BY service, dimension, value
    ORDER BY service, dimension, value
    LIMIT ${param('UInt32', limits.dimensionValuesMax)} BY service, dimension`)
  return { steps: steps.map((row) => ({ ...row, lastSeen: Number(row.lastSeen) })), values }
}
