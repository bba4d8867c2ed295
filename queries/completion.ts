import { compileFunnel } from '../domain/funnel/compile.ts'
import { shape } from '../domain/limits.ts'
import { normaliseFunnel, type Funnel, type Service } from '../domain/service.ts'
import { param, sql } from '../domain/sql.ts'
import { isSealed } from '../domain/tally/layout.ts'
import type { RankedService, Totals } from './answers.ts'
import type { QueryContext } from './context.ts'
import { cellColumns, lostAt, readCells, totalsOf, type Cells, type CellsRow } from './counts.ts'
import type { Ground } from './ground.ts'
import type { Period } from './period.ts'
import { sealedCells } from './sealed/services.ts'
import { labelAt, stepAt } from './subject.ts'
import { judged, journeysOf, storedVerdicts } from './verdicts.ts'

/** How a service's journeys of a period ended, by its own funnel. */
export interface Completion {
  readonly service: Service
  readonly totals: Totals
  /** Where most were lost; the earliest of equals, null when none was. */
  readonly worstStep: RankedService['worstStep']
  readonly revised: boolean
}

interface Row extends CellsRow {
  readonly service: string
  readonly anyStale: number
}

/**
 * Reads   sealedCells(); of the services that are not in it, facts FINAL of all of them in one statement, their stored verdicts; and journeysOf() for each service whose
 *         funnel has just changed, until its verdicts are rebuilt.
 * Cost    as sealedCells(), and one pass over the period's journeys of the others.
 * Agrees  with funnel(), total for total: tests/integration/queries-low-completion.test.ts
 */
export async function completionByService(
  context: QueryContext,
  ground: Ground,
  services: readonly Service[],
  { period, now }: { readonly period: Period; readonly now: number },
): Promise<Completion[]> {
  const sealed = await sealedCells(context, ground, services, { period, now })
  const counted = services.filter(({ id }) => !sealed.has(id))
  const rows = counted.length === 0 ? [] : await storedRows(context, counted, period, now)
  const revised = new Set(ground.revised.keys())
  const byService = new Map(rows.map((row) => [row.service, row]))
  return Promise.all(
    services.map(async (service) => {
      const funnel = normaliseFunnel(service.funnel)
      const tallied = sealed.get(service.id)
      if (tallied !== undefined) return completionOf(service, funnel, tallied, revised)
      const row = byService.get(service.id)
      const fresh =
        row !== undefined && row.anyStale > 0 ? await compiledRow(context, service, funnel, period, now) : row
      const cells = fresh === undefined ? { unstarted: 0, excluded: 0, cells: [] } : readCells(fresh)
      return completionOf(service, funnel, cells, revised)
    }),
  )
}

function completionOf(service: Service, funnel: Funnel, cells: Cells, revised: ReadonlySet<string>): Completion {
  return { service, totals: totalsOf(cells), worstStep: worstOf(cells, funnel), revised: revised.has(service.id) }
}

function storedRows(context: QueryContext, services: readonly Service[], period: Period, now: number): Promise<Row[]> {
  return context.reads.select<Row>(
    sql`SELECT service, max(stale) AS anyStale, ${cellColumns(shape.stepsMax)}
      FROM (${judged(storedVerdicts(services, period), [period], now)}) GROUP BY service`,
    { secondsMax: context.limits.querySecondsMax },
  )
}

async function compiledRow(
  context: QueryContext,
  service: Service,
  funnel: Funnel,
  period: Period,
  now: number,
): Promise<CellsRow | undefined> {
  const subject = { service, period, funnel, compiled: compileFunnel(funnel), version: service.version, where: [], now }
  const [row] = await context.reads.select<CellsRow>(
    sql`SELECT ${cellColumns(shape.stepsMax)} FROM (${journeysOf(subject, 'compiled')})`,
    { secondsMax: context.limits.querySecondsMax },
  )
  return row
}

function worstOf(cells: Cells, funnel: Funnel): Completion['worstStep'] {
  const losses = funnel.positions.map((_, index) => ({
    step: stepAt(funnel, index + 1),
    name: labelAt(funnel, index + 1),
    position: index + 1,
    lost: lostAt(cells, index + 1),
  }))
  const worst = losses.reduce((a, b) => (b.lost > a.lost ? b : a))
  return worst.lost === 0 ? null : worst
}

/** Which of these services have any journey. Reads seals, and the key of facts of the services without one. */
export async function servicesSeen(context: QueryContext, services: readonly string[]): Promise<ReadonlySet<string>> {
  const ids = param('Array(String)', services)
  const sealed = sql`SELECT service FROM seals FINAL WHERE ${isSealed} AND service IN ${ids}`
  const rows = await context.reads.select<{ service: string }>(
    sql`${sealed} UNION ALL
      SELECT DISTINCT service FROM facts WHERE service IN ${ids} AND service NOT IN (${sealed})`,
    { secondsMax: context.limits.querySecondsMax },
  )
  return new Set(rows.map(({ service }) => service))
}
