import { adminKey, keyAdmits, type Key, type Scope } from '../domain/key.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Service } from '../domain/service.ts'
import { Refused } from './refused.ts'

/** What the server says of a connection beside the request. */
export interface ConnectionFacts {
  /** Set by the server of the socket in the data directory only: who can open that may do everything. */
  readonly trusted?: boolean
}

/**
 * The key that a request comes with; `undefined` when it brings none.
 * @throws {Refused} bad-key for an `Authorization` that is malformed, unknown or revoked, wherever it is sent
 */
export async function keyOf(
  request: Request,
  registry: Pick<Registry, 'keyBySecret'>,
  facts: ConnectionFacts,
): Promise<Key | undefined> {
  const authorization = request.headers.get('authorization')
  if (authorization === null) return facts.trusted === true ? adminKey : undefined
  const secret = /^bearer +([\x21-\x7e]{1,512})$/i.exec(authorization.trim())?.[1]
  const key = secret === undefined ? undefined : await registry.keyBySecret(secret)
  if (key === undefined) throw new Refused('bad-key')
  return key
}

/** Whether the key may do this to a service. The pages ask the same of the key behind a session. */
export function mayUse(key: Key, scope: Scope, service: Pick<Service, 'id' | 'department'>): boolean {
  return keyAdmits(key, scope, { service: service.id, department: service.department })
}

/** The services that the key may read, of those that exist. */
export async function readable(
  key: Key,
  registry: Registry,
  filter: { department?: string } = {},
): Promise<readonly Service[]> {
  return (await registry.services(filter)).filter((service) => mayUse(key, 'read', service))
}

/** Whether the key is for all services. */
export function reachesAll(key: Key): boolean {
  return key.service === undefined && key.department === undefined
}

/**
 * Whether everything that another key reaches, this one reaches too.
 * @param home department of the other key's service, where it is for one
 */
export function reachesOver(
  key: Key,
  other: { service?: string | undefined; department?: string | undefined },
  home: string | undefined,
): boolean {
  if (reachesAll(key)) return true
  if (key.service !== undefined) return other.service === key.service
  return (other.service === undefined ? other.department : home) === key.department
}
