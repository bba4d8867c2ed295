import { createHash } from 'node:crypto'
import type { Store } from '../../domain/ports/store.ts'
import { param, raw, sql } from '../../domain/sql.ts'
import { durable, migrations, type Migration } from './migrations.ts'

/**
 * What was applied, by name with its checksum; makes the table that says so.
 * @throws {StoreUnavailable | StoreRefused}
 */
export async function appliedMigrations(store: Store): Promise<ReadonlyMap<string, string>> {
  await store.command(sql`CREATE TABLE IF NOT EXISTS migrations (name String, checksum String, appliedAt DateTime64(3, 'UTC'))
    ENGINE = ReplacingMergeTree ORDER BY name SETTINGS ${raw(durable)}`)
  const rows = await store.select<{ name: string; checksum: string }>(sql`SELECT name, checksum FROM migrations FINAL`)
  return new Map(rows.map((row) => [row.name, row.checksum]))
}

/** A step that was applied reads differently in this program: the data is of another line of versions. */
export class MigrationChanged extends Error {
  override readonly name = 'MigrationChanged'
}

/**
 * Brings the tables to this version. Every step may run twice, and twice at once (IF NOT EXISTS), and is recorded
 * when it is done, so programs that start at once on an empty database do no harm, nor does one that is killed.
 * @throws {MigrationChanged} when a step that was applied earlier reads differently now
 */
export async function migrate(store: Store, steps: readonly Migration[] = migrations): Promise<void> {
  const applied = await appliedMigrations(store)
  for (const step of steps) {
    const checksum = createHash('sha256').update(step.statement).digest('hex')
    const before = applied.get(step.name)
    if (before === checksum) continue
    if (before !== undefined)
      throw new MigrationChanged(
        `migration ${step.name} was applied in another form: this data is of another version of Waymark`,
      )
    await store.command(raw(step.statement))
    await store.command(
      sql`INSERT INTO migrations SELECT ${param('String', step.name)}, ${param('String', checksum)}, now64(3)`,
    )
  }
}
