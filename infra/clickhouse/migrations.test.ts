import { expect, it } from 'vitest'
import { migrations } from './migrations.ts'

/** What docs/adr/0010-clickhouse-server-over-http.md rests on: any step may run twice, and twice at once. */
it.each(migrations.map(({ name, statement }) => ({ name, statement })))('$name may run twice', ({ statement }) => {
  expect(statement).toMatch(
    /^\s*(CREATE TABLE IF NOT EXISTS \w+ \(|ALTER TABLE \w+ (ADD COLUMN|ADD INDEX) IF NOT EXISTS\s)/,
  )
  // One change a step, so that it is there whole or not at all.
  expect(statement).not.toMatch(/;|,\s*ADD /)
})

it('has each name once', () => {
  expect(new Set(migrations.map(({ name }) => name)).size).toBe(migrations.length)
})
