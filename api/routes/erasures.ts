import { z } from 'zod'
import { keyAdmits, slug, type Key } from '../../domain/key.ts'
import { shape } from '../../domain/limits.ts'
import type { Erasure } from '../../domain/ports/erasures.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { printable } from '../../domain/text.ts'
import { jsonAnswer, noContent } from '../answering.ts'
import { mayUse, reachesAll } from '../auth.ts'
import { firstFault, pathText } from '../issues.ts'
import { single, wholeNumber } from '../parameters.ts'
import { Refused } from '../refused.ts'
import { withinReach, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'
import { lastDefinition } from './services.ts'

/** What the routes need of whoever erases. */
export interface ErasureCalls {
  /**
   * Resolves when no answer shows the journey, and every later event of it is dropped.
   * @param journey hash (tried first) or reference
   * @throws {StoreUnavailable} it may be listed, and is removed later then
   */
  erase(service: string, journey: string): Promise<void>
  /** The same for journeys of another list, by their hashes. */
  apply(erasures: readonly Erasure[]): Promise<void>
  /** In the order of (service, journey), behind one of them. */
  list(question: {
    readonly after?: Pick<Erasure, 'service' | 'journey'> | undefined
    readonly limit: number
  }): Promise<readonly Erasure[]>
}

export function erasureRoutes(calls: ErasureCalls, registry: Registry, bodyBytesMax: number): readonly Route[] {
  return [eraseJourney(calls, registry), listErasures(calls), applyErasures(calls, bodyBytesMax)]
}

const reference = z.string().min(1).max(shape.journeyCharsMax).regex(printable)
const hash = z
  .string()
  .regex(/^[0-9a-f]{16}$/, 'expected 16 lower-case hexadecimal digits')
  .describe('Keyed hash of the reference: 16 lower-case hexadecimal digits')

const erasure = z
  .strictObject({
    service: slug,
    journey: hash,
    at: z.iso.datetime({ offset: true }).describe('When it was asked for first, ISO 8601 instant'),
  })
  .meta({ id: 'Erasure' })
const example = { service: 'renew-fishing-licence', journey: '9f86d081884c7d65', at: '2026-02-12T10:00:00.000Z' }

const { erasuresPageMax } = shape

const erasuresAnswer = z
  .object({
    erasures: z.array(erasure),
    cursor: z.string().nullable().describe('The next page: `cursor=` of the same call; null on the last'),
  })
  .meta({ id: 'Erasures' })
const erasuresInput = z
  .strictObject({ erasures: z.array(erasure).min(1).max(erasuresPageMax) })
  .meta({ id: 'ErasuresInput' })

function eraseJourney(calls: ErasureCalls, registry: Registry): Route {
  return withinReach(
    {
      id: 'eraseJourney',
      method: 'delete',
      path: '/v1/services/{id}/journeys/{journey}',
      tag: 'Erasures',
      summary: 'Erase one person’s journey',
      description:
        'By its hash, which is tried first, or by the reference that events were sent with. When it is answered, no answer shows the journey; ' +
        'its bytes leave the disk within 24 hours; every later event of it is acknowledged, dropped and counted, for ever. ' +
        'Nothing need be known of the journey. What looks like a hash and is none that is known is erased as both. A journey of a deleted service is erased too. ' +
        'After a 503 the erasure may be listed, and is completed later; sending it again completes it at once.',
      scope: 'admin',
      query: {},
      pathParameters: {
        ...serviceIdParameter,
        journey: {
          description: 'Hash of 16 hexadecimal digits, or the reference, percent-encoded',
          schema: reference,
          example: example.journey,
        },
      },
      answers: [{ status: 204, description: 'Erased, or nothing was known of it: it is kept out from now on' }],
      problems: ['invalid-parameter', 'unknown-service', 'store-unavailable'],
    },
    async ({ key, path }) => {
      const id = path['id'] ?? ''
      await admitService(key, registry, id)
      const journey = reference.safeParse(path['journey'])
      if (!journey.success)
        throw new Refused(
          'invalid-parameter',
          `journey: expected a hash or a reference of 1 to ${shape.journeyCharsMax} printable characters`,
          { path: 'journey' },
        )
      await calls.erase(id, journey.data)
      return noContent()
    },
  )
}

/** A deleted service still holds journeys. @throws {Refused} the scope is asked before whether the service exists */
async function admitService(key: Key, registry: Registry, id: string): Promise<void> {
  const service = await lastDefinition(registry, id)
  const admitted = service === undefined ? keyAdmits(key, 'admin', { service: id }) : mayUse(key, 'admin', service)
  if (!admitted) throw new Refused('scope-missing')
  if (service === undefined) throw new Refused('unknown-service')
}

const cursorForm = /^([a-z0-9-]{1,64}):([0-9a-f]{16})$/
const cursor = single(z.string().regex(cursorForm), {
  description: 'Where the page before ended.',
  allowed: 'the cursor of an answer of this call',
  example: `${example.service}:${example.journey}`,
})
const limit = single(wholeNumber(1, erasuresPageMax), {
  description: `Erasures of one page. Default ${erasuresPageMax}.`,
  allowed: `a whole number from 1 to ${erasuresPageMax}`,
  example: '100',
})

function listErasures(calls: ErasureCalls): Route {
  return withinReach(
    {
      id: 'listErasures',
      method: 'get',
      path: '/v1/erasures',
      tag: 'Erasures',
      summary: 'List what was erased',
      description:
        'Every journey that was erased, by its hash, in the order of service and journey: to be kept beside the backups, and applied after a restore. ' +
        'Only an unlimited key sees it. `npx waymark erasures export` writes all of it to a file.',
      scope: 'admin',
      query: { limit, cursor },
      answers: [
        {
          status: 200,
          description: 'A page of the list',
          content: { 'application/json': { schema: erasuresAnswer, example: { erasures: [example], cursor: null } } },
        },
      ],
      problems: ['invalid-parameter', 'store-unavailable'],
    },
    async ({ key, query }) => {
      if (!reachesAll(key)) throw new Refused('scope-missing')
      const max = query.limit ?? erasuresPageMax
      const [, service, journey] = cursorForm.exec(query.cursor ?? '') ?? []
      const after = service === undefined || journey === undefined ? undefined : { service, journey }
      const page = await calls.list({ after, limit: max + 1 })
      const shown = page.slice(0, max)
      const last = shown.at(-1)
      return jsonAnswer({
        erasures: shown.map((one) => ({ ...one, at: new Date(one.at).toISOString() })),
        cursor: page.length > max && last !== undefined ? `${last.service}:${last.journey}` : null,
      })
    },
  )
}

function applyErasures(calls: ErasureCalls, bodyBytesMax: number): Route {
  return withinReach(
    {
      id: 'applyErasures',
      method: 'post',
      path: '/v1/erasures',
      tag: 'Erasures',
      summary: 'Apply a list of erasures',
      description:
        'Erases journeys by their hashes, of services that exist or not: part of a restore. Those that are listed already stay listed, with the earlier time. ' +
        `At most ${erasuresPageMax} at a time, and ${bodyBytesMax} bytes. Only an unlimited key may. \`npx waymark erasures apply\` sends a file of any length.`,
      scope: 'admin',
      query: {},
      body: {
        required: true,
        content: { 'application/json': { schema: erasuresInput, example: { erasures: [example] } } },
      },
      answers: [{ status: 204, description: 'Erased: no answer shows any of them' }],
      problems: ['invalid-json', 'invalid-parameter', 'too-large', 'unsupported-type', 'store-unavailable'],
    },
    async ({ key, json }) => {
      if (!reachesAll(key)) throw new Refused('scope-missing')
      const parsed = erasuresInput.safeParse(await json())
      if (!parsed.success) {
        const { path, detail } = firstFault(parsed.error)
        throw new Refused('invalid-parameter', detail, path.length === 0 ? {} : { path: pathText(path) })
      }
      await calls.apply(parsed.data.erasures.map((one) => ({ ...one, at: Date.parse(one.at) })))
      return noContent()
    },
  )
}
