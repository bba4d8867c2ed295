import { param, raw, sql, type Sql, type SqlParam } from '../sql.ts'

/** Neither a dimension's name nor a value has a control character. */
const before = '\x01'
const between = '\x02'

/** The dimensions of a journey as one text: each of its values after its name, in the order of names. */
export const labelsOf = (dimensions: string): Sql =>
  sql`concat(arrayStringConcat(arrayMap(p -> concat(${param(
    'String',
    before,
  )}, p.1, ${param('String', between)}, p.2), arraySort(CAST(${raw(dimensions)}, 'Array(Tuple(String, String))')))), ${param(
    'String',
    before,
  )})`

/** The value of a dimension in such a text; empty for a journey without one. */
export const labelled = (labels: string, dimension: string): Sql =>
  sql`extract(${raw(labels)}, ${patternOf(dimension)})`

/** Names of dimensions are slugs: nothing in them means anything in a pattern. */
const patternOf = (dimension: string): SqlParam => param('String', `${before}${dimension}${between}([^${before}]*)`)
