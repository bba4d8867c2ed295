import type { Stores } from '../../domain/ports/store.ts'
import { raw, sql } from '../../domain/sql.ts'
import { memoryMb } from './machine.ts'
import { fill, openPipeline } from './pipeline.ts'

const events = 5_000_000

/** Bytes an event on disk, by table and column, after all merges. */
export async function storage(): Promise<unknown> {
  const pipeline = await openPipeline()
  try {
    await fill(pipeline.log, 1, events)
    await pipeline.drain()
    const tables = await bytesByTable(pipeline.stores)
    return { events, ...tables, goal: 20, memoryMb: memoryMb(process.pid) }
  } finally {
    await pipeline.close()
  }
}

/** Merges all, so that nothing is counted twice. */
export async function bytesByTable({
  writes,
}: Stores): Promise<{ bytesPerEvent: number; tables: Record<string, number> }> {
  const names = ['trail', 'facts', 'step_names', 'cohorts', 'set_aside']
  for (const name of names) await writes.command(raw(`OPTIMIZE TABLE ${name} FINAL`))
  const [stored] = await writes.select<{ events: string }>(sql`SELECT count() AS events FROM trail`)
  const rows = await writes.select<{ table: string; bytes: string }>(
    sql`SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts
      WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table`,
  )
  const count = Number(stored?.events ?? 1)
  const tables = Object.fromEntries(rows.map(({ table, bytes }) => [table, Number((Number(bytes) / count).toFixed(2))]))
  const bytesPerEvent = names.reduce((sum, name) => sum + (tables[name] ?? 0), 0)
  return { bytesPerEvent: Number(bytesPerEvent.toFixed(2)), tables }
}
