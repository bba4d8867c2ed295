import { z } from 'zod'
import { intervals, trendAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { trendCsv } from '../../queries/csv.ts'
import { tableAnswer } from '../answering.ts'
import { trendExample } from '../examples.ts'
import { breakdown, compare, from, oneStep, position, single, to, tz, version, where } from '../parameters.ts'
import { onService, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

const interval = single(z.enum(intervals), {
  description: 'Length of a period, in `tz`; weeks begin on Monday. Default: day.',
  allowed: `one of ${intervals.join(', ')}`,
  example: 'day',
})

export function trendRoutes(questions: Pick<Questions, 'trend'>): readonly Route[] {
  return [
    onService(
      {
        id: 'getTrend',
        method: 'get',
        path: '/v1/services/{id}/trend',
        tag: 'Answers',
        summary: 'Completion over time',
        description:
          'Journeys by when they started. Empty periods are there too; the first and the last are cut to `from` and `to`. With `step` or `position`: how many reached it. With `breakdown`: the same for each value.',
        scope: 'read',
        pathParameters: serviceIdParameter,
        query: { from, to, tz, interval, step: oneStep, position, breakdown, compare, where, version },
        answers: [
          {
            status: 200,
            description:
              'The periods, oldest first. As CSV: a row each, then those of each value and of the compared period.',
            content: {
              'application/json': { schema: trendAnswer, example: trendExample },
              'text/csv': { schema: null, example: trendCsv(trendExample) },
            },
          },
        ],
        problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
      },
      async ({ query, csv }, service) => tableAnswer(csv, await questions.trend({ ...query, service }), trendCsv),
    ),
  ]
}
