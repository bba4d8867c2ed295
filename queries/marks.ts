import type { Service } from '../domain/service.ts'
import { param, sql, type Sql } from '../domain/sql.ts'
import type { PeriodState } from './answers.ts'
import type { QueryContext } from './context.ts'
import type { Period } from './period.ts'
import type { Subject } from './subject.ts'

const hourMs = 3_600_000

/**
 * Cohort hours (ms, UTC) that reach into the period, were complete under the service's own funnel, and were
 * changed by new events since.
 *
 * Reads   cohorts of one service.
 * Cost    an hour a row.
 */
export async function revisedHours(context: QueryContext, { service, period }: Subject): Promise<number[]> {
  const rows = await context.reads.select<{ hour: string }>(
    sql`SELECT hour FROM cohorts FINAL
      WHERE service = ${param('String', service.id)} AND state = 'revised'
        AND version = ${param('UInt32', service.version)}
        AND ${inPeriod(period)}
      ORDER BY hour`,
    { secondsMax: context.limits.querySecondsMax },
  )
  return rows.map(({ hour }) => Number(hour))
}

/** Services with such an hour in the period. Reads and costs the same. */
export async function revisedServices(
  context: QueryContext,
  services: readonly Service[],
  period: Period,
): Promise<ReadonlySet<string>> {
  const ids = param(
    'Array(String)',
    services.map(({ id }) => id),
  )
  const versions = param(
    'Array(UInt32)',
    services.map(({ version }) => version),
  )
  const rows = await context.reads.select<{ service: string }>(
    sql`SELECT DISTINCT service FROM cohorts FINAL
      WHERE service IN ${ids} AND version = ${versions}[indexOf(${ids}, service)] AND state = 'revised' AND ${inPeriod(period)}`,
    { secondsMax: context.limits.querySecondsMax },
  )
  return new Set(rows.map(({ service }) => service))
}

function inPeriod({ from, to }: Period): Sql {
  return sql`hour > ${param('Int64', from - hourMs)} AND hour < ${param('Int64', to)}`
}

/** How final the counts are; `revised` says that they were final once and are other ones now. */
export function stateOf(
  { started, elapsed }: { started: number; elapsed: { started: number } },
  revised: boolean,
): PeriodState {
  if (elapsed.started < started) return 'partial'
  return revised ? 'revised' : 'complete'
}
