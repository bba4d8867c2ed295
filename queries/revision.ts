import { join, raw, sql, type Sql } from '../domain/sql.ts'
import type { Service } from '../domain/service.ts'
import type { QueryContext } from './context.ts'
import { isSealed } from '../domain/tally/layout.ts'
import { idsOf } from './services.ts'

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
  const of = services === 'all' ? raw('1') : sql`service IN ${idsOf(services)}`
  const sealed = await context.reads.select<{ id: string; dataRevision: string }>(
    sql`SELECT service AS id, dataRevision FROM seals FINAL WHERE ${isSealed} AND ${of}`,
    options,
  )
  const ids = idsOf(sealed)
  const found = await context.reads.select<Row>(
    join(
      [
        ...(services === 'all' || sealed.length < services.length
          ? [newestFacts(sql`service NOT IN ${ids} AND ${of}`)]
          : []),
        ...(sealed.length > 0
          ? [
              sql`SELECT 'facts' AS about, max(revision) AS newest FROM unsealed WHERE present = 1 AND service IN ${ids}`,
            ]
          : []),
        newestMarks(of),
      ],
      ' UNION ALL ',
    ),
    options,
  )
  const newestOf = (what: Row['about']) => found.filter(({ about }) => about === what).map(({ newest }) => newest)
  return wordOf(
    {
      data: [...sealed.map(({ dataRevision }) => dataRevision), ...newestOf('facts')],
      cohorts: newestOf('cohorts'),
      removals: newestOf('removals'),
    },
    services === 'all' ? await context.registry.services() : services,
  )
}

/** The word for the highest of these revisions, and for these definitions. */
export function wordOf(
  newest: Readonly<Record<'data' | 'cohorts' | 'removals', readonly string[]>>,
  definitions: readonly Service[],
): string {
  const highest = (revisions: readonly string[]) => revisions.map(BigInt).reduce((a, b) => (b > a ? b : a), 0n)
  const words = [newest.data, newest.cohorts, newest.removals].map((one) => highest(one).toString(36))
  return [...words, fingerprint(JSON.stringify(definitions))].join('.')
}

/** Of the facts that the condition lets through. */
export const newestFacts = (of: Sql): Sql =>
  sql`SELECT 'facts' AS about, max(revision) AS newest FROM facts WHERE ${of}`

/** Of marks and removals of the services that the condition lets through: a row each. @param more columns of each */
export const newestMarks = (of: Sql, more: Sql = raw('')): Sql => sql`
  SELECT 'cohorts' AS about, max(revision) AS newest${more} FROM cohorts WHERE state = 'revised' AND ${of}
  UNION ALL
  SELECT 'removals' AS about, max(revision) AS newest${more} FROM removals WHERE what IN ('erased', 'expired') AND ${of}`

/** FNV-1a, 32 bits: short, and enough to tell one definition from the one before it. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  return hash.toString(36)
}
