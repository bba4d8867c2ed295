import { compileFunnel } from '../domain/funnel/compile.ts'
import { normaliseFunnel, type Service } from '../domain/service.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { QueryContext } from './context.ts'
import type { Period } from './period.ts'
import { judged, journeysOf, stateCodes, storedVerdicts } from './verdicts.ts'

const dayMs = 24 * 3_600_000
/** 13 weeks, so that each has every day of the week as often. */
export const quarterMs = 91 * dayMs
const quarters = 4

/** Of the elapsed journeys of a stretch, by position - 1. */
export interface StepLosses {
  readonly entered: readonly number[]
  /** Failed or abandoned there. */
  readonly lost: readonly number[]
  /** Entered it and completed. */
  readonly completed: readonly number[]
}

export interface ServiceLosses {
  readonly period: StepLosses
  /** The four stretches of 13 weeks that end with the period, the latest first. */
  readonly quarters: readonly StepLosses[]
  /** Journeys of the period that started, and the elapsed among them. */
  readonly started: number
  readonly elapsed: number
}

interface Row {
  readonly service: string
  readonly anyStale: number
  readonly inPeriod: number
  /** From 0, the latest first; 4 is older. */
  readonly quarter: number
  readonly startedAll: string
  readonly elapsedAll: string
  readonly enteredBy: readonly string[]
  readonly lostBy: readonly string[]
  readonly completedBy: readonly string[]
}

/**
 * What each step of each service lost, in the period and in the four quarters that end with it.
 *
 * Reads   facts FINAL of all these services in one statement, their stored verdicts; and journeysOf() for each service
 *         whose funnel has just changed, until its verdicts are rebuilt.
 * Cost    one pass over the journeys of a year, or of the period where that is longer; a counter a reached position.
 * Agrees  with funnel(): entered is its steps[].elapsed.entered. tests/integration/queries-opportunities.test.ts
 */
export async function stepLossesByService(
  context: QueryContext,
  services: readonly Service[],
  period: Period,
  now: number,
): Promise<ReadonlyMap<string, ServiceLosses>> {
  const span = { ...period, from: Math.min(period.from, period.to - quarters * quarterMs) }
  const options = { secondsMax: context.limits.querySecondsMax }
  const columns = lossColumns(period)
  const stored = await context.reads.select<Row>(
    sql`SELECT service, max(stale) AS anyStale, ${columns} FROM (${judged(storedVerdicts(services, span), [span], now)}) GROUP BY service, inPeriod, quarter`,
    options,
  )
  const stale = new Set(stored.filter(({ anyStale }) => anyStale > 0).map(({ service }) => service))
  const compiled = await Promise.all(
    services
      .filter(({ id }) => stale.has(id))
      .map((service) => {
        const funnel = normaliseFunnel(service.funnel)
        const subject = {
          service,
          period: span,
          funnel,
          compiled: compileFunnel(funnel),
          version: service.version,
          where: [],
          now,
        }
        return context.reads.select<Row>(
          sql`SELECT service, 0 AS anyStale, ${columns} FROM (${journeysOf(subject, 'compiled')}) GROUP BY service, inPeriod, quarter`,
          options,
        )
      }),
  )
  return byService([...stored.filter(({ service }) => !stale.has(service)), ...compiled.flat()])
}

function lossColumns(period: Period): Sql {
  const to = param('Int64', period.to)
  const reached = 'arrayMap(k -> bitTest(entered, k), range(depth))'
  const lost = `state IN (${stateCodes.failed}, ${stateCodes.abandoned})`
  return sql`
    seenAt >= ${param('Int64', period.from)} AS inPeriod,
    toUInt8(least(${raw(String(quarters))}, intDiv(${to} - 1 - seenAt, ${param('Int64', quarterMs)}))) AS quarter,
    countIf(depth > 0) AS startedAll, countIf(elapsed) AS elapsedAll,
    sumForEachIf(${raw(reached)}, elapsed) AS enteredBy,
    sumForEachIf(arrayMap(k -> k + 1 = depth, range(depth)), ${raw(`elapsed AND ${lost}`)}) AS lostBy,
    sumForEachIf(${raw(reached)}, ${raw(`elapsed AND state = ${stateCodes.completed}`)}) AS completedBy`
}

function byService(rows: readonly Row[]): ReadonlyMap<string, ServiceLosses> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) groups.set(row.service, [...(groups.get(row.service) ?? []), row])
  return new Map(
    [...groups].map(([service, own]) => {
      const ofPeriod = own.filter(({ inPeriod }) => inPeriod === 1)
      return [
        service,
        {
          period: added(ofPeriod),
          quarters: Array.from({ length: quarters }, (_, index) =>
            added(own.filter(({ quarter }) => quarter === index)),
          ),
          started: ofPeriod.reduce((sum, { startedAll }) => sum + Number(startedAll), 0),
          elapsed: ofPeriod.reduce((sum, { elapsedAll }) => sum + Number(elapsedAll), 0),
        },
      ]
    }),
  )
}

function added(rows: readonly Row[]): StepLosses {
  const sum = (name: 'enteredBy' | 'lostBy' | 'completedBy') => {
    const longest = Math.max(0, ...rows.map((row) => row[name].length))
    return Array.from({ length: longest }, (_, index) =>
      rows.reduce((total, row) => total + Number(row[name][index] ?? 0), 0),
    )
  }
  return { entered: sum('enteredBy'), lost: sum('lostBy'), completed: sum('completedBy') }
}
