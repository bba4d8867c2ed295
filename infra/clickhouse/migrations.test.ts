import { expect, it } from 'vitest'
import { migrations } from './migrations.ts'

/** What docs/adr/0010-clickhouse-server-over-http.md rests on: any step may run twice, and twice at once. */
it.each(migrations.map(({ name, statement }) => ({ name, statement })))('$name may run twice', ({ statement }) => {
  expect(statement).toMatch(
    /^\s*(CREATE TABLE IF NOT EXISTS \w+ \(|ALTER TABLE \w+ (ADD COLUMN|ADD INDEX) IF NOT EXISTS\s|DROP TABLE IF EXISTS \w+$)/,
  )
  // One change a step, so that it is there whole or not at all.
  expect(statement).not.toMatch(/;|,\s*ADD /)
})

it('drops no table that a later step makes', () => {
  for (const [index, { statement }] of migrations.entries()) {
    const dropped = /^DROP TABLE IF EXISTS (\w+)$/.exec(statement)?.[1]
    if (dropped === undefined) continue
    const later = migrations
      .slice(index)
      .filter((step) => step.statement.startsWith(`CREATE TABLE IF NOT EXISTS ${dropped} `))
    expect(later).toEqual([])
  }
})

it('has each name once', () => {
  expect(new Set(migrations.map(({ name }) => name)).size).toBe(migrations.length)
})
