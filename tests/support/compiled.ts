import { compileFunnel } from '../../domain/funnel/compile.ts'
import type { Verdict } from '../../domain/funnel/verdict.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { Funnel } from '../../domain/service.ts'
import { param, sql } from '../../domain/sql.ts'
import type { SmallEvent } from './every-run.ts'

interface Row {
  readonly start: string
  readonly latestStart: string
  readonly excluded: 0 | 1
  readonly depth: number
  readonly entered: string
  readonly times: readonly string[]
  readonly completed: 0 | 1
  readonly failed: 0 | 1
  readonly completionMs: string
}

/** What the compiled funnel says of each trail, in real ClickHouse. */
export async function compiledVerdicts(
  store: Store,
  funnel: Funnel,
  trails: readonly (readonly SmallEvent[])[],
): Promise<Verdict[]> {
  const steps = trails.map((trail) => trail.filter(({ outcome }) => outcome === 0))
  const outcomes = trails.map((trail) =>
    trail.filter(({ outcome }) => outcome !== 0).sort((a, b) => a.at - b.at || a.seq - b.seq || a.outcome - b.outcome),
  )
  const column = <Value extends string | number>(
    of: SmallEvent[][],
    type: string,
    value: (event: SmallEvent) => Value,
  ) =>
    param(
      `Array(Array(${type}))`,
      of.map((trail) => trail.map(value)),
    )
  const rows = await store.select<{ v: Row }>(sql`
    SELECT ${compileFunnel(funnel).verdict} AS v FROM (
      SELECT n, w.1 AS at, w.2 AS seq, w.3 AS step, outcomeAt, outcomeSeq, outcome FROM (
        SELECT e.1 AS n, arraySort(arrayMap((a, q, s) -> (a, q, xxh3(s)), e.2, e.3, e.4)) AS w, e.5 AS outcomeAt, e.6 AS outcomeSeq, e.7 AS outcome
        FROM (SELECT arrayJoin(arrayZip(range(length(${param(
          'Array(UInt8)',
          trails.map(() => 0),
        )})),
          ${column(steps, 'Int64', ({ at }) => at)}, ${column(steps, 'UInt32', ({ seq }) => seq)}, ${column(steps, 'String', ({ step }) => step)},
          ${column(outcomes, 'Int64', ({ at }) => at)}, ${column(outcomes, 'UInt32', ({ seq }) => seq)}, ${column(outcomes, 'UInt8', ({ outcome }) => outcome)})) AS e)))
    ORDER BY n`)
  return rows.map(({ v }) => ({
    ...v,
    start: Number(v.start),
    latestStart: Number(v.latestStart),
    entered: BigInt(v.entered),
    times: v.times.map(Number),
    completionMs: Number(v.completionMs),
  }))
}
