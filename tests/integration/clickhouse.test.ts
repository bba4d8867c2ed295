import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { raw } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { migrate } from '../../infra/clickhouse/migrate.ts'
import { contractLimits, storeContract } from '../contract/store.ts'

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(path(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory, contractLimits)
})

afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

storeContract('ClickHouse in process', () => stores)

it('refuses data whose migrations read differently, and runs twice without harm', async () => {
  await migrate(stores.writes)
  const changed = [{ name: '001-trail', statement: 'SELECT 1' }]
  await expect(migrate(stores.writes, changed)).rejects.toThrow('another form')
  await expect(stores.writes.command(raw('SELECT 1'))).resolves.toBeUndefined()
})
