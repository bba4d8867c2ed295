import { z } from 'zod'
import { InvalidParameter, NothingKept } from '../../domain/errors.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Replay, Replayed } from '../../domain/ports/event-log.ts'
import { resolvePeriod } from '../../queries/period.ts'
import { jsonAnswer } from '../answering.ts'
import { reachesAll } from '../auth.ts'
import { from, to } from '../parameters.ts'
import { Refused } from '../refused.ts'
import { withinReach, type Route } from '../route.ts'

/** Sends through the event log again. @throws {LogUnavailable | StoreUnavailable | NothingKept} */
export type ReplayCall = (asked: Replay) => Promise<Replayed>

const answer = z
  .object({
    events: z.int().min(0).describe('Events that were sent through the event log again'),
    unreadable: z.int().min(0).describe('Messages that this version cannot read; they stay where they are'),
  })
  .meta({ id: 'Replayed' })

export function replayRoutes({ replay, clock }: { replay: ReplayCall; clock: Clock }): readonly Route[] {
  return [
    withinReach(
      {
        id: 'replay',
        method: 'post',
        path: '/v1/replay',
        tag: 'Status',
        summary: 'Sends events through the event log again',
        description:
          'Without `from` and `to`: what was set aside and what lies in the dead letters, as far as this version can read it. With them: what was appended in that time, of a log in Kafka. An event that is in its trail already changes nothing, and what is refused again is set aside again. `npx waymark replay` calls it.',
        scope: 'admin',
        query: {
          from: { ...from, description: 'Appended from this moment on, inclusive.' },
          to: { ...to, description: 'Appended before this moment.' },
        },
        answers: [
          {
            status: 200,
            description: 'What was sent again; `/v1/status` tells when answers show it',
            content: { 'application/json': { schema: answer, example: { events: 12, unreadable: 0 } } },
          },
        ],
        problems: ['invalid-parameter', 'too-many', 'log-unavailable', 'store-unavailable'],
      },
      async ({ key, query }) => {
        if (!reachesAll(key)) throw new Refused('scope-missing')
        try {
          return jsonAnswer(await replay(asked(query, clock.now())))
        } catch (error) {
          if (!(error instanceof NothingKept)) throw error
          throw new InvalidParameter('from', 'no period: the event log keeps nothing of what was handled')
        }
      },
    ),
  ]
}

function asked(query: { from?: string | undefined; to?: string | undefined }, now: number): Replay {
  if (query.from === undefined && query.to === undefined) return 'dead letters'
  if (query.from === undefined) throw new InvalidParameter('from', 'a date or instant, beside `to`')
  if (query.to === undefined) throw new InvalidParameter('to', 'a date or instant, beside `from`')
  return resolvePeriod({ from: query.from, to: query.to }, 'UTC', now)
}
