import { z } from 'zod'
import { newKey, scopes, slug, type Key } from '../../domain/key.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { jsonAnswer, noContent } from '../answering.ts'
import { reachesAll, reachesOver } from '../auth.ts'
import { firstFault, pathText } from '../issues.ts'
import { Refused } from '../refused.ts'
import { withinReach, type Route } from '../route.ts'

const listed = {
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe('First characters of the secret, to tell keys apart'),
  scopes: z.array(z.enum(scopes)),
  service: slug.optional().describe('For this service only'),
  department: slug.optional().describe('For the services of this department only'),
  createdAt: z.string().describe('ISO 8601 instant'),
}
const listedKey = z.object(listed).meta({ id: 'Key' })
const keysAnswer = z.object({ keys: z.array(listedKey) }).meta({ id: 'Keys' })
const createdKey = z.object({ ...listed, secret: z.string().describe('Shown this once') }).meta({ id: 'CreatedKey' })

const example = {
  id: 'key_dGhpcyBpcyBhIGtl',
  name: 'Fishing team, dashboard',
  prefix: 'wmk_3yP0aB9x',
  scopes: ['read'],
  service: 'renew-fishing-licence',
  createdAt: '2026-01-05T09:00:00.000Z',
}

const common = { tag: 'Keys', scope: 'admin', query: {} } as const

export function keyRoutes(registry: Registry, bodyBytesMax: number): readonly Route[] {
  return [listKeys(registry), createKey(registry, bodyBytesMax), deleteKey(registry)]
}

function listKeys(registry: Registry): Route {
  return withinReach(
    {
      ...common,
      id: 'listKeys',
      method: 'get',
      path: '/v1/keys',
      summary: 'List keys',
      description: 'By prefix, never the secret. A key limited to a service or department sees those within its limit.',
      answers: [
        {
          status: 200,
          description: 'Keys that are not revoked, oldest first',
          content: { 'application/json': { schema: keysAnswer, example: { keys: [example] } } },
        },
      ],
      problems: ['store-unavailable'],
    },
    async ({ key }) => {
      const keys: Key[] = []
      for (const other of await registry.keys()) if (await within(registry, key, other)) keys.push(other)
      return jsonAnswer({ keys })
    },
  )
}

function createKey(registry: Registry, bodyBytesMax: number): Route {
  return withinReach(
    {
      ...common,
      id: 'createKey',
      method: 'post',
      path: '/v1/keys',
      summary: 'Create a key',
      description: `For everything, for one service or for one department. The body has at most ${bodyBytesMax} bytes. A key that is itself limited can only make keys within its limit.`,
      body: {
        required: true,
        content: {
          'application/json': {
            schema: newKey,
            example: { name: 'Fishing team, dashboard', scopes: ['read'], service: 'renew-fishing-licence' },
          },
        },
      },
      answers: [
        {
          status: 201,
          description: 'The key; its secret is shown this once and kept only as a hash',
          content: {
            'application/json': {
              schema: createdKey,
              example: { ...example, secret: 'wmk_3yP0aB9xWb1mJ4vQnT6sRk8cZ2dF5gHhLpXeYuIoA7w' },
            },
          },
        },
      ],
      problems: ['invalid-json', 'invalid-key', 'too-large', 'unsupported-type', 'store-unavailable'],
    },
    async ({ key, json }) => {
      const parsed = newKey.safeParse(await json())
      if (!parsed.success) {
        const { path, detail } = firstFault(parsed.error)
        throw new Refused('invalid-key', detail, path.length === 0 ? {} : { path: pathText(path) })
      }
      if (!(await within(registry, key, parsed.data))) throw new Refused('scope-missing')
      const created = await registry.createKey(parsed.data)
      return jsonAnswer({ ...created.key, secret: created.secret }, 201)
    },
  )
}

function deleteKey(registry: Registry): Route {
  return withinReach(
    {
      ...common,
      id: 'deleteKey',
      method: 'delete',
      path: '/v1/keys/{id}',
      summary: 'Revoke a key',
      pathParameters: {
        id: { description: 'Id of the key, as listed', schema: z.string(), example: example.id },
      },
      answers: [{ status: 204, description: 'Revoked: from now on it is refused' }],
      problems: ['not-found', 'store-unavailable'],
    },
    async ({ key, path }) => {
      const target = (await registry.keys()).find(({ id }) => id === path['id'])
      // A limited key learns nothing of which other keys exist.
      if (!reachesAll(key) && (target === undefined || !(await within(registry, key, target))))
        throw new Refused('scope-missing')
      if (target === undefined || !(await registry.deleteKey(target.id))) throw new Refused('not-found')
      return noContent()
    },
  )
}

/** Whether a key may see, make or revoke another: the other reaches nothing that it does not reach itself. */
async function within(
  registry: Registry,
  key: Key,
  other: { service?: string | undefined; department?: string | undefined },
): Promise<boolean> {
  const home = other.service === undefined ? undefined : (await registry.service(other.service))?.department
  return reachesOver(key, other, home)
}
