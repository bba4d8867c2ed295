import type { Registry } from '../../domain/ports/registry.ts'
import { opportunitiesAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { opportunitiesCsv } from '../../queries/csv.ts'
import { opportunitiesMax } from '../../queries/opportunities.ts'
import { tableAnswer } from '../answering.ts'
import { reachesAll, readable } from '../auth.ts'
import { opportunitiesExample } from '../examples.ts'
import { ofCompared, single, wholeNumber } from '../parameters.ts'
import { withinReach, type Route } from '../route.ts'
import { admitDepartment } from './services.ts'

const query = {
  ...ofCompared,
  limit: single(wholeNumber(1, opportunitiesMax), {
    description: 'Steps listed; how many more there are is in `other`. Default: 100.',
    allowed: `a whole number from 1 to ${opportunitiesMax}`,
    example: '10',
  }),
} as const

export function opportunityRoutes(questions: Pick<Questions, 'opportunities'>, registry: Registry): readonly Route[] {
  return [
    withinReach(
      {
        id: 'listOpportunities',
        method: 'get',
        path: '/v1/opportunities',
        tag: 'Answers',
        summary: 'Which steps would bring most people to the end',
        description:
          'Steps across services by recoverable journeys: how many more would finish if the step lost no more than it does in a typical service that has it (at least 5), or than in its own best quarter, times the rate of finishing after it, and what they cost in another channel. Each figure supposes that all other steps stay as they are: figures of one service must not be added up. A key limited to a service or department has its services compared among themselves.',
        scope: 'read',
        query,
        answers: [
          {
            status: 200,
            description: 'Steps, most recoverable first. As CSV: a row each.',
            content: {
              'application/json': { schema: opportunitiesAnswer, example: opportunitiesExample },
              'text/csv': { schema: null, example: opportunitiesCsv(opportunitiesExample) },
            },
          },
        ],
        problems: ['invalid-parameter', 'query-too-large', 'store-unavailable'],
      },
      async ({ key, query, csv }) => {
        admitDepartment(key, query.department)
        const within = reachesAll(key) ? {} : { services: (await readable(key, registry)).map(({ id }) => id) }
        return tableAnswer(csv, await questions.opportunities({ ...query, ...within }), opportunitiesCsv)
      },
    ),
  ]
}
