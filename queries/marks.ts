import type { Service } from '../domain/service.ts'
import { join, param, sql, type Sql } from '../domain/sql.ts'
import type { PeriodState } from './answers.ts'
import type { QueryContext } from './context.ts'
import type { Period } from './period.ts'
import type { Ground } from './ground.ts'
import type { Range } from './sealed/cover.ts'
import { idsOf, versionOf } from './services.ts'
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
    sql`SELECT hour FROM (${markedHours([service], [period])}) ORDER BY hour`,
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
  const rows = await context.reads.select<{ service: string }>(
    sql`SELECT DISTINCT service FROM (${markedHours(services, [period])})`,
    { secondsMax: context.limits.querySecondsMax },
  )
  return new Set(rows.map(({ service }) => service))
}

/** Such hours of services that reach into any of these periods. Columns: service, hour. */
export const markedHours = (services: readonly Service[], periods: readonly Range[]): Sql => sql`
  SELECT service, hour FROM cohorts FINAL
  WHERE service IN ${idsOf(services)} AND version = ${versionOf(services)} AND state = 'revised'
    AND (${join(periods.map(inPeriod), ' OR ')})`

function inPeriod({ from, to }: Range): Sql {
  return sql`hour > ${param('Int64', from - hourMs)} AND hour < ${param('Int64', to)}`
}

/** Whether such an hour of the subject's service reaches into its period, which is one of those that the ground is of. */
export const isRevised = (ground: Ground, { service, period }: Subject): boolean =>
  hoursIn(ground, service.id, period).length > 0

export const hoursIn = ({ revised }: Ground, service: string, { from, to }: Range): readonly number[] =>
  (revised.get(service) ?? []).filter((hour) => hour > from - hourMs && hour < to)

/** How final the counts are; `revised` says that they were final once and are other ones now. */
export function stateOf(
  { started, elapsed }: { started: number; elapsed: { started: number } },
  revised: boolean,
): PeriodState {
  if (elapsed.started < started) return 'partial'
  return revised ? 'revised' : 'complete'
}
