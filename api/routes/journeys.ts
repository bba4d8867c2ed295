import { z } from 'zod'
import { shape, type Limits } from '../../domain/limits.ts'
import type { Service } from '../../domain/service.ts'
import { printable } from '../../domain/text.ts'
import { drillDownStates, journeysAnswer, trailAnswer, type JourneysAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { journeysCsv, trailCsv } from '../../queries/csv.ts'
import { tableAnswer } from '../answering.ts'
import { journeysExample, trailExample } from '../examples.ts'
import { from, oneStep, position, single, to, tz, version, where, wholeNumber } from '../parameters.ts'
import { Refused } from '../refused.ts'
import { onService, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

type JourneyQuestions = Pick<Questions, 'journeys' | 'trail'>

export function journeyRoutes(questions: JourneyQuestions, limits: Limits): readonly Route[] {
  return [listJourneys(questions, limits), getTrail(questions)]
}

function listJourneys(questions: JourneyQuestions, limits: Limits): Route {
  const state = single(z.enum(drillDownStates), {
    description: 'Only journeys in this state; with `step`, those that left there in it.',
    allowed: `one of ${drillDownStates.join(', ')}`,
    example: 'abandoned',
  })
  const limit = single(wholeNumber(1, limits.journeysPageMax), {
    description: 'Journeys of one answer.',
    allowed: `a whole number from 1 to ${limits.journeysPageMax}`,
    example: '100',
  })
  const base64 = z
    .string()
    .min(1)
    .max(200)
    .regex(/^[A-Za-z0-9+/=]+$/)
  const cursor = single(base64, {
    description: 'The `cursor` of the answer before, with the same other parameters.',
    allowed: 'the cursor of the answer before, as it was given',
    example: 'MS4xNzcwODkwNDAwMDAwLjE3Njc2MDQzNjQwMDAuOWY4NmQwODE4ODRjN2Q2NQ',
  })
  return onService(
    {
      id: 'listJourneys',
      method: 'get',
      path: '/v1/services/{id}/journeys',
      tag: 'Answers',
      summary: 'The journeys behind a number',
      description:
        'Without `step` and `state`: all seen in the period, unstarted ones too. `step` alone: those that entered it. `step` with `state`: those behind that number of the step.',
      scope: 'read',
      pathParameters: serviceIdParameter,
      query: { from, to, tz, step: oneStep, position, state, where, version, limit, cursor },
      answers: [
        {
          status: 200,
          description:
            'Journeys, and the cursor for what follows. As CSV: a row each. Where more follow, the header `Link` has the address of the next page, `rel="next"`.',
          content: {
            'application/json': { schema: journeysAnswer, example: journeysExample },
            'text/csv': { schema: null, example: journeysCsv(journeysExample) },
          },
        },
      ],
      problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
    },
    async ({ query, csv, search }, service) => {
      const answer = await questions.journeys({ ...query, service })
      return tableAnswer(csv, answer, journeysCsv, nextPage(service, search, answer))
    },
  )
}

/** Where the list goes on (RFC 8288): a table has no other place to say that it is not all. */
function nextPage({ id }: Service, search: URLSearchParams, { cursor }: JourneysAnswer): Record<string, string> {
  if (cursor === null) return {}
  const next = new URLSearchParams(search)
  next.set('cursor', cursor)
  return { Link: `</v1/services/${id}/journeys?${next.toString()}>; rel="next"` }
}

const reference = z.string().min(1).max(shape.journeyCharsMax).regex(printable)

function getTrail(questions: JourneyQuestions): Route {
  return onService(
    {
      id: 'getJourney',
      method: 'get',
      path: '/v1/services/{id}/journeys/{journey}',
      tag: 'Answers',
      summary: 'One trail',
      description: 'By the hash that lists show, which is tried first, or by the reference that events were sent with.',
      scope: 'read',
      pathParameters: {
        ...serviceIdParameter,
        journey: {
          description: 'Hash of 16 hexadecimal digits, or the reference, percent-encoded',
          schema: reference,
          example: '9f86d081884c7d65',
        },
      },
      query: {},
      answers: [
        {
          status: 200,
          description: 'The events of the journey, in order. As CSV: a row each.',
          content: {
            'application/json': { schema: trailAnswer, example: trailExample },
            'text/csv': { schema: null, example: trailCsv(trailExample) },
          },
        },
      ],
      problems: ['unknown-service', 'not-found', 'query-too-large', 'store-unavailable'],
    },
    async ({ path, csv }, service) => {
      const journey = reference.safeParse(path['journey'])
      const trail = journey.success ? await questions.trail({ service, journey: journey.data }) : null
      if (trail === null) throw new Refused('not-found', 'nothing is known of this journey')
      return tableAnswer(csv, trail, trailCsv)
    },
  )
}
