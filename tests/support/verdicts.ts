import { z } from 'zod'
import type { CompiledFunnel, Verdict } from '../../domain/funnel/verdict.ts'
import type { Store, Stores } from '../../domain/ports/store.ts'
import { join, param, sql } from '../../domain/sql.ts'
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

/** The columns of table facts that hold a trail, packed as the processor packs it. */
const packedColumns = ['service', 'journey', 'at', 'seq', 'step', 'outcomeAt', 'outcomeSeq', 'outcome'] as const

function packed(set: string, index: number, events: readonly OracleEvent[], hashes: ReadonlyMap<string, string>) {
  const hash = (event: OracleEvent) => BigInt(hashes.get(event.step) ?? 0)
  const steps = events
    .filter(({ type }) => type === 'step')
    .sort((a, b) => order(a, b) || (hash(a) < hash(b) ? -1 : hash(a) > hash(b) ? 1 : 0))
  const number = ({ outcome }: OracleEvent) => (outcome === '' ? 0 : outcomes.indexOf(outcome) + 1)
  const ends = events.filter(({ type }) => type === 'outcome').sort((a, b) => order(a, b) || number(a) - number(b))
  return [
    set,
    index,
    steps.map(({ at }) => at),
    steps.map(({ seq }) => seq),
    steps.map((event) => String(hash(event))),
    ends.map(({ at }) => at),
    ends.map(({ seq }) => seq),
    ends.map(number),
  ]
}

/** Trails in table facts, in named sets (as services), the n-th trail of a set being journey n. */
export async function insertTrails(
  stores: Stores,
  sets: ReadonlyMap<string, readonly (readonly OracleEvent[])[]>,
): Promise<void> {
  const names = new Set<string>()
  for (const trails of sets.values()) for (const trail of trails) for (const { step } of trail) names.add(step)
  const hashes = await stepHashes(stores.reads, [...names])
  await stores.writes.insert(
    'facts',
    packedColumns,
    [...sets].flatMap(([set, trails]) => trails.map((trail, index) => packed(set, index, trail, hashes))),
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
    )}] AS verdicts FROM facts WHERE service = ${param('String', set)} ORDER BY journey`,
  )
  return funnels.map((_, funnel) => rows.map(({ verdicts }) => verdictRow.parse(verdicts[funnel])))
}
