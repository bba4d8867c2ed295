import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openServer } from '../../infra/clickhouse/server.ts'
import { leaseContract } from '../contract/lease.ts'
import { startFrontChild, type FrontChild } from '../support/chdb-http-front/child.ts'

let directory: string
let front: FrontChild
let stores: { inProcess: Stores; server: Stores }

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  front = await startFrontChild()
  stores = {
    inProcess: await openEmbedded(directory),
    server: await openServer({ url: new URL(front.url), database: 'leases', user: 'default', password: '' }),
  }
})
afterAll(async () => {
  await stores.inProcess.close()
  await stores.server.close()
  await front.close()
  rmSync(directory, { recursive: true, force: true })
})

leaseContract('ClickHouse in process', () => stores.inProcess)
leaseContract('ClickHouse over HTTP', () => stores.server)
