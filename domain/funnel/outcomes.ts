import type { Funnel } from '../service.ts'
import { join, param, raw, sql, type Sql } from '../sql.ts'
import { bindAll } from './let.ts'
import { verdictType } from './verdict.ts'

/** What the run that counts says: the part of a verdict that does not look at outcomes. */
export const runType = 'Tuple(depth UInt8, entered UInt64, times Array(Int64))'

/**
 * Puts outcomes beside the run that counts.
 *
 * An outcome belongs to the latest start at or before it: sorted together, a start before an outcome of the
 * same key, each outcome finds its own by filling forward.
 * @param run  of `runType`; depth 0 when every furthest run is hit. Read only when there is a start
 */
export function verdictOf(funnel: Funnel, run: Sql): Sql {
  const window = param('Int64', funnel.windowMs)
  const last = raw(String(funnel.positions.length))
  const starters = new Set(
    (funnel.order === 'any' ? funnel.positions : funnel.positions.slice(0, 1)).flatMap(({ names }) => names),
  )
  const starts = sql`has([${join(
    [...starters].map((name) => sql`xxh3(${param('String', name)})`),
    ', ',
  )}], w_h)`
  // The condition repeats that there are outcomes: what a lambda does not depend on is computed outside it, lazy branch or not.
  const merged = sql`arraySort(arrayConcat(w_outcomes, arrayFilter(w_e -> w_e.3 = 0,
    arrayMap((w_a, w_q, w_h) -> (w_a, w_q, toUInt8(empty(w_outcomes) OR NOT ${starts})), at, seq, step))))`
  // (at, seq, outcome, at of its start)
  const placed = bindAll(
    [{ w_merged: merged }],
    sql`arrayFilter(w_o -> w_o.3 != 0 AND w_o.5 = 0 AND w_o.1 <= w_o.4 + ${window},
      arrayMap((w_e, w_s) -> (w_e.1, w_e.2, w_e.3, w_s.1, w_s.3), w_merged, arrayFill(w_e -> w_e.3 = 0, w_merged)))`,
  )
  const completed = sql`(w_run.1 = ${last} OR w_ending.3 != 0)`
  const verdict = sql`(w_starts[1], w_starts[-1], w_run.1 = 0, w_run.1, w_run.2, w_run.3, w_run.1 != 0 AND ${completed},
      w_run.1 != 0 AND NOT ${completed} AND arrayExists(w_o -> w_o.3 = 3 AND (w_o.1, w_o.2) >= (at[-1], seq[-1]), w_placed),
      multiIf(w_run.1 = 0, -1, w_run.1 = ${last}, w_run.3[-1] - w_run.3[1], w_ending.3 != 0, w_ending.1 - w_ending.4, -1))`
  return bindAll(
    [
      {
        w_run: run,
        w_starts: sql`arrayFilter((w_a, w_h) -> ${starts}, at, step)`,
        w_outcomes: raw('arrayZip(outcomeAt, outcomeSeq, outcome)'),
      },
      { w_placed: sql`if(empty(w_outcomes), [], ${placed})` },
      { w_ending: raw('arrayFirst(w_o -> w_o.3 != 3, w_placed)') },
    ],
    sql`CAST(if(empty(w_starts), (0, 0, 0, 0, 0, [], 0, 0, -1), ${verdict}) AS ${raw(verdictType)})`,
  )
}
