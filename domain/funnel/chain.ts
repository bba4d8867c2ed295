import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { tieless } from './events.ts'
import { bindAll } from './let.ts'
import { runType } from './outcomes.ts'

/**
 * The run that counts of a funnel without optional positions: one pass over its events that keeps, for each
 * position, the latest start from which a run stands there. A later start reaches all that an earlier one
 * does, so this decides depth and end; the earliest event of each position after that start are then the
 * rest of the run.
 *
 * A start is its key: `at * 8192 + group`, as a trail has at most 5,000 groups, compares as (at, seq).
 *
 * Reads `w_events`, bound around it: (positions, keys), sorted by key; 0 fits no position.
 */
export function chainRun(funnel: Funnel): Sql {
  const numbers = funnel.positions.map((_, index) => index + 1)
  const last = numbers.length
  const span = param('Int64', (BigInt(funnel.windowMs) + 1n) * 8192n)
  // So far before all that its window is always past.
  const none = `toInt64(-${2n ** 62n})`
  const from = numbers.slice(1).map((position) => `w_p = ${position}, w_s.${position - 1}`)
  // Strict: only a run at the position of this event, seen again, outlives it.
  const next = numbers.map((position) =>
    funnel.order === 'strict'
      ? `multiIf(w_p != ${position}, ${none}, (w_k - w_f < w_span), w_f, w_s.${position})`
      : `if((w_k - w_f < w_span) AND w_p = ${position}, w_f, w_s.${position})`,
  )
  const deeper = `(w_k - w_f < w_span) AND w_p > w_s.${last + 1}`
  const step = bindAll(
    [{ w_f: raw(`multiIf(w_p = 1, w_k, ${from.join(', ')}, ${none})`), w_span: sql`${span}` }],
    raw(`(${next.join(', ')}, if(${deeper}, w_p, w_s.${last + 1}), if(${deeper}, w_f, w_s.${last + 2}))`),
  )
  const start = `(${numbers.map(() => none).join(', ')}, toUInt8(0), ${none})`
  return bindAll(
    [
      { w_sorted: raw(funnel.order === 'strict' ? 'w_events' : byPosition) },
      { w_end: sql`arrayFold((w_s, w_p, w_k) -> ${step}, w_sorted.1, w_sorted.2, ${raw(start)})` },
    ],
    sql`CAST((w_end.${raw(String(last + 1))}, bitShiftLeft(toUInt64(1), w_end.${raw(String(last + 1))}) - 1, arrayFold((w_s, w_p, w_k) ->
        if(w_p = length(w_s) + 1 AND w_p <= w_end.${raw(String(last + 1))} AND w_k >= w_end.${raw(String(last + 2))}, arrayPushBack(w_s, bitShiftRight(w_k, 13)), w_s),
      w_sorted.1, w_sorted.2, CAST([] AS Array(Int64)))) AS ${raw(runType)})`,
  )
}

/** Of equal keys the lower positions first, so that a run may take several of a group. */
const byPosition = `if(${tieless}, w_events, arrayMap(w_z -> (w_z.2, w_z.1), [arraySort(arrayZip(w_events.2, w_events.1))])[1])`
