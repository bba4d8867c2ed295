import { join, param, raw, sql, type Sql, type SqlParam } from '../domain/sql.ts'
import type { Service } from '../domain/service.ts'
import type { QueryContext } from './context.ts'

interface Row {
  readonly about: 'facts' | 'cohorts' | 'removals'
  readonly newest: string
}

/**
 * A word that changes whenever an answer may have: with new data, marks and definitions, never with the clock or with a seal.
 * Ask before the data is read, so that what is read is never older than what the word says.
 *
 * Reads   seals, and what was noted since; facts.revision of services without a seal; cohorts.revision, of revised
 *         hours only: a sealed one changes no answer; and removals.revision, of those that are done: what was begun may be seen or not.
 * Cost    one pass over one column of services without a seal.
 */
export async function revisionOf(context: QueryContext, services: readonly Service[] | 'all'): Promise<string> {
  const options = { secondsMax: context.limits.querySecondsMax }
  const rows = services === 'all' ? raw('1') : sql`service IN ${idsParam(services.map(({ id }) => id))}`
  const sealed = await context.reads.select<{ service: string; dataRevision: string }>(
    sql`SELECT service, dataRevision FROM seals FINAL WHERE notEmpty(layers) AND ${rows}`,
    options,
  )
  const ids = idsParam(sealed.map(({ service }) => service))
  const found = await context.reads.select<Row>(
    join(newest(rows, ids, { all: services === 'all', sealed: sealed.length, of: services.length }), ' UNION ALL '),
    options,
  )
  const last = (about: Row['about'], known: readonly string[] = []): bigint =>
    [...known, ...found.filter((row) => row.about === about).map((row) => row.newest)]
      .map(BigInt)
      .reduce((a, b) => (b > a ? b : a), 0n)
  const data = last(
    'facts',
    sealed.map(({ dataRevision }) => dataRevision),
  )
  const marks = [data, last('cohorts'), last('removals')].map((revision) => revision.toString(36))
  const definitions = services === 'all' ? await context.registry.services() : services
  return [...marks, fingerprint(JSON.stringify(definitions))].join('.')
}

/** What is newest, by what it is of: no more of it is asked than there can be. */
function newest(
  rows: Sql,
  sealedIds: SqlParam,
  { all, sealed, of }: { readonly all: boolean; readonly sealed: number; readonly of: number },
): readonly Sql[] {
  const facts = sql`SELECT 'facts' AS about, max(revision) AS newest FROM facts WHERE service NOT IN ${sealedIds} AND ${rows}`
  const noted = sql`SELECT 'facts' AS about, max(revision) AS newest FROM unsealed WHERE present = 1 AND service IN ${sealedIds}`
  return [
    ...(all || sealed < of ? [facts] : []),
    ...(sealed > 0 ? [noted] : []),
    sql`SELECT 'cohorts' AS about, max(revision) AS newest FROM cohorts WHERE state = 'revised' AND ${rows}`,
    sql`SELECT 'removals' AS about, max(revision) AS newest FROM removals WHERE what IN ('erased', 'expired') AND ${rows}`,
  ]
}

const idsParam = (ids: readonly string[]): SqlParam => param('Array(String)', ids)

/** FNV-1a, 32 bits: short, and enough to tell one definition from the one before it. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  return hash.toString(36)
}
