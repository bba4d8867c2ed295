import { z } from 'zod'
import { slug } from '../domain/key.ts'
import { shape } from '../domain/limits.ts'
import { printable } from '../domain/text.ts'
import type { WhereCondition } from '../queries/context.ts'

/** What a value of a dimension may be; the personal-data rules have kept worse out of the data. */
export const dimensionValue = z.string().min(1).max(shape.attrValueCharsMax).regex(printable)

/** One `where=` of a query: the value may hold colons, the dimension, a slug, neither those nor an exclamation mark. */
export interface WhereTerm {
  readonly dimension: string
  /** null: without a value. */
  readonly value: string | null
  readonly not: boolean
}

/** As `dimension:value`, `dimension:` (without a value), or either with `!` before it (all other journeys). */
export const whereTerm = z
  .string()
  .max(1 + 64 + 1 + shape.attrValueCharsMax)
  .transform((text, context): WhereTerm => {
    const not = text.startsWith('!')
    const colon = text.indexOf(':')
    const dimension = slug.safeParse(text.slice(not ? 1 : 0, Math.max(colon, 0)))
    const value = text.slice(colon + 1)
    if (dimension.success && (value === '' || dimensionValue.safeParse(value).success))
      return { dimension: dimension.data, value: value === '' ? null : value, not }
    context.addIssue('expected dimension:value')
    return z.NEVER
  })

/** Terms of the same dimension are alternatives of one condition; those with `!`, alternatives of what it must not be. */
export function conditionsOf(terms: readonly WhereTerm[]): WhereCondition[] {
  const conditions = new Map<string, { dimension: string; values: (string | null)[]; not: boolean }>()
  for (const { dimension, value, not } of terms) {
    const key = `${not ? '!' : ''}${dimension}`
    const condition = conditions.get(key) ?? { dimension, values: [], not }
    conditions.set(key, { ...condition, values: [...condition.values, value] })
  }
  return [...conditions.values()]
}

const oneOrMore = z.union([
  z.string(),
  z.null(),
  z
    .array(z.union([z.string(), z.null()]))
    .min(1)
    .max(shape.whereValuesMax),
])

/** `where` of a body: by dimension, the value, null for without one, a list of alternatives, or one of these below `not`. */
export const whereBody = z
  .record(z.string(), z.union([oneOrMore, z.strictObject({ not: oneOrMore })]))
  .describe(
    'By dimension: a value, null (without a value), a list of these (any of them), or `{"not": …}` with one of these. All dimensions must hold.',
  )

/** The same as conditions; undefined where a dimension is no slug, a value does not print, or there are too many. */
export function conditionsOfBody(body: z.infer<typeof whereBody>): WhereCondition[] | undefined {
  const conditions = Object.entries(body).map(([dimension, given]): WhereCondition => {
    const not = typeof given === 'object' && given !== null && 'not' in given
    const values = not ? given.not : given
    return { dimension, values: Array.isArray(values) ? values : [values], not }
  })
  const values = conditions.flatMap((condition) => condition.values)
  const good =
    values.length <= shape.whereValuesMax &&
    conditions.every(({ dimension }) => slug.safeParse(dimension).success) &&
    values.every((value) => value === null || dimensionValue.safeParse(value).success)
  return good ? conditions : undefined
}
