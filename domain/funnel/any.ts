import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { maskOf, nameExclusions, namePositions, sharesNames, unionsOfNames } from './fits.ts'
import { bind, bindAll } from './let.ts'
import { runType } from './outcomes.ts'

const taken = 'Array(Tuple(UInt16, Int64, UInt64))'
const state = `Tuple(${taken}, UInt16, Int64, UInt16, Int64, UInt8, UInt16, UInt16, Array(Int64))`

/**
 * The run that counts when positions may come in any order: one pass over the events, latest first.
 *
 * Events that can each have a position of their own are the independent sets of a matroid (Edmonds and
 * Fulkerson 1965), so greed is exact: `taken` is, of the events from here on, the largest such set and at
 * each size the earliest. A new event goes in, and if they then no longer fit, the latest one goes out
 * whose place it takes. For each start the first of them within its window are its best run.
 *
 *   1 taken  (group, at, positions it fits), earliest first
 *   2, 3     group and at of the nearest excluded event; 4, 5 the same of the nearest in another group; 0 for none
 *   6 size, 7 group of its end, 8 group of its start, 9 times: the best run so far
 */
export function anyRun(funnel: Funnel): Sql {
  const fits = maskOf(raw('w_h'), namePositions(funnel))
  const hits = maskOf(raw('w_h'), nameExclusions(funnel))
  return bindAll(
    [
      {
        w_events: sql`arrayFilter(w_e -> w_e.3 != 0 OR w_e.4, arrayMap((w_a, w_s, w_h) ->
          (w_a, w_s, ${fits}, ${hits} != 0), at, seq, step))`,
      },
      {
        w_group: raw(
          'arrayMap(w_g -> toUInt16(w_g + 1), arrayCumSum((w_a, w_s) -> w_a != 0 OR w_s != 0, arrayDifference(w_events.1), arrayDifference(w_events.2)))',
        ),
      },
      {
        w_end: sql`arrayFold((w_s, w_t, w_g, w_m, w_x) -> CAST(if(w_x, ${excludedEvent}, ${fittingEvent(funnel)}) AS ${raw(state)}),
          arrayReverse(w_events.1), arrayReverse(w_group), arrayReverse(w_events.3), arrayReverse(w_events.4),
          CAST(([], 0, 0, 0, 0, 0, 0, 0, []) AS ${raw(state)}))`,
      },
    ],
    sql`CAST((w_end.6, bitShiftLeft(toUInt64(1), w_end.6) - 1, w_end.9) AS ${raw(runType)})`,
  )
}

const excludedEvent = raw(
  `if(w_s.2 = w_g, w_s, CAST((w_s.1, w_g, w_t, w_s.2, w_s.3, w_s.6, w_s.7, w_s.8, w_s.9) AS ${state}))`,
)

function fittingEvent(funnel: Funnel): Sql {
  const window = param('Int64', funnel.windowMs)
  const last = raw(String(funnel.positions.length))
  return bindAll(
    [
      { w_taken: sharesNames(funnel) ? exchanged(funnel) : disjoint },
      {
        w_size: sql`toUInt8(arrayCount(w_b -> w_b.2 <= w_t + ${window}, w_taken))`,
        w_xg: raw('if(w_s.2 = w_g, w_s.4, w_s.2)'),
        w_xt: raw('if(w_s.2 = w_g, w_s.5, w_s.3)'),
      },
      { w_stop: raw('w_taken[w_size].1') },
      {
        w_counts: sql`(w_xg = 0 OR w_xt > w_t + ${window} OR (w_size = ${last} AND w_stop <= w_xg))
          AND (w_size > w_s.6 OR (w_size = w_s.6 AND (w_stop < w_s.7 OR (w_stop = w_s.7 AND w_g = w_s.8))))`,
      },
    ],
    raw(`if(w_counts, CAST((w_taken, w_s.2, w_s.3, w_s.4, w_s.5, w_size, w_stop, w_g, arraySlice(w_taken.2, 1, w_size)) AS ${state}),
      CAST((w_taken, w_s.2, w_s.3, w_s.4, w_s.5, w_s.6, w_s.7, w_s.8, w_s.9) AS ${state}))`),
  )
}

/** No position shares a name: the event takes the place of the later one at its position. */
const disjoint = raw('arrayPushFront(arrayFilter(w_b -> w_b.3 != w_m, w_s.1), (w_g, w_t, w_m))')

/** Positions share names: all of the events fit when of those that fit only positions of a set, there are no more than positions in it. */
function exchanged(funnel: Funnel): Sql {
  const sets = param('Array(UInt64)', unionsOfNames(funnel) ?? [])
  const independent = (masks: string) =>
    sql`arrayAll(w_q -> arrayCount(w_b -> bitAnd(w_b, bitNot(w_q)) = 0, ${raw(masks)}) <= bitCount(w_q), ${sets})`
  return bind(
    { w_more: raw('arrayPushFront(w_s.1, (w_g, w_t, w_m))') },
    sql`if(${independent('w_more.3')}, w_more, ${bind(
      {
        w_out: sql`arrayLast(w_i -> ${independent('arrayConcat(arraySlice(w_more.3, 1, w_i - 1), arraySlice(w_more.3, w_i + 1))')}, arrayEnumerate(w_more))`,
      },
      raw('arrayConcat(arraySlice(w_more, 1, w_out - 1), arraySlice(w_more, w_out + 1))'),
    )})`,
  )
}
