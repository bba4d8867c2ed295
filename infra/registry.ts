import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { funnelStepNames, nextDefinition } from '../domain/definition.ts'
import { adminKey, scopes, slug, type Key, type NewKey } from '../domain/key.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Store, Stores } from '../domain/ports/store.ts'
import { serviceInput, type Service } from '../domain/service.ts'
import { sql } from '../domain/sql.ts'
import { inTurnQueue, revisionsAfter, type InTurn } from './changes.ts'
import { keyHash } from './hash.ts'

export interface RegistryOptions {
  readonly stores: Pick<Stores, 'reads' | 'writes'>
  readonly clock: Clock
  /** So many unpredictable bytes. */
  readonly random: (bytes: number) => Uint8Array
  /** SHA-256 of the secret with every scope: not listed, and not revoked here. */
  readonly adminKeyHash: Uint8Array
}

/**
 * The registry over the tables `definitions` and `keys`: read once, then held in memory. A change is durable
 * in ClickHouse before it is seen here, and changes follow one another, so of two at once the last one wins.
 * @throws {StoreUnavailable}
 */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  return createRegistry(options, await readRegistry(options.stores.reads))
}

/** The tables as they stand: all that a registry knows. */
export const registryRows = z.object({
  lastRevision: z.number(),
  /** The last definition of each version of each service, in that order. */
  definitions: z.array(z.object({ definition: z.string() })),
  /** Those that were not revoked. */
  keys: z.array(z.object({ hash: z.string(), key: z.string() })),
})
export type RegistryRows = z.output<typeof registryRows>

/**
 * Reads   definitions and keys, all of both.
 * @throws {StoreUnavailable}
 */
export async function readRegistry(reads: Store): Promise<RegistryRows> {
  // First: what is written meanwhile may be read, and is then read again.
  const revision = await lastRevision(reads)
  return {
    lastRevision: revision,
    // Versions only go up, so the last row of the highest version is the current definition.
    definitions: await reads.select<{ definition: string }>(
      sql`SELECT argMax(definition, revision) AS definition FROM definitions GROUP BY service, version ORDER BY service, version`,
    ),
    keys: await reads.select<{ hash: string; key: string }>(
      sql`SELECT hash, key FROM keys FINAL WHERE revoked = 0 ORDER BY id`,
    ),
  }
}

export function createRegistry({ stores, clock, random, adminKeyHash }: RegistryOptions, rows: RegistryRows): Registry {
  const revisions = revisionsAfter(rows.lastRevision, clock)
  const shared = { stores, clock, random, revisions, inTurn: inTurnQueue() }
  return { ...createDefinitions(shared, rows), ...createKeys({ ...shared, adminKeyHash }, rows) }
}

interface Shared {
  readonly stores: RegistryOptions['stores']
  readonly clock: Clock
  readonly random: RegistryOptions['random']
  readonly revisions: () => number
  readonly inTurn: InTurn
}

export async function lastRevision(reads: Store): Promise<number> {
  const [row] = await reads.select<{ revision: string }>(
    sql`SELECT max(revision) AS revision FROM (SELECT revision FROM definitions UNION ALL SELECT revision FROM keys)`,
  )
  return Number(row?.revision ?? 0)
}

const storedService = serviceInput.extend({
  id: slug,
  version: z.int().min(1),
  createdAt: z.string(),
  sample: z.boolean(),
  key: z.string().exactOptional(),
  deleted: z.boolean(),
}) satisfies z.ZodType<Service>

interface Definition {
  current: Service
  /** The last definition of each version. */
  readonly versions: Map<number, Service>
  /** Of any version. */
  readonly stepNames: Set<string>
}

type Definitions = Pick<
  Registry,
  'service' | 'services' | 'serviceVersion' | 'stepNames' | 'putService' | 'deleteService' | 'onPut'
>

