import { raw, sql } from '../../domain/sql.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { memoryMb, percentile } from './machine.ts'
import { fill, openPipeline, type Pipeline } from './pipeline.ts'

const events = 500_000
const rounds = 3
const rowsPerInsert = 50_000

/**
 * Drains a full log into trails and facts, and beside it, in the same process and engine, inserts the rows that
 * came out of it (as ready text, so nothing but the engine works) into empty copies of the same tables.
 */
export async function processor(): Promise<unknown> {
  const results = []
  for (let round = 0; round < rounds; round++) {
    const pipeline = await openPipeline()
    try {
      await fill(pipeline.log, round + 1, events)
      results.push(await compare(pipeline))
    } finally {
      await pipeline.close()
    }
  }
  return {
    events,
    oursEventsPerSecond: Math.round(
      percentile(
        results.map((row) => row.ours),
        0.5,
      ),
    ),
    engineEventsPerSecond: Math.round(
      percentile(
        results.map((row) => row.engine),
        0.5,
      ),
    ),
    ratio: Number(
      percentile(
        results.map((row) => row.ours / row.engine),
        0.5,
      ).toFixed(3),
    ),
    goal: 0.6,
    memoryMb: memoryMb(process.pid),
  }
}

async function compare({ stores, drain }: Pipeline): Promise<{ ours: number; engine: number }> {
  const ours = events / (await drain())
  let seconds = 0
  for (const table of ['trail', 'facts'] as const) seconds += await insertCopies(stores, table)
  const row = { ours: Math.round(ours), engine: Math.round(events / seconds) }
  process.stdout.write(`${JSON.stringify(row)}\n`)
  return row
}

/** @returns seconds that the engine took to insert the rows of the table into an empty copy of it */
async function insertCopies({ writes }: Pick<Stores, 'writes'>, table: 'trail' | 'facts'): Promise<number> {
  const copy = raw(`${table}_copy`)
  await writes.command(sql`CREATE TABLE ${copy} AS ${raw(table)}`)
  const [count] = await writes.select<{ rows: string }>(sql`SELECT count() AS rows FROM ${raw(table)} FINAL`)
  let seconds = 0
  for (let offset = 0; offset < Number(count?.rows ?? 0); offset += rowsPerInsert) {
    // In the order of a hash: rows arrive in no order of the table's key.
    const lines = await writes.select<{ line: string }>(
      sql`SELECT formatRowNoNewline('JSONCompactEachRow', *) AS line FROM ${raw(table)} FINAL
        ORDER BY ${raw(table === 'trail' ? 'cityHash64(journey, identity)' : 'cityHash64(journey)')}
        LIMIT ${raw(String(rowsPerInsert))} OFFSET ${raw(String(offset))}`,
    )
    const statement = raw(
      `INSERT INTO ${table}_copy FORMAT JSONCompactEachRow\n${lines.map(({ line }) => line).join('\n')}`,
    )
    const began = performance.now()
    await writes.command(statement)
    seconds += (performance.now() - began) / 1000
  }
  return seconds
}
