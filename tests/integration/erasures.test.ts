import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { raw } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openErasures } from '../../infra/clickhouse/erasures.ts'
import { erasuresContract } from '../contract/erasures.ts'
import { openMemoryErasures } from '../support/memory-erasures.ts'

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})
afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

erasuresContract('in memory', async () => openMemoryErasures(), undefined)

erasuresContract(
  'ClickHouse',
  async () => {
    await stores.writes.command(raw('TRUNCATE TABLE erasures'))
    return await openErasures(stores)
  },
  () => openErasures(stores),
)
