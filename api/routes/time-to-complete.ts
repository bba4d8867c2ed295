import { timeToCompleteAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { timeToCompleteCsv } from '../../queries/csv.ts'
import { tableAnswer } from '../answering.ts'
import { timeToCompleteExample } from '../examples.ts'
import { from, to, tz, version, where } from '../parameters.ts'
import { onService, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

export function timeToCompleteRoutes(questions: Pick<Questions, 'timeToComplete'>): readonly Route[] {
  return [
    onService(
      {
        id: 'getTimeToComplete',
        method: 'get',
        path: '/v1/services/{id}/time-to-complete',
        tag: 'Answers',
        summary: 'How long it takes',
        description:
          'From the start of the run that counts to its last step, or to the outcome that completed it, of journeys that started in the period.',
        scope: 'read',
        pathParameters: serviceIdParameter,
        query: { from, to, tz, where, version },
        answers: [
          {
            status: 200,
            description: 'Quantiles and a histogram, in seconds. As CSV: a row for each bar of the histogram.',
            content: {
              'application/json': { schema: timeToCompleteAnswer, example: timeToCompleteExample },
              'text/csv': { schema: null, example: timeToCompleteCsv(timeToCompleteExample) },
            },
          },
        ],
        problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
      },
      async ({ query, csv }, service) =>
        tableAnswer(csv, await questions.timeToComplete({ ...query, service }), timeToCompleteCsv),
    ),
  ]
}
