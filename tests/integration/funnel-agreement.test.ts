import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileFunnel } from '../../domain/funnel/compile.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { agree, agreementSize, describeDifference, shrink } from '../support/agreement.ts'

/** Set FUZZ_SEED to repeat a failure, or to look elsewhere. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_105)

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'waymark-agreement-'))
  stores = await openEmbedded(directory)
})

afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true })
})

test('ClickHouse and the oracle agree on random funnels and trails', { timeout: 600_000 }, async () => {
  const { difference, funnels, pairs, skipped } = await agree(stores, compileFunnel, seed, agreementSize)
  if (difference !== null) expect.fail(describeDifference(await shrink(stores, compileFunnel, difference), seed))
  expect(funnels).toBeGreaterThanOrEqual(agreementSize.batches * agreementSize.funnelsPerBatch)
  expect(pairs).toBeGreaterThanOrEqual(funnels * 10)
  expect(skipped).toBeLessThan(pairs / 1_000)
})