function createDefinitions({ stores, clock, random, revisions, inTurn }: Shared, rows: RegistryRows): Definitions {
  const byId = new Map<string, Definition>()
  const listeners = new Set<(service: Service) => void>()

  const hold = (service: Service): void => {
    const held = byId.get(service.id) ?? { current: service, versions: new Map(), stepNames: new Set() }
    held.current = service
    held.versions.set(service.version, service)
    for (const name of funnelStepNames(service.funnel)) held.stepNames.add(name)
    byId.set(service.id, held)
  }
  const keep = async (service: Service): Promise<void> => {
    const row = [service.id, revisions(), service.version, JSON.stringify(service)]
    await stores.writes.insert('definitions', ['service', 'revision', 'version', 'definition'], [row])
    hold(service)
  }

  for (const row of rows.definitions) hold(storedService.parse(JSON.parse(row.definition)))

  return {
    service: async (id) => {
      const service = byId.get(id)?.current
      return service?.deleted === false ? service : undefined
    },
    services: async ({ department } = {}) =>
      [...byId.values()]
        .map(({ current }) => current)
        .filter((service) => !service.deleted && (department === undefined || service.department === department))
        .sort((one, other) => (one.id < other.id ? -1 : 1)),
    serviceVersion: async (id, version) => byId.get(id)?.versions.get(version),
    stepNames: async (id) => byId.get(id)?.stepNames ?? new Set(),
    putService: (id, input, options = {}) =>
      inTurn(async () => {
        const service = nextDefinition(byId.get(id)?.current, {
          id,
          input,
          sample: options.sample,
          now: clock.now(),
          mintKey: () => `wpk_${text(random(18))}`,
        })
        await keep(service)
        for (const listener of listeners) listener(service)
        return service
      }),
    onPut: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    deleteService: (id) =>
      inTurn(async () => {
        const service = byId.get(id)?.current
        if (service === undefined || service.deleted) return false
        await keep({ ...service, deleted: true })
        return true
      }),
  }
}

const storedKey = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  scopes: z.array(z.enum(scopes)),
  service: slug.exactOptional(),
  department: slug.exactOptional(),
  createdAt: z.string(),
}) satisfies z.ZodType<Key>

/** Enough to tell keys apart, too little to guess the rest: 8 of the 43 random characters. */
const prefixChars = 'wmk_'.length + 8

interface HeldKey {
  readonly key: Key
  readonly hash: Uint8Array
}

type Keys = Pick<Registry, 'keyBySecret' | 'keys' | 'createKey' | 'deleteKey'>

function createKeys(shared: Shared & Pick<RegistryOptions, 'adminKeyHash'>, rows: RegistryRows): Keys {
  const { stores, clock, random, revisions, inTurn } = shared
  const byId = new Map<string, HeldKey>()
  // The prefix is no secret, so looking it up may take its own time; what follows it is compared by hash.
  const byPrefix = new Map<string, HeldKey[]>()
  const admin: HeldKey = {
    key: adminKey,
    hash: shared.adminKeyHash,
  }

  const hold = (held: HeldKey): void => {
    byId.set(held.key.id, held)
    byPrefix.set(held.key.prefix, [...(byPrefix.get(held.key.prefix) ?? []), held])
  }
  const keep = async ({ key, hash }: HeldKey, revoked: 0 | 1): Promise<void> => {
    const row = [key.id, revisions(), Buffer.from(hash).toString('hex'), JSON.stringify(key), revoked]
    await stores.writes.insert('keys', ['id', 'revision', 'hash', 'key', 'revoked'], [row])
  }

  for (const row of rows.keys) hold({ key: storedKey.parse(JSON.parse(row.key)), hash: Buffer.from(row.hash, 'hex') })

  return {
    keyBySecret: async (secret) => {
      const hash = keyHash(secret)
      const candidates = [...(byPrefix.get(secret.slice(0, prefixChars)) ?? []), admin]
      return candidates.find((candidate) => timingSafeEqual(candidate.hash, hash))?.key
    },
    keys: async () =>
      [...byId.values()]
        .map(({ key }) => key)
        .sort((one, other) => (one.createdAt === other.createdAt ? 0 : one.createdAt < other.createdAt ? -1 : 1)),
    createKey: (input) =>
      inTurn(async () => {
        const secret = `wmk_${text(random(32))}`
        const held = { key: newKeyOf(input, `key_${text(random(12))}`, secret, clock), hash: keyHash(secret) }
        await keep(held, 0)
        hold(held)
        return { key: held.key, secret }
      }),
    deleteKey: (id) =>
      inTurn(async () => {
        const held = byId.get(id)
        if (held === undefined) return false
        await keep(held, 1)
        byId.delete(id)
        const { prefix } = held.key
        byPrefix.set(
          prefix,
          (byPrefix.get(prefix) ?? []).filter((other) => other !== held),
        )
        return true
      }),
  }
}

function newKeyOf(input: NewKey, id: string, secret: string, clock: Clock): Key {
  return {
    id,
    name: input.name,
    prefix: secret.slice(0, prefixChars),
    scopes: [...new Set(input.scopes)],
    ...(input.service === undefined ? {} : { service: input.service }),
    ...(input.department === undefined ? {} : { department: input.department }),
    createdAt: new Date(clock.now()).toISOString(),
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
