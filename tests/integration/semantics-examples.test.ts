import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compileFunnel } from '../../domain/funnel/compile.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { oracleState, oracleVerdict } from '../support/oracle.ts'
import { semanticsExamples } from '../support/semantics-examples.ts'
import { insertTrails, storeVerdicts } from '../support/verdicts.ts'

const document = new URL('../../docs/semantics.md', import.meta.url)
const examples = semanticsExamples(document)

test('the document works at least thirty examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(30)
})

describe('the oracle says what the document says', () => {
  test.each(examples)('$name', ({ funnel, events, verdict, states }) => {
    expect(oracleVerdict(funnel, events)).toEqual(verdict)
    for (const { now, state, elapsed } of states)
      expect({ now, ...oracleState(verdict, funnel.windowMs, now) }).toEqual({ now, state, elapsed })
  })
})

describe('ClickHouse says what the document says', () => {
  let directory: string
  let stores: Stores

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'waymark-semantics-'))
    stores = await openEmbedded(directory)
  })

  afterAll(async () => {
    await stores.close()
    rmSync(directory, { recursive: true })
  })

  test.each(examples)('$name', async ({ name, funnel, events, verdict }) => {
    await insertTrails(stores, new Map([[name, [events]]]))
    expect(await storeVerdicts(stores.reads, name, [compileFunnel(funnel)])).toEqual([[verdict]])
  })
})

test('the odds of a collision are those of the formula', () => {
  const rows = [...readFileSync(document, 'utf8').matchAll(/^\| [a-z ]+\| (\d+) +\| (\d+) +\| (\d\.\de-\d+) +\|$/gm)]
  expect(rows.length).toBeGreaterThanOrEqual(6)
  for (const [line, bits, things, odds] of rows) {
    const n = Number(things)
    expect(((n * (n - 1)) / 2 ** (Number(bits) + 1)).toExponential(1), line).toBe(odds)
  }
})
