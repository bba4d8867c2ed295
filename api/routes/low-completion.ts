import type { Registry } from '../../domain/ports/registry.ts'
import { lowCompletionAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { lowCompletionCsv } from '../../queries/csv.ts'
import { servicesMax } from '../../queries/low-completion.ts'
import { tableAnswer } from '../answering.ts'
import { reachesAll, readable } from '../auth.ts'
import { lowCompletionExample } from '../examples.ts'
import { ofCompared, single, wholeNumber } from '../parameters.ts'
import { withinReach, type Route } from '../route.ts'
import { admitDepartment } from './services.ts'

const query = {
  ...ofCompared,
  limit: single(wholeNumber(1, servicesMax), {
    description: 'Services listed; all are compared all the same.',
    allowed: `a whole number from 1 to ${servicesMax}`,
    example: '10',
  }),
} as const

export function lowCompletionRoutes(questions: Pick<Questions, 'lowCompletion'>, registry: Registry): readonly Route[] {
  return [
    withinReach(
      {
        id: 'getLowCompletion',
        method: 'get',
        path: '/v1/low-completion',
        tag: 'Answers',
        summary: 'Which services need help first',
        description:
          'Services by completion rate, each pulled towards the others the less it has been used (empirical Bayes), with the probability that its true rate is in the worst tenth of those compared. A key limited to a service or department has its services compared among themselves.',
        scope: 'read',
        query,
        answers: [
          {
            status: 200,
            description: 'Services, worst first, and a funnel plot. As CSV: a row for each service.',
            content: {
              'application/json': { schema: lowCompletionAnswer, example: lowCompletionExample },
              'text/csv': { schema: null, example: lowCompletionCsv(lowCompletionExample) },
            },
          },
        ],
        problems: ['invalid-parameter', 'query-too-large', 'store-unavailable'],
      },
      async ({ key, query, csv }) => {
        admitDepartment(key, query.department)
        const within = reachesAll(key) ? {} : { services: (await readable(key, registry)).map(({ id }) => id) }
        return tableAnswer(csv, await questions.lowCompletion({ ...query, ...within }), lowCompletionCsv)
      },
    ),
  ]
}
