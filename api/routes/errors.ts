import { shape } from '../../domain/limits.ts'
import { errorsAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { errorsCsv } from '../../queries/csv.ts'
import { tableAnswer } from '../answering.ts'
import { errorsExample } from '../examples-errors.ts'
import { from, single, to, tz, version, where, wholeNumber } from '../parameters.ts'
import { onService, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

const limit = single(wholeNumber(1, shape.errorRowsMax), {
  description: 'Rows by step, field and code, and as many by field and code; the rest is `other`. Default: 100.',
  allowed: `a whole number from 1 to ${shape.errorRowsMax}`,
  example: '100',
})

export function errorRoutes(questions: Pick<Questions, 'errors'>): readonly Route[] {
  return [
    onService(
      {
        id: 'getErrors',
        method: 'get',
        path: '/v1/services/{id}/errors',
        tag: 'Answers',
        summary: 'Which errors lose people',
        description:
          'By step, field and code, and by field and code over the steps: journeys that met the error, how they ended, and their odds of not completing against those of the others that reached the same step. That a journey which met an error completes less often does not say that the error is why.',
        scope: 'read',
        pathParameters: serviceIdParameter,
        query: { from, to, tz, where, version, limit },
        answers: [
          {
            status: 200,
            description: 'Errors, what most journeys met first. As CSV: a row each, of both lists.',
            content: {
              'application/json': { schema: errorsAnswer, example: errorsExample },
              'text/csv': { schema: null, example: errorsCsv(errorsExample) },
            },
          },
        ],
        problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
      },
      async ({ query, csv }, service) => tableAnswer(csv, await questions.errors({ ...query, service }), errorsCsv),
    ),
  ]
}
