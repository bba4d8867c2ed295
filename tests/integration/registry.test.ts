import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { StoreUnavailable } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { raw } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openRegistry } from '../../infra/registry.ts'
import { adminKey, definition, movableClock, registryContract } from '../contract/registry.ts'

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(path(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})

afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

beforeEach(async () => {
  await stores.writes.command(raw('TRUNCATE TABLE definitions'))
  await stores.writes.command(raw('TRUNCATE TABLE keys'))
})

const clock = movableClock(Date.UTC(2026, 0, 5, 12))
const adminKeyHash = createHash('sha256').update(adminKey).digest()
const open = (change: Partial<Parameters<typeof openRegistry>[0]> = {}) =>
  openRegistry({ stores, clock, random: randomBytes, adminKeyHash, ...change })

registryContract('registry in ClickHouse', ({ clock }) => open({ clock }))

describe('the registry over a restart', () => {
  it('has the same services, versions, step names and keys', async () => {
    const before = await open()
    await before.putService('fishing', definition({ funnel: { steps: ['start', 'pay', 'done'] }, publicKey: true }))
    await before.putService('fishing', definition({ funnel: { steps: ['start', 'done'] }, publicKey: true }))
    await before.putService('gone', definition({}))
    await before.deleteService('gone')
    await before.putService('made-up', definition({ department: 'home' }), { sample: true })
    const kept = await before.createKey({ name: 'Kept', scopes: ['read'], department: 'home' })
    const revoked = await before.createKey({ name: 'Revoked', scopes: ['read'] })
    await before.deleteKey(revoked.key.id)

    const after = await open()
    expect(await after.services()).toEqual(await before.services())
    expect(await after.serviceVersion('fishing', 1)).toEqual(await before.serviceVersion('fishing', 1))
    expect(await after.stepNames('fishing')).toEqual(await before.stepNames('fishing'))
    expect(await after.service('gone')).toBeUndefined()
    expect(await after.keyBySecret(kept.secret)).toEqual(kept.key)
    expect(await after.keyBySecret(revoked.secret)).toBeUndefined()
    expect(await after.keys()).toEqual([kept.key])
    expect((await after.putService('gone', definition({ funnel: { steps: ['a', 'b'] } }))).version).toBe(2)
  })

  it('puts the last change on top though the clock went back', async () => {
    const clock = movableClock(Date.UTC(2026, 0, 5, 12))
    await (await open({ clock })).putService('fishing', definition({ name: 'First' }))
    clock.advance(-86_400_000)
    await (await open({ clock })).putService('fishing', definition({ name: 'Second' }))
    expect((await (await open({ clock })).service('fishing'))?.name).toBe('Second')
  })

  it('keeps no secret in the tables', async () => {
    const { secret } = await (await open()).createKey({ name: 'Any', scopes: ['read'] })
    const rows = await stores.reads.select(raw('SELECT * FROM keys'))
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(secret.slice(12))
  })
})

describe('the registry while ClickHouse cannot be written', () => {
  it('refuses the change, shows what stood before, and takes the next one', async () => {
    let away = false
    const writes: Stores['writes'] = {
      ...stores.writes,
      insert: async (...row) => {
        if (away) throw new StoreUnavailable('away')
        await stores.writes.insert(...row)
      },
    }
    const registry = await open({ stores: { ...stores, writes } })
    const { key, secret } = await registry.createKey({ name: 'Any', scopes: ['read'] })
    await registry.putService('fishing', definition({ name: 'First' }))
    away = true
    await expect(registry.putService('fishing', definition({ name: 'Second' }))).rejects.toBeInstanceOf(
      StoreUnavailable,
    )
    await expect(registry.deleteService('fishing')).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(registry.createKey({ name: 'Any', scopes: ['read'] })).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(registry.deleteKey(key.id)).rejects.toBeInstanceOf(StoreUnavailable)
    expect((await registry.service('fishing'))?.name).toBe('First')
    expect(await registry.keyBySecret(secret)).toEqual(key)
    away = false
    expect((await registry.putService('fishing', definition({ name: 'Third' }))).name).toBe('Third')
  })
})
