import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { Service } from '../domain/service.ts'
import type { QueryContext } from './context.ts'

interface Row {
  readonly facts: string
  readonly cohorts: string
  readonly removals: string
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
  const of = (ids: readonly string[]): Sql => sql`service IN ${param('Array(String)', ids)}`
  const rows = services === 'all' ? raw('1') : of(services.map(({ id }) => id))
  const sealed = sql`SELECT service FROM seals FINAL WHERE notEmpty(layers)`
  const [row] = await context.reads.select<Row>(
    sql`SELECT greatest(
        (SELECT max(dataRevision) FROM seals FINAL WHERE notEmpty(layers) AND ${rows}),
        (SELECT max(revision) FROM unsealed WHERE present = 1 AND service IN (${sealed}) AND ${rows}),
        (SELECT max(revision) FROM facts WHERE service NOT IN (${sealed}) AND ${rows})) AS facts,
      (SELECT max(revision) FROM cohorts WHERE state = 'revised' AND ${rows}) AS cohorts,
      (SELECT max(revision) FROM removals WHERE what IN ('erased', 'expired') AND ${rows}) AS removals`,
    { secondsMax: context.limits.querySecondsMax },
  )
  const definitions = services === 'all' ? await context.registry.services() : services
  const marks = [row?.facts, row?.cohorts, row?.removals].map((revision = '0') => BigInt(revision).toString(36))
  return [...marks, fingerprint(JSON.stringify(definitions))].join('.')
}

/** FNV-1a, 32 bits: short, and enough to tell one definition from the one before it. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  return hash.toString(36)
}
