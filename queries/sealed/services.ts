import { normaliseFunnel, type Service } from '../../domain/service.ts'
import { param, sql } from '../../domain/sql.ts'
import type { QueryContext } from '../context.ts'
import type { Cells } from '../counts.ts'
import { dayStarts, type Period } from '../period.ts'
import { coverOf } from './cover.ts'
import { changedJourneys, clockedKeys, sealedRows, type Scope, type SealedService } from './statements.ts'
import { addClocked, addSealed, countsOfSum, emptySum, type Sum } from './sums.ts'
import { askOf, movedJourneys } from './tallies.ts'

/** So many different windows and zones are worth statements of their own; what is in none of them is counted from facts. */
const scopesMax = 12

interface SealRow {
  readonly service: string
  readonly version: number
  readonly timeZone: string
  readonly seal: string
  readonly layers: readonly string[]
  readonly bucketFrom: string
  readonly bucketTo: string
  readonly edgeLayers: readonly string[]
  readonly edgeFrom: string
  readonly edgeTo: string
}

interface Row {
  readonly service: string
  readonly hasElapsed: 0 | 1
  readonly key: number
  readonly number: string
}

/**
 * How the journeys of a period ended, by service, of those services whose sealed tallies say it. What is missing has to be counted
 * from facts.
 *
 * Reads   seals and unsealed of all of them; then, for services with the same window and days, rollup, unsealed and edge in a
 *         statement each, however many they are.
 * Cost    days of the period x services x steps; journeys touched since the seals; open ones.
 */
export async function sealedCells(
  context: QueryContext,
  services: readonly Service[],
  period: Period,
  now: number,
): Promise<ReadonlyMap<string, Cells>> {
  const scopes = await scopesOf(context, services, period, now)
  const sums = new Map<string, Sum>()
  for (const { scope, windowMs } of scopes.slice(0, scopesMax))
    await addScope(context, { scope, windowMs, period, now }, sums)
  const cells = new Map<string, Cells>()
  for (const service of services) {
    const sum = sums.get(service.id)
    if (sum !== undefined) cells.set(service.id, countsOfSum(sum, normaliseFunnel(service.funnel)))
  }
  return cells
}

interface Together {
  readonly scope: Scope
  readonly windowMs: number
}

async function addScope(
  context: QueryContext,
  { scope, windowMs, period, now }: Together & { readonly period: Period; readonly now: number },
  sums: Map<string, Sum>,
): Promise<void> {
  const ask = askOf(context)
  for (const { id } of scope.services) sums.set(id, emptySum())
  const [sealed, changed, moved] = await Promise.all([
    ask<Row>(sql`SELECT service, elapsed AS hasElapsed, key, sum(added) AS number
      FROM (${sealedRows(scope, null, 'keys, counts')}) ARRAY JOIN keys AS key, counts AS added
      GROUP BY service, elapsed, key`),
    ask<Row>(sql`SELECT service, arrayJoin(${clockedKeys(false, false)}) AS key, sum(sign) AS number
      FROM (${changedJourneys(scope, { period, now, where: [] }, windowMs)}) GROUP BY service, key HAVING number != 0`),
    ask<Row>(sql`SELECT service, move.1 AS key, sum(sign * move.2) AS number
      FROM (${movedJourneys(scope, [], false)}) GROUP BY service, key HAVING number != 0`),
  ])
  for (const { service, hasElapsed, key, number } of sealed) {
    const sum = sums.get(service)
    if (sum !== undefined) addSealed(sum, key, Number(number), hasElapsed)
  }
  for (const { service, key, number } of [...changed, ...moved]) {
    const sum = sums.get(service)
    if (sum !== undefined) addClocked(sum, key, Number(number))
  }
}

/** Services by what their tallies share: the window, and where days begin. None where an hour is cut or a journey waits. */
async function scopesOf(
  context: QueryContext,
  services: readonly Service[],
  period: Period,
  now: number,
): Promise<readonly Together[]> {
  const ids = param(
    'Array(String)',
    services.map(({ id }) => id),
  )
  const versions = sql`${param(
    'Array(UInt32)',
    services.map(({ version }) => version),
  )}[indexOf(${ids}, service)]`
  const rows = await askOf(context)<SealRow>(sql`
    SELECT service, version, timeZone, seal, layers, bucketFrom, bucketTo, edgeLayers, edgeFrom, edgeTo
    FROM seals FINAL
    WHERE service IN ${ids} AND notEmpty(layers) AND version = ${versions}
      AND service NOT IN (SELECT service FROM unsealed FINAL
        WHERE service IN ${ids} AND present = 1 AND gone = 0 AND version != ${versions})`)
  const byId = new Map(services.map((service) => [service.id, service]))
  const groups = new Map<string, Together & { readonly scope: Scope & { readonly services: SealedService[] } }>()
  for (const row of rows) {
    const service = byId.get(row.service)
    if (service === undefined) continue
    const { windowMs } = normaliseFunnel(service.funnel)
    const split = now - windowMs
    if (split < Number(row.edgeFrom) || split >= Number(row.edgeTo)) continue
    const zone = row.timeZone === service.timeZone ? row.timeZone : ''
    const key = `${windowMs} ${zone}`
    const known = groups.get(key)
    const sealed = { id: row.service, ...row }
    if (known !== undefined) known.scope.services.push(sealed)
    else
      groups.set(key, { windowMs, scope: { services: [sealed], cover: wholeCover(rows, period, zone, split), split } })
  }
  return [...groups.values()]
    .filter(({ scope }) => scope.cover.cuts.length === 0)
    .sort((a, b) => b.scope.services.length - a.scope.services.length)
}

function wholeCover(rows: readonly SealRow[], period: Period, zone: string, split: number) {
  const held = {
    from: Math.min(...rows.map(({ bucketFrom }) => Number(bucketFrom))),
    to: Math.max(...rows.map(({ bucketTo }) => Number(bucketTo))),
  }
  const days = zone === '' ? [] : dayStarts(zone, Math.max(period.from, held.from), Math.min(period.to, held.to))
  return coverOf(period, held, days, split)
}
