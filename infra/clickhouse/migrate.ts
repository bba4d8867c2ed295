import { createHash } from 'node:crypto'
import type { Store } from '../../domain/ports/store.ts'
import { param, raw, sql } from '../../domain/sql.ts'
import { durable, migrations, type Migration } from './migrations.ts'

/**
 * Brings the tables to this version. Every step may run twice (IF NOT EXISTS), so programs that start at once
 * on an empty database do no harm.
 * @throws Error when a step that was applied earlier reads differently now
 */
export async function migrate(store: Store, steps: readonly Migration[] = migrations): Promise<void> {
  await store.command(sql`CREATE TABLE IF NOT EXISTS migrations (name String, checksum String, appliedAt DateTime64(3, 'UTC'))
    ENGINE = ReplacingMergeTree ORDER BY name SETTINGS ${raw(durable)}`)
  const applied = new Map(
    (await store.select<{ name: string; checksum: string }>(sql`SELECT name, checksum FROM migrations FINAL`)).map(
      (row) => [row.name, row.checksum],
    ),
  )
  for (const step of steps) {
    const checksum = createHash('sha256').update(step.statement).digest('hex')
    const before = applied.get(step.name)
    if (before === checksum) continue
    if (before !== undefined)
      throw new Error(`migration ${step.name} was applied in another form: this data is of another version of Waymark`)
    await store.command(raw(step.statement))
    await store.command(
      sql`INSERT INTO migrations SELECT ${param('String', step.name)}, ${param('String', checksum)}, now64(3)`,
    )
  }
}
