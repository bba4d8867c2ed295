import { normaliseFunnel, type Service } from '../../domain/service.ts'
import { raw, sql } from '../../domain/sql.ts'
import type { QueryContext } from '../context.ts'
import type { Cells } from '../counts.ts'
import type { Ground, Sealed } from '../ground.ts'
import type { Period } from '../period.ts'
import { coverOf, hourOf } from './cover.ts'
import { answers, beginsOf, heldBy } from './standing.ts'
import { changedJourneys, endKey, movedCounts, sealedRows, type Scope } from './statements.ts'
import { addClocked, addMoved, addSealed, countsOfSum, emptySum, type MovedRow, type Sum } from './sums.ts'
import { askOf } from './tallies.ts'

/** So many different windows and zones are worth statements of their own; what is in none of them is counted from facts. */
const scopesMax = 12

interface Row {
  readonly service: string
  readonly key: number
  readonly number: string
}

/**
 * How the journeys of a period ended, by service, of those services whose sealed tallies say it. What is missing has to be counted
 * from facts.
 *
 * Reads   for services with the same window and days, rollups, unsealed and edge_journeys in a statement each, however many they are.
 * Cost    weeks and days of the period x services x steps; journeys touched since the seals; open ones.
 */
export async function sealedCells(
  context: QueryContext,
  ground: Ground,
  services: readonly Service[],
  asked: { readonly period: Period; readonly now: number },
): Promise<ReadonlyMap<string, Cells>> {
  const scopes = scopesOf(ground, services, asked)
  const sums = new Map<string, Sum>()
  for (const scope of scopes.slice(0, scopesMax)) await addScope(context, { ...scope, ...asked }, sums)
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
  const touched = { ...scope, services: scope.services.filter(({ hasChanged }) => hasChanged) }
  const [sealed, moved, changed] = await Promise.all([
    ask<Row & { readonly side: number }>(sql`SELECT service, side, key, sum(added) AS number
      FROM (${sealedRows(scope, scope.cover, [''], 'keys, counts')}) ARRAY JOIN keys AS key, counts AS added
      GROUP BY service, side, key`),
    ask<MovedRow & { readonly service: string }>(movedCounts(scope, raw('0'), null)),
    touched.services.length === 0
      ? []
      : ask<Row>(sql`SELECT service, ${endKey} AS key, sum(sign) AS number
          FROM (${changedJourneys(touched, { period, now, where: [] }, windowMs)}) GROUP BY service, key HAVING number != 0`),
  ])
  const into = (service: string, add: (sum: Sum) => void) => {
    const sum = sums.get(service)
    if (sum !== undefined) add(sum)
  }
  for (const { service, key, number, side } of sealed) into(service, (sum) => addSealed(sum, key, Number(number), side))
  for (const row of moved) into(row.service, (sum) => addMoved(sum, row))
  for (const { service, key, number } of changed) into(service, (sum) => addClocked(sum, key, Number(number)))
}

/** Services by what their tallies share: the window, and where days begin. None where an hour is cut or a journey waits. */
function scopesOf(
  ground: Ground,
  services: readonly Service[],
  { period, now }: { readonly period: Period; readonly now: number },
): readonly Together[] {
  const groups = new Map<
    string,
    { readonly windowMs: number; readonly zone: string | null; readonly sealed: Sealed[] }
  >()
  for (const service of services) {
    const sealed = ground.seals.get(service.id)
    const { windowMs } = normaliseFunnel(service.funnel)
    if (sealed === undefined || !answers(sealed, service, now - windowMs)) continue
    const zone = sealed.timeZone === service.timeZone ? sealed.timeZone : null
    const key = `${windowMs} ${zone ?? ''}`
    const known = groups.get(key)
    if (known === undefined) groups.set(key, { windowMs, zone, sealed: [sealed] })
    else known.sealed.push(sealed)
  }
  return [...groups.values()]
    .map(({ windowMs, zone, sealed }) => {
      const split = now - windowMs
      const held = heldBy(sealed)
      const cover = coverOf(period, held, beginsOf(zone, period, held, 'week'), hourOf(split))
      return { windowMs, scope: { services: sealed, cover, split } }
    })
    .filter(({ scope }) => scope.cover.cuts.length === 0)
    .sort((a, b) => b.scope.services.length - a.scope.services.length)
}
