import { createHash, randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { StoreUnavailable } from '../../domain/errors.ts'
import type { Store, Stores } from '../../domain/ports/store.ts'
import { raw } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openSharedRegistry, type SharedRegistry, type SharedRegistryOptions } from '../../infra/shared-registry.ts'
import { adminKey, definition, movableClock, registryContract } from '../contract/registry.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { temporaryDirectory } from '../support/temporary.ts'

let directory: string
let stores: Stores
/** Whether ClickHouse is, and how often it was asked. */
let away = false
let asked = 0
let watched: Pick<Stores, 'reads' | 'writes'>

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
  const there = (): void => {
    asked += 1
    if (away) throw new StoreUnavailable('away')
  }
  const lane = (store: Store): Store => ({
    select: async (...all) => (there(), store.select(...all)),
    insert: async (...all) => (there(), store.insert(...all)),
    command: async (...all) => (there(), store.command(...all)),
  })
  watched = { reads: lane(stores.reads), writes: lane(stores.writes) }
})
afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(async () => {
  away = false
  for (const table of ['definitions', 'keys']) await stores.writes.command(raw(`TRUNCATE TABLE ${table}`))
})

const clock = movableClock(Date.UTC(2026, 0, 5, 12))
const adminKeyHash = createHash('sha256').update(adminKey).digest()
const hour = 3_600_000

/** Looks at the tables by itself once an hour, unless the test says how often: so never. */
async function open(change: Partial<SharedRegistryOptions> = {}): Promise<SharedRegistry> {
  const shared = await openSharedRegistry({
    stores: watched,
    clock,
    random: randomBytes,
    adminKeyHash,
    staleMs: hour,
    ...change,
  })
  onTestFinished(() => shared.close())
  return shared
}

registryContract('registry of several programs', async ({ clock }) => (await open({ clock })).registry)

describe('registries of several programs', () => {
  it('know a service or key at once that another has made, when they are asked for it', async () => {
    const [{ registry: one }, { registry: other }] = [await open(), await open()]
    await one.putService('fishing', definition({}))
    const { key, secret } = await one.createKey({ name: 'Any', scopes: ['read'] })
    expect((await other.service('fishing'))?.id).toBe('fishing')
    expect(await other.keyBySecret(secret)).toEqual(key)
    await one.putService('fishing', definition({ funnel: { steps: ['start', 'new', 'done'] } }))
    expect((await other.serviceVersion('fishing', 2))?.version).toBe(2)
    expect([...(await other.stepNames('fishing'))]).toContain('new')
  })

  it('ask once for what nobody knows, and again after a while', async () => {
    const { registry } = await open({ staleMs: 5_000 })
    const asks = async (work: () => Promise<unknown>): Promise<number> => {
      const before = asked
      expect(await work()).toBeUndefined()
      return asked - before
    }
    expect(await asks(() => registry.service('none'))).toBe(1)
    expect(await asks(() => registry.service('none'))).toBe(0)
    expect(await asks(() => registry.service('other'))).toBe(1)
    expect(await asks(() => registry.keyBySecret('wmk_none'))).toBe(1)
    expect(await asks(() => registry.keyBySecret('wmk_none'))).toBe(0)
    clock.advance(5_000)
    expect(await asks(() => registry.service('none'))).toBe(1)
    const flood = Array.from({ length: 50 }, (_, index) => registry.service(`flood-${index}`))
    expect(await asks(async () => void (await Promise.all(flood)))).toBeLessThanOrEqual(2)
  })

  it('hear of a change, a deletion and a revoked key by and by', async () => {
    const { registry: one } = await open()
    await one.putService('fishing', definition({}))
    await one.putService('visas', definition({}))
    const { key, secret } = await one.createKey({ name: 'Any', scopes: ['read'] })
    const second = await open()
    const other = second.registry
    const heard: string[] = []
    other.onPut(({ id, version }) => heard.push(`${id} ${version}`))
    await one.putService('fishing', definition({ funnel: { steps: ['start', 'end'] } }))
    await one.deleteService('visas')
    await one.deleteKey(key.id)
    expect((await other.service('fishing'))?.version).toBe(1)
    await second.refresh()
    expect((await other.service('fishing'))?.version).toBe(2)
    expect(await other.service('visas')).toBeUndefined()
    expect(await other.keyBySecret(secret)).toBeUndefined()
    expect(heard).toEqual(['fishing 2'])
    const hasty = await open({ staleMs: 10 })
    await one.putService('fishing', definition({ name: 'By itself' }))
    await expect.poll(async () => (await hasty.registry.service('fishing'))?.name).toBe('By itself')
  })

  it('change what stands in the tables, not what they knew', async () => {
    const [{ registry: one }, { registry: other }] = [await open(), await open()]
    await one.putService('fishing', definition({ funnel: { steps: ['start', 'a'] } }))
    expect((await other.putService('fishing', definition({ funnel: { steps: ['start', 'b'] } }))).version).toBe(2)
    expect((await one.putService('fishing', definition({ funnel: { steps: ['start', 'c'] } }))).version).toBe(3)
    expect(await other.deleteService('fishing')).toBe(true)
    expect(await one.deleteService('fishing')).toBe(false)
  })

  it('see a change of a program whose clock is behind', async () => {
    const { registry: one } = await open()
    await one.putService('fishing', definition({ name: 'First' }))
    const { registry: other } = await open()
    const { registry: behind } = await open({ clock: movableClock(0) })
    await behind.putService('visas', definition({ name: 'Behind' }))
    expect((await other.service('visas'))?.name).toBe('Behind')
  })
})

describe('while ClickHouse is away', () => {
  it('what is known is answered, and of what is not nobody says that it is not there', async () => {
    const { registry } = await open()
    await registry.putService('fishing', definition({}))
    const { key, secret } = await registry.createKey({ name: 'Any', scopes: ['read'] })
    away = true
    expect((await registry.service('fishing'))?.id).toBe('fishing')
    expect(await registry.keyBySecret(secret)).toEqual(key)
    await expect(registry.service('visas')).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(registry.keyBySecret('wmk_other')).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(registry.putService('visas', definition({}))).rejects.toBeInstanceOf(StoreUnavailable)
    away = false
    expect(await registry.service('visas')).toBeUndefined()
  })

  it('a start has the registry of the last one, and goes on with that of the tables', async () => {
    const file = join(await temporaryDirectory(), 'registry.json')
    away = true
    await expect(open({ file })).rejects.toBeInstanceOf(StoreUnavailable)
    away = false
    const { registry } = await open({ file })
    await registry.putService('fishing', definition({ name: 'Kept' }))
    const { key, secret } = await registry.createKey({ name: 'Any', scopes: ['read'] })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).not.toContain(secret.slice(12))
    away = true
    const errors: unknown[] = []
    const later = await open({ file, onUnavailable: (error) => errors.push(error) })
    const again = later.registry
    expect(errors).toHaveLength(1)
    expect((await again.service('fishing'))?.name).toBe('Kept')
    expect(await again.keyBySecret(secret)).toEqual(key)
    await expect(again.service('visas')).rejects.toBeInstanceOf(StoreUnavailable)
    away = false
    await registry.putService('fishing', definition({ name: 'Later' }))
    await later.refresh()
    expect((await again.service('fishing'))?.name).toBe('Later')
  })

  it('a file that is no registry is none', async () => {
    const file = join(await temporaryDirectory(), 'registry.json')
    away = true
    for (const text of ['', '{', '{"lastRevision":1}']) {
      await writeFile(file, text)
      await expect(open({ file })).rejects.toBeInstanceOf(StoreUnavailable)
    }
  })
})
