import { z } from 'zod'
import type { Registry } from '../../domain/ports/registry.ts'
import { jsonAnswer } from '../answering.ts'
import { mayUse } from '../auth.ts'
import { withinReach, type Route } from '../route.ts'

export const statusAnswer = z
  .object({
    pendingEvents: z.int().min(0).describe('Acknowledged events that answers do not show yet'),
    pendingSeconds: z.number().min(0).describe('Age of the oldest of them'),
    refusedEvents: z.int().min(0).describe('Acknowledged events that could not be stored and were set aside'),
    revision: z.string().describe('Changes whenever an answer may have changed'),
    versions: z
      .array(
        z.strictObject({
          service: z.string(),
          version: z.int().min(0),
          stage: z.enum(['judging', 'sealing']),
          journeysDone: z.int().min(0),
          journeys: z.int().min(0),
        }),
      )
      .describe(
        'Services, of those that the key may read, whose journeys are being judged by a new version of their funnel, or whose tallies are being made: answers are right meanwhile, and slower',
      ),
  })
  .meta({ id: 'Status' })
export type Status = z.infer<typeof statusAnswer>

export function statusRoutes(status: () => Promise<Status>, registry: Pick<Registry, 'service'>): readonly Route[] {
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
                example: {
                  pendingEvents: 0,
                  pendingSeconds: 0,
                  refusedEvents: 0,
                  revision: 'm8x2k1-4',
                  versions: [
                    {
                      service: 'renew-fishing-licence',
                      version: 3,
                      stage: 'sealing',
                      journeysDone: 250_000,
                      journeys: 1_434_000,
                    },
                  ],
                },
              },
            },
          },
        ],
        problems: ['log-unavailable', 'store-unavailable'],
      },
      async ({ key }) => {
        const { versions, ...rest } = await status()
        const known = await Promise.all(versions.map(({ service }) => registry.service(service)))
        const admitted = versions.filter((_, index) => {
          const service = known[index]
          return service !== undefined && mayUse(key, 'read', service)
        })
        return jsonAnswer({ ...rest, versions: admitted })
      },
    ),
  ]
}
