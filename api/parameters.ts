import { z } from 'zod'
import { slug } from '../domain/key.ts'
import { shape } from '../domain/limits.ts'
import { stepName } from '../domain/service.ts'
import type { WhereCondition } from '../queries/context.ts'
import { comparisons } from '../queries/answers.ts'
import type { Parameter } from './operation.ts'
import { Refused } from './refused.ts'
import { conditionsOf, whereTerm } from './where.ts'

/** A parameter of the query that knows how to read itself. */
export interface QueryParameter<Value> extends Parameter {
  /** @returns undefined where what was given is not allowed */
  readonly read: (given: readonly string[]) => { readonly value: Value } | undefined
  /** What is allowed, in the words of a refusal: `expected …`. */
  readonly allowed: string
}

export type QuerySpec = Readonly<Record<string, QueryParameter<unknown>>>

export type QueryValues<Spec extends QuerySpec> = {
  readonly [name in keyof Spec]: Spec[name] extends QueryParameter<infer Value> ? Value : never
}

interface Words {
  readonly description: string
  readonly allowed: string
  readonly example: string
  /** What the documentation shows where the values as read are no schema. */
  readonly shown?: z.ZodType
}

/** At most once. */
export function single<Value>(schema: z.ZodType<Value, string>, words: Words): QueryParameter<Value | undefined> {
  return {
    ...words,
    schema: words.shown ?? schema,
    read: (given) => {
      const [text] = given
      if (text === undefined) return { value: undefined }
      const parsed = schema.safeParse(text)
      return given.length === 1 && parsed.success ? { value: parsed.data } : undefined
    },
  }
}

/** Any number of times up to a limit. */
export function repeated<Value>(
  schema: z.ZodType<Value, string>,
  timesMax: number,
  words: Words,
): QueryParameter<readonly Value[]> {
  return {
    ...words,
    schema: words.shown ?? schema,
    repeated: true,
    read: (given) => {
      const parsed = given.map((text) => schema.safeParse(text))
      const values = parsed.flatMap((result) => (result.success ? [result.data] : []))
      return values.length === given.length && given.length <= timesMax ? { value: values } : undefined
    },
  }
}

/**
 * The values of a query.
 * @throws {Refused} invalid-parameter: a parameter that this call does not have, is given twice, or has another
 *   form. A name that is not ours is not repeated in the answer.
 */
export function readQuery<Spec extends QuerySpec>(spec: Spec, search: URLSearchParams): QueryValues<Spec> {
  for (const name of search.keys()) {
    if (Object.hasOwn(spec, name)) continue
    const names = Object.keys(spec)
    throw new Refused(
      'invalid-parameter',
      names.length === 0
        ? 'this call takes no parameters'
        : `this call takes ${names.join(', ')} and no other parameter`,
    )
  }
  const values: Partial<Record<string, unknown>> = {}
  for (const [name, parameter] of Object.entries(spec)) {
    const result = parameter.read(search.getAll(name))
    if (result === undefined) {
      const times = parameter.repeated === true ? '' : ', once'
      throw new Refused('invalid-parameter', `${name}: expected ${parameter.allowed}${times}`, { path: name })
    }
    values[name] = result.value
  }
  // Every name of the spec has been read by its own parameter.
  return values as QueryValues<Spec>
}

export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))

// A plus sign that was not escaped arrives as a space.
const moment = z
  .string()
  .min(4)
  .max(40)
  .regex(/^[0-9TtZz:.,+ -]+$/)

export const from = single(moment, {
  description: 'Start of the period, inclusive. A date means its midnight in `tz`. Default: 28 whole days before `to`.',
  allowed: 'an ISO 8601 date or instant, such as 2026-01-05 or 2026-01-05T12:00:00Z',
  example: '2026-01-05',
})
export const to = single(moment, {
  description: 'End of the period, exclusive. Default: the last midnight in `tz`.',
  allowed: 'an ISO 8601 date or instant, such as 2026-02-02 or 2026-02-02T12:00:00Z',
  example: '2026-02-02',
})
export const zone = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z][\w+/-]*$/)
export const tz = single(zone, {
  description: 'IANA time zone in which days begin. Default: that of the service.',
  allowed: 'an IANA time zone, such as Europe/London',
  example: 'Europe/London',
})

const whereTerms = repeated(whereTerm, shape.whereValuesMax, {
  description:
    'Only journeys with this value of a dimension, `dimension:value`; without one, `dimension:`; all others, `!dimension:value`. Repeated: any of the values of the same dimension, none of those with `!`; all dimensions must hold.',
  allowed: `dimension:value, such as device:mobile, or !dimension:value, at most ${shape.whereValuesMax} times`,
  example: 'device:mobile',
  shown: z.string().regex(/^!?[a-z0-9-]+:.*$/),
})
export const where: QueryParameter<readonly WhereCondition[]> = {
  ...whereTerms,
  read: (given) => {
    const terms = whereTerms.read(given)
    return terms === undefined ? undefined : { value: conditionsOf(terms.value) }
  },
}
export const breakdown = single(slug, {
  description: 'A dimension of the service or a built-in one: a row for each of its values.',
  allowed: 'a dimension of the service, or one of browser, channel, device, referrer',
  example: 'device',
})
export const compare = single(z.enum(comparisons), {
  description:
    'Beside it, another period: `previous`, as many days just before; `year`, the same dates a year before, both in `tz`.',
  allowed: `one of ${comparisons.join(', ')}`,
  example: 'previous',
})
export const version = single(wholeNumber(1, 2 ** 32 - 1), {
  description: 'An older version of the service’s funnel, over all the data.',
  allowed: 'a version of the funnel of this service, a whole number from 1',
  example: '1',
})
export const oneStep = single(stepName, {
  description:
    'Name of a step of the funnel; the first where it stands several times. Not of order any: its positions are how many steps were done.',
  allowed: 'the name of a step of the funnel',
  example: 'pay-card',
})
export const position = single(wholeNumber(1, shape.stepsMax), {
  description:
    'Position of the step, from 1: tells apart a step that stands several times. Of order any, how many steps were done.',
  allowed: 'a position of the funnel, a whole number from 1',
  example: '3',
})

/** Of a question that compares services: its period, and which of them. */
export const ofCompared = {
  from,
  to,
  tz: single(zone, {
    description:
      'IANA time zone in which days begin. Default: that of the services compared where they all have the same, else UTC.',
    allowed: tz.allowed,
    example: tz.example,
  }),
  department: single(slug, {
    description: 'Only services of this department, compared among themselves.',
    allowed: 'a slug: lower-case letters, digits and hyphens, at most 64',
    example: 'environment-agency',
  }),
} as const
