import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { bindAll } from './let.ts'
import { runType } from './outcomes.ts'

/**
 * The run that counts of a funnel without optional positions: one pass over its events that keeps, for each
 * position, the latest start from which a run stands there. A later start reaches all that an earlier one
 * does, so this decides depth and end; the earliest event of each position after that start are then the
 * rest of the run.
 *
 * A start is one number, `at * 8192 + group`, as a trail has at most 5,000 groups: it compares as (at, seq).
 *
 * Reads `w_events`, bound around it: (positions, at, groups from 0), sorted by group; 0 fits no position.
 */
export function chainRun(funnel: Funnel): Sql {
  const numbers = funnel.positions.map((_, index) => index + 1)
  const last = numbers.length
  const span = param('Int64', (BigInt(funnel.windowMs) + 1n) * 8192n)
  const from = numbers.slice(1).map((position) => `w_p = ${position}, w_s.${position - 1}`)
  // Strict: only a run at the position of this event, seen again, outlives it.
  const next = numbers.map((position) =>
    funnel.order === 'strict'
      ? `multiIf(w_p != ${position}, toInt64(0), w_c != 0, w_c, w_s.${position})`
      : `if(w_p = ${position} AND w_c != 0, w_c, w_s.${position})`,
  )
  const step = bindAll(
    [
      { w_f: raw(`multiIf(w_p = 1, w_k, ${from.join(', ')}, toInt64(0))`) },
      { w_c: sql`if(w_f != 0 AND w_k - w_f < ${span}, w_f, 0)` },
    ],
    raw(
      `(${next.join(', ')}, if(w_c != 0, greatest(w_p, w_s.${last + 1}), w_s.${last + 1}), if(w_c != 0 AND w_p > w_s.${last + 1}, w_c, w_s.${last + 2}))`,
    ),
  )
  const zeros = numbers.map(() => 'toInt64(0)').join(', ')
  return bindAll(
    [
      { w_keys: raw('arrayMap((w_a, w_g) -> w_a * 8192 + w_g + 1, w_events.2, w_events.3)') },
      {
        w_sorted: raw(
          funnel.order === 'ordered'
            ? 'if(w_events.3[-1] + 1 >= length(w_keys), (w_keys, w_events.1), arrayMap(w_z -> (w_z.1, w_z.2), [arraySort(arrayZip(w_keys, w_events.1))])[1])'
            : '(w_keys, w_events.1)',
        ),
      },
      {
        w_end: sql`arrayFold((w_s, w_k, w_p) -> ${step}, w_sorted.1, w_sorted.2, (${raw(zeros)}, toUInt8(0), toInt64(0)))`,
      },
      { w_depth: raw(`w_end.${last + 1}`), w_start: raw(`w_end.${last + 2}`) },
    ],
    sql`CAST((w_depth, bitShiftLeft(toUInt64(1), w_depth) - 1, arrayFold((w_s, w_k, w_p) ->
        if(w_p = length(w_s) + 1 AND w_p <= w_depth AND w_k >= w_start, arrayPushBack(w_s, bitShiftRight(w_k, 13)), w_s),
      w_sorted.1, w_sorted.2, CAST([] AS Array(Int64)))) AS ${raw(runType)})`,
  )
}
