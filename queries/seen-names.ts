import type { Service } from '../domain/service.ts'
import { param, sql } from '../domain/sql.ts'
import type { QueryContext } from './context.ts'
import type { Subject } from './subject.ts'

/**
 * Names behind hashes of facts.step, from the funnel and from what events of the service were seen with.
 *
 * Reads   step_names of one service.
 * Cost    a row a name.
 */
export async function nameByHash(
  context: QueryContext,
  { service, funnel }: Subject,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const own = param(
    'Array(String)',
    funnel.positions.flatMap(({ names }) => names),
  )
  const rows = await context.reads.select<{ step: string; hash: string }>(
    sql`SELECT step, xxh3(step) AS hash
      FROM (SELECT step FROM step_names WHERE service = ${param('String', service.id)}
        UNION ALL SELECT arrayJoin(${own}) AS step)
      WHERE hash IN ${param('Array(UInt64)', hashes.map(BigInt))}`,
    { secondsMax: context.limits.querySecondsMax },
  )
  return new Map(rows.map(({ step, hash }) => [hash, step]))
}

/** Whether events of the service were seen with this name. Reads one key of step_names. */
export async function isNameSeen(context: QueryContext, service: Service, step: string): Promise<boolean> {
  const rows = await context.reads.select<{ step: string }>(
    sql`SELECT step FROM step_names WHERE service = ${param('String', service.id)} AND step = ${param('String', step)} LIMIT 1`,
    { secondsMax: context.limits.querySecondsMax },
  )
  return rows.length > 0
}
