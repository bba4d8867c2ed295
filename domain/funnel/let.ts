import { join, raw, sql, type Sql } from '../sql.ts'

/**
 * `body` with names for values, each computed once. ClickHouse names a node by its whole text, so a value that
 * is written out at each use grows exponentially with the depth; a lambda's argument does not.
 * @param values in the order of the names; none may use another
 */
export function bind(values: Readonly<Record<string, Sql>>, body: Sql): Sql {
  const names = raw(Object.keys(values).join(', '))
  const arrays = Object.values(values).map((value) => sql`[${value}]`)
  return sql`arrayMap((${names}) -> ${body}, ${join(arrays, ', ')})[1]`
}

/** One after another: a later value may use the earlier names. */
export function bindAll(steps: readonly Readonly<Record<string, Sql>>[], body: Sql): Sql {
  return steps.reduceRight((inner, values) => bind(values, inner), body)
}
