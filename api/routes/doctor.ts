import { z } from 'zod'
import type { Check } from '../../domain/check.ts'
import { slug } from '../../domain/key.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { tellKey } from '../../domain/tally/keys.ts'
import type { Difference, Verification } from '../../domain/verification.ts'
import { isoInZone, resolvePeriod } from '../../queries/period.ts'
import { jsonAnswer } from '../answering.ts'
import { reachesAll } from '../auth.ts'
import { from, single, to } from '../parameters.ts'
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

const instant = z.string().describe('ISO 8601, in the time zone of the service')
const differing = z
  .object({
    table: z
      .enum(['facts', 'rollup', 'edge'])
      .describe('What answers are read from: facts of journeys, tallies, open journeys'),
    journey: z.string().exactOptional().describe('Of facts and edge: its keyed hash'),
    columns: z
      .array(z.string())
      .exactOptional()
      .describe('Of facts: what differs; `missing`: no facts; `trail`: no trail'),
    surplus: z.int().exactOptional().describe('Of the edge: how many times too often it is there'),
    dimension: z.string().exactOptional().describe('Of the rollup; empty: of all journeys'),
    value: z.string().exactOptional(),
    grain: z.enum(['hour', 'day', 'week']).exactOptional(),
    bucket: instant.exactOptional(),
    key: z.string().exactOptional().describe('What is counted'),
    sealed: z.int().exactOptional().describe('What the rollup says'),
    counted: z.int().exactOptional().describe('What the trails say'),
  })
  .meta({ id: 'VerificationDifference' })
const verified = z
  .object({
    service: z.string(),
    version: z.int(),
    from: instant.nullable().describe('Whole days; null when there is nothing'),
    to: instant.nullable(),
    sealed: z.boolean().describe('Tallies stood and were compared; else answers come from facts, which were'),
    hours: z.int().describe('Hours in which somebody started'),
    journeys: z.int().describe('Computed anew from their trails'),
    notJudged: z.int().describe('Of those: too long to be judged again, so that their verdict was taken as it stands'),
    daysUnsettled: z.int().describe('Days that changed so much meanwhile that they could not be compared'),
    differences: z.int(),
    listed: z.array(differing).describe('The first 20 of them'),
  })
  .meta({ id: 'Verification' })
const verifyAnswer = z.object({ services: z.array(verified) }).meta({ id: 'Verifications' })
const verifyExample: z.infer<typeof verifyAnswer> = {
  services: [
    {
      service: 'renew-licence',
      version: 2,
      from: '2026-01-05T00:00:00+00:00',
      to: '2026-01-06T00:00:00+00:00',
      sealed: true,
      hours: 24,
      journeys: 1834,
      notJudged: 0,
      daysUnsettled: 0,
      differences: 1,
      listed: [
        {
          table: 'rollup',
          dimension: 'device',
          value: 'mobile',
          grain: 'hour',
          bucket: '2026-01-05T09:00:00+00:00',
          key: 'depth 2, completed',
          sealed: 40,
          counted: 41,
        },
      ],
    },
  ],
}

const service = single(slug, {
  description: 'Only this service. Default: all.',
  allowed: 'the id of a service, such as renew-licence',
  example: 'renew-licence',
})

/** Compares a service with its trails. @throws {StoreUnavailable} */
export type Verify = (asked: {
  readonly service: string
  readonly period: { readonly from: number; readonly to: number } | null
}) => Promise<Verification>

export interface DoctorParts {
  readonly doctor: () => Promise<readonly Check[]>
  readonly verify: Verify
  readonly registry: Pick<Registry, 'service' | 'services'>
  readonly clock: Clock
}

export function doctorRoutes(parts: DoctorParts): readonly Route[] {
  return [checksRoute(parts), verifyRoute(parts)]
}

function checksRoute({ doctor }: DoctorParts): Route {
  return withinReach(
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
  )
}

function verifyRoute({ verify, registry, clock }: DoctorParts): Route {
  return withinReach(
    {
      id: 'getVerification',
      method: 'get',
      path: '/v1/doctor/verify',
      tag: 'Status',
      summary: 'Whether answers are what the trails say',
      description:
        'Computes facts and tallies of whole days anew from the trails and compares them with those that answers are read from. It changes nothing and takes minutes for millions of journeys; events are processed meanwhile. `npx waymark doctor --verify` prints it.',
      scope: 'admin',
      query: {
        service,
        from: { ...from, description: 'Start of the period, inclusive. Without `from` and `to`: all that there is.' },
        to: { ...to, description: 'End of the period, exclusive. Without `from` and `to`: all that there is.' },
      },
      answers: [
        {
          status: 200,
          description: 'A row for each service',
          content: { 'application/json': { schema: verifyAnswer, example: verifyExample } },
        },
      ],
      problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
    },
    async ({ key, query }) => {
      // Whose hashes are shown, and how much is computed, is nothing for a key of one service.
      if (!reachesAll(key)) throw new Refused('scope-missing')
      const one = query.service === undefined ? undefined : await registry.service(query.service)
      if (query.service !== undefined && one === undefined) throw new Refused('unknown-service')
      const asked = (one === undefined ? await registry.services() : [one]).map(({ id, timeZone }) => ({
        service: id,
        timeZone,
        period:
          query.from === undefined && query.to === undefined
            ? null
            : resolvePeriod({ from: query.from, to: query.to }, timeZone, clock.now()),
      }))
      const services = []
      for (const { timeZone, ...each } of asked) services.push(shown(await verify(each), timeZone))
      return jsonAnswer({ services })
    },
  )
}

function shown({ listed, ...verification }: Verification, timeZone: string): z.infer<typeof verified> {
  const at = (ms: number | null) => (ms === null ? null : isoInZone(ms, timeZone))
  return {
    ...verification,
    from: at(verification.from),
    to: at(verification.to),
    listed: listed.map((one) => differenceShown(one, timeZone)),
  }
}

function differenceShown(one: Difference, timeZone: string): z.infer<typeof differing> {
  if (one.table === 'facts') return { ...one, columns: [...one.columns] }
  if (one.table === 'edge') return one
  return { ...one, bucket: isoInZone(one.bucket, timeZone), key: tellKey(one.key) }
}
