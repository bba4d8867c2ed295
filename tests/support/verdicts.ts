import { z } from 'zod'
import type { CompiledFunnel, Verdict } from '../../domain/funnel/verdict.ts'
import type { Store, Stores } from '../../domain/ports/store.ts'
import { join, param, raw, sql } from '../../domain/sql.ts'
import type { SqlValue } from '../../domain/sql.ts'
import { outcomes } from '../../domain/stored-event.ts'
import { order } from './oracle-runs.ts'
import type { OracleEvent } from './oracle-runs.ts'

const whole = z.coerce.number().int()
const bit = z.union([z.literal(0), z.literal(1)])

const verdictRow: z.ZodType<Verdict> = z.strictObject({
  start: whole,
  latestStart: whole,
  excluded: bit,
  depth: whole,
  entered: z.coerce.bigint(),
  times: z.array(whole),
  completed: bit,
  failed: bit,
  completionMs: whole,
})

/** Hashes of step names, as ClickHouse makes them. */
export async function stepHashes(store: Store, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await store.select<{ name: string; hash: string }>(
    sql`SELECT name, xxh3(name) AS hash FROM (SELECT arrayJoin(${param('Array(String)', names)}) AS name)`,
  )
  return new Map(rows.map(({ name, hash }) => [name, hash]))
}

/** Holds trails as table facts shows them, and nothing else. */
const createPackedTrails = sql`CREATE TABLE IF NOT EXISTS packed_trails (
  set String, journey UInt64,
  at Array(Int64), seq Array(UInt32), step Array(UInt64),
  outcomeAt Array(Int64), outcomeSeq Array(UInt32), outcome Array(UInt8)
) ENGINE = MergeTree ORDER BY (set, journey)`

type PackedTrail = Record<(typeof packedColumns)[number]['name'], SqlValue>

const packedColumns = [
  { name: 'at', type: 'Int64' },
  { name: 'seq', type: 'UInt32' },
  { name: 'step', type: 'UInt64' },
  { name: 'outcomeAt', type: 'Int64' },
  { name: 'outcomeSeq', type: 'UInt32' },
  { name: 'outcome', type: 'UInt8' },
] as const

export function packed(events: readonly OracleEvent[], hashes: ReadonlyMap<string, string>): PackedTrail {
  const hash = (event: OracleEvent) => BigInt(hashes.get(event.step) ?? 0)
  const steps = events
    .filter(({ type }) => type === 'step')
    .sort((a, b) => order(a, b) || (hash(a) < hash(b) ? -1 : hash(a) > hash(b) ? 1 : 0))
  const number = ({ outcome }: OracleEvent) => (outcome === '' ? 0 : outcomes.indexOf(outcome) + 1)
  const ends = events.filter(({ type }) => type === 'outcome').sort((a, b) => order(a, b) || number(a) - number(b))
  return {
    at: steps.map(({ at }) => at),
    seq: steps.map(({ seq }) => seq),
    step: steps.map((event) => hash(event)),
    outcomeAt: ends.map(({ at }) => at),
    outcomeSeq: ends.map(({ seq }) => seq),
    outcome: ends.map(number),
  }
}

/** Keeps trails under the names of sets, the n-th trail of a set being journey n. */
export async function insertTrails(
  stores: Stores,
  sets: ReadonlyMap<string, readonly (readonly OracleEvent[])[]>,
): Promise<void> {
  const all = [...sets].flatMap(([set, trails]) => trails.map((trail, journey) => ({ set, journey, trail })))
  const hashes = await stepHashes(stores.reads, [...new Set(all.flatMap(({ trail }) => trail.map(({ step }) => step)))])
  const rows = all.map(({ trail }) => packed(trail, hashes))
  const columns = [
    param(
      'Array(String)',
      all.map(({ set }) => set),
    ),
    param(
      'Array(UInt64)',
      all.map(({ journey }) => journey),
    ),
    ...packedColumns.map(({ name, type }) =>
      param(
        `Array(Array(${type}))`,
        rows.map((row) => row[name]),
      ),
    ),
  ]
  await stores.writes.command(createPackedTrails)
  await stores.writes.command(
    sql`INSERT INTO packed_trails SELECT untuple(arrayJoin(arrayZip(${join(columns, ', ')})))`,
  )
}

/** What ClickHouse says: for each funnel, a verdict for each trail of the set. */
export async function storeVerdicts(
  store: Store,
  set: string,
  funnels: readonly CompiledFunnel[],
): Promise<Verdict[][]> {
  const rows = await store.select<{ verdicts: unknown[] }>(
    sql`SELECT [${join(
      funnels.map(({ verdict }) => verdict),
      ', ',
    )}] AS verdicts FROM packed_trails WHERE set = ${param('String', set)} ORDER BY journey`,
  )
  return funnels.map((_, funnel) => rows.map(({ verdicts }) => verdictRow.parse(verdicts[funnel])))
}

/** The same of one funnel, trails of one shape judged once. */
export async function shapedVerdicts(store: Store, set: string, funnel: CompiledFunnel): Promise<Verdict[]> {
  const trails = sql`SELECT journey, seq, step, outcomeAt, outcomeSeq, outcome,
      arrayMin(arrayConcat(at, outcomeAt)) AS firstAt, toUInt64(arrayMax(arrayConcat(at, outcomeAt)) - firstAt) AS lastAfter,
      arrayMap(gap -> toUInt64(gap), arrayPopFront(arrayDifference(arrayPushFront(at, firstAt)))) AS gaps
    FROM packed_trails WHERE set = ${param('String', set)}`
  // Some shapes are not in the sample.
  const sample = sql`${trails} AND journey % 4 != 0`
  const rows = await store.select<Record<string, unknown> & { waitsAgree: number }>(
    sql`SELECT * EXCEPT (journey, waits), waits = arrayDifference(times) AS waitsAgree
      FROM (${funnel.verdictsOf({ columns: raw('journey'), rows: trails, sample })}) ORDER BY journey`,
  )
  return rows.map(({ waitsAgree, ...verdict }) => {
    if (waitsAgree !== 1) throw new Error('waits are not the differences of times')
    return verdictRow.parse(verdict)
  })
}
