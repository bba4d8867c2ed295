import { parse } from 'acorn'
import { describe, expect, it } from 'vitest'
import { budgets, buildBeacon, hardStopGzip, sizeTable, togetherGzip, type BeaconFile } from '../../infra/bin/beacon.js'
import { brotlied, gzipped } from '../../infra/bin/compressed.js'

/** What the beacon may weigh, and which browsers can read it. */
const files = await buildBeacon()
const budgetOf = ({ name }: BeaconFile): { gzip: number; brotli?: number } =>
  (budgets as Record<string, { gzip: number; brotli?: number }>)[name] ?? { gzip: 0 }

describe.each(files.map((file) => [file.name, file] as const))('%s', (_, file) => {
  it('weighs no more than it may', () => {
    expect(gzipped(file.code).length).toBeLessThanOrEqual(budgetOf(file).gzip)
    expect(gzipped(file.code).length).toBeLessThan(hardStopGzip)
    expect(brotlied(file.code).length).toBeLessThanOrEqual(budgetOf(file).brotli ?? Infinity)
  })

  it('is ES5', () => {
    expect(() => parse(file.code, { ecmaVersion: 5, sourceType: 'script' })).not.toThrow()
  })
})

it('weighs no more than it may with every extension', () => {
  expect(files.map(({ name }) => name)).toEqual(Object.keys(budgets))
  expect(files.reduce((sum, { code }) => sum + gzipped(code).length, 0)).toBeLessThanOrEqual(togetherGzip)
})

it('has a table of its sizes', () => {
  expect(sizeTable(files)).toMatch(/^core +\d+ +\d+ +760 +\d+ +610$/m)
})
