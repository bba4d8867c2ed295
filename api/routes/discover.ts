import { shape } from '../../domain/limits.ts'
import { discoverAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { discoverCsv } from '../../queries/csv.ts'
import { tableAnswer } from '../answering.ts'
import { discoverExample } from '../examples.ts'
import { from, single, to, tz, where, wholeNumber } from '../parameters.ts'
import { onService, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

const limit = single(wholeNumber(shape.stepsMin, shape.stepsMax), {
  description: `Most positions of the suggested funnel. Default: ${shape.stepsMax}.`,
  allowed: `a whole number from ${shape.stepsMin} to ${shape.stepsMax}`,
  example: '20',
})

export function discoverRoutes(questions: Pick<Questions, 'discover'>): readonly Route[] {
  return [
    onService(
      {
        id: 'discoverFunnel',
        method: 'get',
        path: '/v1/services/{id}/discover',
        tag: 'Answers',
        summary: 'A funnel from the traffic seen',
        description:
          'From the journeys first seen in the period, whatever the present funnel says of them: steps in order, choices (`anyOf`), optional steps and a window, with how sure each is. A step that a funnel should hold twice is found once.',
        scope: 'read',
        pathParameters: serviceIdParameter,
        query: { from, to, tz, where, limit },
        answers: [
          {
            status: 200,
            description:
              'A suggestion, or null with the reason; and every step seen. As CSV: a row for each step seen.',
            content: {
              'application/json': { schema: discoverAnswer, example: discoverExample },
              'text/csv': { schema: null, example: discoverCsv(discoverExample) },
            },
          },
        ],
        problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
      },
      async ({ query, csv }, service) => tableAnswer(csv, await questions.discover({ ...query, service }), discoverCsv),
    ),
  ]
}
