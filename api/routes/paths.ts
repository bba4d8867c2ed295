import { stepName } from '../../domain/service.ts'
import { pathsAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { pathsCsv } from '../../queries/csv.ts'
import { pathsMax } from '../../queries/paths.ts'
import { tableAnswer } from '../answering.ts'
import { pathsExample } from '../examples.ts'
import { from, position, single, to, tz, version, where, wholeNumber } from '../parameters.ts'
import { onService, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

const step = single(stepName, {
  description: 'Name of a step, of the funnel or not. Without it: the whole service.',
  allowed: 'the name of a step, 1 to 128 printable characters',
  example: 'your-name',
})
const limit = single(wholeNumber(1, pathsMax), {
  description: 'Rows of each list; what they leave out is in `other`. Default: 20.',
  allowed: `a whole number from 1 to ${pathsMax}`,
  example: '20',
})

export function pathRoutes(questions: Pick<Questions, 'paths'>): readonly Route[] {
  return [
    onService(
      {
        id: 'getPaths',
        method: 'get',
        path: '/v1/services/{id}/paths',
        tag: 'Answers',
        summary: 'Where people go, turn back, and go instead',
        description:
          'Of the journeys that started in the period, over their whole trails: the steps seen right after a step and right before it, where people turn back, and what those see who do not go on. A row counts journeys, each once, so a journey may be in several rows of a list. A step shown again at once is one visit, and a loop.',
        scope: 'read',
        pathParameters: serviceIdParameter,
        query: { from, to, tz, step, position, limit, where, version },
        answers: [
          {
            status: 200,
            description: 'The lists, most journeys first. As CSV: a row each, with the name of its list.',
            content: {
              'application/json': { schema: pathsAnswer, example: pathsExample },
              'text/csv': { schema: null, example: pathsCsv(pathsExample) },
            },
          },
        ],
        problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
      },
      async ({ query, csv }, service) => tableAnswer(csv, await questions.paths({ ...query, service }), pathsCsv),
    ),
  ]
}
