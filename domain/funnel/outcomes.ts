import type { Funnel } from '../service.ts'
import { param, sql, type Sql } from '../sql.ts'
import { bindAll } from './let.ts'
import { verdictType } from './verdict.ts'

/** What the run that counts says: the part of a verdict that does not look at outcomes. */
export const runType = 'Tuple(depth UInt8, entered UInt64, times Array(Int64))'

/**
 * Puts outcomes beside the run that counts.
 *
 * An outcome belongs to the latest start at or before it: sorted together, a start before an outcome of the
 * same key, each outcome finds its own by filling forward.
 * @param starts  `Array(Tuple(Int64, UInt32, UInt8))`: (at, seq, 0) of every event that starts a run, sorted
 * @param run     of `runType`; depth 0 when every furthest run is hit. Read only when there is a start
 */
export function verdictOf(funnel: Funnel, starts: Sql, run: Sql): Sql {
  const window = param('Int64', funnel.windowMs)
  const last = param('UInt8', funnel.positions.length)
  const none = sql`(toInt64(0), toInt64(0), 0, 0, 0, [], 0, 0, toInt64(-1))`
  const merged = sql`arraySort(arrayConcat(w_starts, arrayZip(outcomeAt, outcomeSeq, outcome)))`
  const placed = sql`if(empty(outcome), [], arrayFilter(w_o -> w_o.3 != 0 AND w_o.5 = 0 AND w_o.1 <= w_o.4 + ${window},
    arrayMap((w_e, w_s) -> (w_e.1, w_e.2, w_e.3, w_s.1, w_s.3), w_merged, arrayFill(w_e -> w_e.3 = 0, w_merged))))`
  const verdict = bindAll(
    [
      { w_run: run, w_merged: sql`if(empty(outcome), [], ${merged})` },
      { w_placed: placed },
      { w_ending: sql`arrayFirst(w_o -> w_o.3 != 3, w_placed)` },
      {
        w_completed: sql`w_run.1 = ${last} OR w_ending.3 != 0`,
        w_failed: sql`arrayExists(w_o -> w_o.3 = 3 AND (w_o.1, w_o.2) >= (at[-1], seq[-1]), w_placed)`,
      },
    ],
    sql`CAST(if(w_run.1 = 0,
      (w_starts[1].1, w_starts[-1].1, 1, 0, 0, [], 0, 0, toInt64(-1)),
      (w_starts[1].1, w_starts[-1].1, 0, w_run.1, w_run.2, w_run.3, w_completed, w_failed AND NOT w_completed,
        multiIf(w_run.1 = ${last}, w_run.3[-1] - w_run.3[1], w_completed, w_ending.1 - w_ending.4, toInt64(-1))))
      AS ${{ parts: [verdictType] }})`,
  )
  return bindAll(
    [{ w_starts: starts }],
    sql`if(empty(w_starts), CAST(${none} AS ${{ parts: [verdictType] }}), ${verdict})`,
  )
}
