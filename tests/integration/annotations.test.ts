import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { shape } from '../../domain/limits.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { raw } from '../../domain/sql.ts'
import { openAnnotations } from '../../infra/annotations.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { annotationsContract } from '../contract/annotations.ts'
import { movableClock } from '../contract/registry.ts'

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

beforeEach(() => stores.writes.command(raw('TRUNCATE TABLE annotations')))

const clock = movableClock(Date.UTC(2026, 0, 5, 12))
const open = (change: { clock?: typeof clock } = {}) =>
  openAnnotations({ stores, clock, random: (bytes) => randomBytes(bytes), ...change })

annotationsContract('annotations in ClickHouse', ({ clock }) => openAnnotations({ stores, clock, random: randomBytes }))

describe('annotations in ClickHouse', () => {
  it('are the same after a restart, even of a clock that went back', async () => {
    const before = await open()
    await before.add('fishing', { id: 'kept', kind: 'release', label: 'Kept, it’s "12"' })
    await before.add('fishing', { id: 'gone', kind: 'incident', label: 'Gone' })
    await before.remove('fishing', 'gone')
    const after = await open({ clock: movableClock(0) })
    expect(await after.of('fishing')).toEqual(await before.of('fishing'))
    await after.remove('fishing', 'kept')
    expect(await after.of('fishing')).toEqual([])
  })

  it('are as many as they may be', async () => {
    const rows = Array.from({ length: shape.annotationsMax }, (_, index) => {
      const annotation = { id: `v${index}`, at: index, kind: 'release', label: 'x', createdAt: 0 }
      return ['full', annotation.id, 1, JSON.stringify(annotation), 0]
    })
    await stores.writes.insert('annotations', ['service', 'id', 'revision', 'annotation', 'deleted'], rows)
    const annotations = await open()
    expect(await annotations.add('full', { kind: 'release', label: 'y' })).toBeNull()
    expect((await annotations.add('full', { id: 'v7', kind: 'release', label: 'y' }))?.created).toBe(false)
    await annotations.remove('full', 'v7')
    expect((await annotations.add('full', { kind: 'release', label: 'y' }))?.created).toBe(true)
  })
})
