import { z } from 'zod'
import { keyAdmits, slug, type Key } from '../../domain/key.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { serviceInput, type Service, type ServiceInput } from '../../domain/service.ts'
import { jsonAnswer, noContent } from '../answering.ts'
import { mayUse, readable } from '../auth.ts'
import { serviceExample, serviceInputExample } from '../examples.ts'
import { readFunnel } from '../funnels.ts'
import { firstFault, pathText } from '../issues.ts'
import { single } from '../parameters.ts'
import { refusePersonalNames } from '../personal-names.ts'
import { Refused } from '../refused.ts'
import { onService, withinReach, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

export const serviceAnswer = serviceInput
  .extend({
    id: slug,
    version: z.int().min(1).describe('Of the funnel'),
    createdAt: z.string().describe('When this version of the funnel was made, ISO 8601 instant'),
    sample: z.boolean().describe('Made-up data'),
    key: z.string().optional().describe('The public key, where `publicKey` is true: browsers send it as `key`'),
  })
  .meta({ id: 'Service' })
const servicesAnswer = z.object({ services: z.array(serviceAnswer) }).meta({ id: 'Services' })

const department = single(slug, {
  description: 'Only services of this department.',
  allowed: 'a slug: lower-case letters, digits and hyphens, at most 64',
  example: 'environment-agency',
})

export function serviceRoutes(registry: Registry, bodyBytesMax: number): readonly Route[] {
  return [listServices(registry), getService(), putService(registry, bodyBytesMax), deleteService(registry)]
}

function listServices(registry: Registry): Route {
  return withinReach(
    {
      id: 'listServices',
      method: 'get',
      path: '/v1/services',
      tag: 'Services',
      summary: 'List services',
      description: 'By id. A key limited to a service or department sees those within its limit.',
      scope: 'read',
      query: { department },
      answers: [
        {
          status: 200,
          description: 'The services',
          content: { 'application/json': { schema: servicesAnswer, example: { services: [serviceExample] } } },
        },
      ],
      problems: ['invalid-parameter', 'store-unavailable'],
    },
    async ({ key, query }) => {
      admitDepartment(key, query.department)
      const filter = query.department === undefined ? {} : { department: query.department }
      return jsonAnswer({ services: (await readable(key, registry, filter)).map(shown) })
    },
  )
}

function getService(): Route {
  return onService(
    {
      id: 'getService',
      method: 'get',
      path: '/v1/services/{id}',
      tag: 'Services',
      summary: 'One service',
      scope: 'read',
      query: {},
      pathParameters: serviceIdParameter,
      answers: [
        {
          status: 200,
          description: 'The service as it was given, its defaults filled in, and what Waymark adds',
          content: { 'application/json': { schema: serviceAnswer, example: serviceExample } },
        },
      ],
      problems: ['unknown-service', 'store-unavailable'],
    },
    async (_, service) => jsonAnswer(shown(service)),
  )
}

function putService(registry: Registry, bodyBytesMax: number): Route {
  return withinReach(
    {
      id: 'putService',
      method: 'put',
      path: '/v1/services/{id}',
      tag: 'Services',
      summary: 'Create or replace a service',
      description:
        'Replaces the whole definition. A funnel that says something else is a new `version`; a change of labels or of anything else keeps version and `createdAt`. ' +
        'What GET adds (`id`, `version`, `createdAt`, `sample`, `key`) may stand in the body and is ignored. Of two at once the last one wins. A deleted service comes back, and its versions go on. ' +
        `The body has at most ${bodyBytesMax} bytes. A key limited to a department can create and change services of that department only.`,
      scope: 'admin',
      query: {},
      pathParameters: serviceIdParameter,
      body: {
        required: true,
        content: { 'application/json': { schema: serviceInput, example: serviceInputExample } },
      },
      answers: [
        {
          status: 200,
          description: 'Replaced: the service',
          content: { 'application/json': { schema: serviceAnswer, example: serviceExample } },
        },
        {
          status: 201,
          description: 'Created, or brought back: the service',
          content: { 'application/json': { schema: serviceAnswer, example: serviceExample } },
        },
      ],
      problems: [
        'invalid-json',
        'invalid-service',
        'invalid-funnel',
        'personal-data',
        'too-large',
        'unsupported-type',
        'store-unavailable',
      ],
    },
    async ({ key, path, json }) => {
      const id = path['id'] ?? ''
      if (key.service !== undefined && key.service !== id) throw new Refused('scope-missing')
      if (!slug.safeParse(id).success)
        throw new Refused('invalid-service', 'expected a slug: lower-case letters, digits and hyphens, at most 64', {
          path: 'id',
        })
      // Who may not change it learns nothing of what is wrong with the change.
      const before = await lastDefinition(registry, id)
      if (before !== undefined && !mayUse(key, 'admin', before)) throw new Refused('scope-missing')
      const input = readService(await json())
      // A limited key must reach the service both as it was, deleted or not, and as it would be.
      if (!mayUse(key, 'admin', { id, department: input.department })) throw new Refused('scope-missing')
      const existed = (await registry.service(id)) !== undefined
      return jsonAnswer(shown(await registry.putService(id, input)), existed ? 200 : 201)
    },
  )
}

function deleteService(registry: Registry): Route {
  return onService(
    {
      id: 'deleteService',
      method: 'delete',
      path: '/v1/services/{id}',
      tag: 'Services',
      summary: 'Delete a service',
      description:
        'Stops intake and hides the service with its answers. What is stored stays: a PUT of the same id brings it back.',
      scope: 'admin',
      query: {},
      pathParameters: serviceIdParameter,
      answers: [{ status: 204, description: 'Deleted' }],
      problems: ['unknown-service', 'store-unavailable'],
    },
    async (_, service) => {
      if (!(await registry.deleteService(service.id))) throw new Refused('unknown-service')
      return noContent()
    },
  )
}

/** What a GET shows beyond the definition: a PUT takes it back, and ignores it. */
const ofWaymark = ['id', 'version', 'createdAt', 'sample', 'key']

/** @throws {Refused} invalid-service, invalid-funnel, personal-data */
function readService(value: object): ServiceInput {
  const given = Object.fromEntries(Object.entries(value).filter(([name]) => !ofWaymark.includes(name)))
  const parsed = serviceInput.safeParse(given)
  if (!parsed.success) {
    const { path, detail } = firstFault(parsed.error)
    const code = path[0] === 'funnel' && path.length > 1 ? 'invalid-funnel' : 'invalid-service'
    throw new Refused(code, detail, path.length === 0 ? {} : { path: pathText(path) })
  }
  const funnel = readFunnel(parsed.data.funnel, 'funnel')
  refusePersonalNames(funnel, 'funnel')
  return { ...parsed.data, funnel }
}

/** Of a service that was deleted too. */
export async function lastDefinition(registry: Registry, id: string): Promise<Service | undefined> {
  let last: Service | undefined
  for (let version = 1; ; version++) {
    const next = await registry.serviceVersion(id, version)
    if (next === undefined) return last
    last = next
  }
}

/** Naming another department than one's own asks for what the key does not reach. */
export function admitDepartment(key: Key, department: string | undefined): void {
  if (key.department === undefined || department === undefined) return
  if (!keyAdmits(key, 'read', { department })) throw new Refused('scope-missing')
}

function shown({ deleted: _, ...service }: Service) {
  return service
}
