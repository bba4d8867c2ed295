import { z } from 'zod'
import type { Check } from '../../domain/check.ts'
import { jsonAnswer } from '../answering.ts'
import { reachesAll } from '../auth.ts'
import { Refused } from '../refused.ts'
import { withinReach, type Route } from '../route.ts'

const check = z
  .object({
    name: z.string(),
    state: z.enum(['ok', 'warn', 'fail']),
    detail: z.string(),
    action: z.string().exactOptional().describe('What to do; absent when nothing is to be done'),
  })
  .meta({ id: 'Check' }) satisfies z.ZodType<Check>
const doctorAnswer = z.object({ checks: z.array(check) }).meta({ id: 'Doctor' })

export function doctorRoutes(doctor: () => Promise<readonly Check[]>): readonly Route[] {
  return [
    withinReach(
      {
        id: 'getDoctor',
        method: 'get',
        path: '/v1/doctor',
        tag: 'Status',
        summary: 'What is well with this installation, and what is not',
        description: 'Each check with what to do. `npx waymark doctor` prints it.',
        scope: 'admin',
        query: {},
        answers: [
          {
            status: 200,
            description: 'The checks, in the order of an event through the system',
            content: {
              'application/json': {
                schema: doctorAnswer,
                example: { checks: [{ name: 'event log', state: 'ok', detail: '0 events wait' }] },
              },
            },
          },
        ],
        problems: [],
      },
      async ({ key }) => {
        // It says things of the whole installation.
        if (!reachesAll(key)) throw new Refused('scope-missing')
        return jsonAnswer({ checks: await doctor() })
      },
    ),
  ]
}
