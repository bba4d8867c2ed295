import { z } from 'zod'
import { jsonAnswer } from '../answering.ts'
import { withinReach, type Route } from '../route.ts'

export const statusAnswer = z
  .object({
    pendingEvents: z.int().min(0).describe('Acknowledged events that answers do not show yet'),
    pendingSeconds: z.number().min(0).describe('Age of the oldest of them'),
    refusedEvents: z.int().min(0).describe('Acknowledged events that could not be stored and were set aside'),
    revision: z.string().describe('Changes whenever an answer may have changed'),
  })
  .meta({ id: 'Status' })
export type Status = z.infer<typeof statusAnswer>

export function statusRoutes(status: () => Promise<Status>): readonly Route[] {
  return [
    withinReach(
      {
        id: 'getStatus',
        method: 'get',
        path: '/v1/status',
        tag: 'Status',
        summary: 'How far answers are behind',
        description:
          'When `pendingEvents` is 0, every event acknowledged before the call is in every answer. Any key with the scope read may ask, whatever it is limited to.',
        scope: 'read',
        query: {},
        answers: [
          {
            status: 200,
            description: 'The state of this installation',
            content: {
              'application/json': {
                schema: statusAnswer,
                example: { pendingEvents: 0, pendingSeconds: 0, refusedEvents: 0, revision: 'm8x2k1-4' },
              },
            },
          },
        ],
        problems: ['store-unavailable'],
      },
      async () => jsonAnswer(await status()),
    ),
  ]
}
