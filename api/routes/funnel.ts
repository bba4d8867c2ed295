import { z } from 'zod'
import { durationMs } from '../../domain/duration.ts'
import { shape } from '../../domain/limits.ts'
import { funnelInput, stepName } from '../../domain/service.ts'
import { funnelAnswer } from '../../queries/answers.ts'
import type { FunnelQuestion, Questions } from '../../queries/context.ts'
import { funnelCsv } from '../../queries/csv.ts'
import { tableAnswer } from '../answering.ts'
import { funnelExample } from '../examples.ts'
import { funnelBody, funnelOfQuery, readFunnel } from '../funnels.ts'
import { firstFault, pathText } from '../issues.ts'
import { breakdown, from, repeated, single, to, tz, version, where } from '../parameters.ts'
import { Refused } from '../refused.ts'
import { onService, type Route } from '../route.ts'
import { conditionsOfBody } from '../where.ts'
import { serviceIdParameter } from './service-id.ts'

const common = {
  path: '/v1/services/{id}/funnel',
  tag: 'Answers',
  scope: 'read',
  pathParameters: serviceIdParameter,
  answers: [
    {
      status: 200,
      description:
        'The funnel. As CSV: a row for each step, of the whole and of each value of the breakdown, with the totals repeated.',
      content: {
        'application/json': { schema: funnelAnswer, example: funnelExample },
        'text/csv': { schema: null, example: funnelCsv(funnelExample) },
      },
    },
  ],
} as const

export function funnelRoutes(questions: Pick<Questions, 'funnel'>): readonly Route[] {
  return [getFunnel(questions), postFunnel(questions)]
}

const adHoc = {
  // Too many steps are a fault of the funnel, as in a body, and not of the parameter.
  step: repeated(stepName, Infinity, {
    description: 'Repeated, 2 to 50 times: the steps of an ad hoc funnel, in order.',
    allowed: 'names of 1 to 128 printable characters',
    example: 'start',
  }),
  order: single(funnelInput.shape.order.unwrap(), {
    description: 'Of the ad hoc funnel. Default: ordered.',
    allowed: 'one of ordered, strict, any',
    example: 'ordered',
  }),
  window: single(
    z
      .string()
      .max(64)
      .refine((text) => {
        const ms = durationMs(text)
        return ms !== null && ms >= shape.windowMsMin && ms <= shape.windowMsMax
      }),
    {
      description: 'Of the ad hoc funnel. Default: P7D.',
      allowed: 'an ISO 8601 duration in weeks, days, hours, minutes and seconds, from PT1S to P36525D',
      example: 'P7D',
    },
  ),
  exclude: repeated(stepName, Infinity, {
    description: `Repeated, at most ${shape.excludesMax} times: a step that excludes a run of the ad hoc funnel, over the whole of it.`,
    allowed: 'names of 1 to 128 printable characters',
    example: 'cancelled',
  }),
} as const

function getFunnel(questions: Pick<Questions, 'funnel'>): Route {
  return onService(
    {
      ...common,
      id: 'getFunnel',
      method: 'get',
      summary: 'Where people leave',
      description:
        'The service’s own funnel, an older `version` of it, or an ad hoc one by repeating `step`. Rates are over the journeys whose first start + window has passed.',
      query: { from, to, tz, breakdown, where, version, ...adHoc },
      problems: ['invalid-parameter', 'invalid-funnel', 'unknown-service', 'query-too-large', 'store-unavailable'],
    },
    async ({ query, csv }, service) => {
      const funnel = funnelOfQuery(query)
      return tableAnswer(csv, await questions.funnel({ ...query, service, funnel }), funnelCsv)
    },
  )
}

function postFunnel(questions: Pick<Questions, 'funnel'>): Route {
  return onService(
    {
      ...common,
      id: 'postFunnel',
      method: 'post',
      summary: 'Where people leave, by any funnel',
      description:
        'The same for a funnel that is given in the body, or for the service’s own where none is. Nothing is stored.',
      query: {},
      body: {
        required: true,
        content: {
          'application/json': {
            schema: funnelBody,
            example: {
              from: '2026-01-05',
              to: '2026-02-02',
              funnel: { steps: ['start', { anyOf: ['pay-card', 'pay-bank'], name: 'Pay' }, 'done'], window: 'P1D' },
              breakdown: 'device',
              where: { channel: 'online' },
            },
          },
        },
      },
      problems: [
        'invalid-json',
        'invalid-parameter',
        'invalid-funnel',
        'too-large',
        'unsupported-type',
        'unknown-service',
        'query-too-large',
        'store-unavailable',
      ],
    },
    async ({ json, csv }, service) => {
      const question = readQuestion(await json())
      return tableAnswer(csv, await questions.funnel({ ...question, service }), funnelCsv)
    },
  )
}

function badWhere(): Refused {
  const { attrValueCharsMax, whereValuesMax } = shape
  return new Refused(
    'invalid-parameter',
    `where: expected by dimension a value of 1 to ${attrValueCharsMax} printable characters, null, a list of these, or an object with only not; at most ${whereValuesMax} values in all`,
    { path: 'where' },
  )
}

/** @throws {Refused} invalid-parameter, invalid-funnel */
function readQuestion(value: object): Omit<FunnelQuestion, 'service'> {
  const parsed = funnelBody.safeParse(value)
  if (!parsed.success) {
    const { path, detail } = firstFault(parsed.error)
    if (path[0] === 'funnel') throw new Refused('invalid-funnel', detail, { path: pathText(path) })
    // Below `where`, names are the caller's.
    const ours = path.slice(0, 1)
    if (ours[0] === 'where') throw badWhere()
    throw new Refused('invalid-parameter', detail, ours.length === 0 ? {} : { path: pathText(ours) })
  }
  const { funnel, where: dimensions, ...rest } = parsed.data
  const where = dimensions === undefined ? undefined : conditionsOfBody(dimensions)
  if (dimensions !== undefined && where === undefined) throw badWhere()
  if (funnel !== undefined && rest.version !== undefined)
    throw new Refused('invalid-parameter', 'version: expected not together with funnel, since an ad hoc one has none', {
      path: 'version',
    })
  return {
    ...rest,
    ...(funnel === undefined ? {} : { funnel: readFunnel(funnel, 'funnel') }),
    ...(where === undefined ? {} : { where }),
  }
}
