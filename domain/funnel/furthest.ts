import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql, type SqlParam } from '../sql.ts'
import { hasWithin, hopsTo, hopsWithin } from './hops.ts'
import { bindAll } from './let.ts'

/** So far before all that its window is always past. */
const none = `toInt64(-${2n ** 62n})`

/**
 * How far a run gets, whether exclusions hit it or not, and the group in which one first does: (runs, depth, group).
 *
 * Kept in the pass, oldest group first, is the latest start of a run that stands at each position: it reaches all that an
 * earlier one does. With `within` the time of its last event is kept too: of runs that took the same positions, the latest is
 * best in both. Only where positions may be left out can an older one be better in one of the two.
 */
export function furthest(funnel: Funnel): Sql {
  const { state, step, begin } =
    hasWithin(funnel) && funnel.positions.some(({ optional }) => optional) ? byRun(funnel) : byPosition(funnel)
  const strict = funnel.order === 'strict'
  return sql`arrayFold((w_s, w_t, w_g, w_pass${raw(strict ? ', w_all' : '')}) -> if(w_s.2 = ${raw(String(funnel.positions.length))}, w_s, CAST(${step} AS ${raw(state)})),
    w_at, w_gs, w_passes${raw(strict ? ', w_alls' : '')}, CAST((${begin}, 0, 0) AS ${raw(state)}))`
}

interface Pass {
  readonly state: string
  readonly step: Sql
  readonly begin: Sql
}

/** One run a position: (start, time of its last event). */
function byPosition(funnel: Funnel): Pass {
  const positions: SqlParam = param(
    'Array(UInt8)',
    funnel.positions.map((_, index) => index + 1),
  )
  const within = hasWithin(funnel) ? sql` AND w_t - w_v.2 <= ${hopsWithin(funnel)}[w_p.1]` : raw('')
  const left = funnel.order === 'strict' ? `if(bitTest(w_all, w_i - 1), w_v, (${none}, ${none}))` : 'w_v'
  const start = sql`if(w_p.1 = 1, w_t, arrayMax((w_v, w_i) -> if(bitTest(${hopsTo(funnel)}[w_p.1], w_i)
    AND w_v.1 + ${param('Int64', funnel.windowMs)} >= w_t${within}, w_v.1, ${raw(none)}), w_s.1, ${positions}))`
  const step = bindAll(
    [{ w_in: sql`arrayFilter(w_d -> w_d.2 != ${raw(none)}, arrayMap(w_p -> (w_p.2, ${start}), w_pass))` }],
    sql`(arrayMap((w_v, w_i) -> arrayMax(w_d -> if(w_d.1 = w_i, greatest((w_d.2, w_t), w_v), ${raw(left)}), arrayPushBack(w_in, (0, 0))), w_s.1, ${positions}),
      arrayMax(arrayPushBack(w_in.1, w_s.2)), if(arrayMax(w_in.1) > w_s.2, w_g, w_s.3))`,
  )
  return {
    state: 'Tuple(Array(Tuple(Int64, Int64)), UInt8, UInt16)',
    step,
    begin: raw(`arrayWithConstant(${funnel.positions.length}, (${none}, ${none}))`),
  }
}

/** Any number of runs a position, of which none is better in both: (position, start, time of its last event). */
function byRun(funnel: Funnel): Pass {
  const window = param('Int64', funnel.windowMs)
  const strict = funnel.order === 'strict' ? raw(' AND bitTest(w_all, w_c.1 - 1)') : raw('')
  const step = bindAll(
    [
      { w_live: sql`arrayFilter(w_c -> w_c.2 + ${window} >= w_t, w_s.1)` },
      {
        w_in: sql`arrayFilter(w_d -> w_d.2 != ${raw(none)}, arrayMap(w_p -> (w_p.2, arrayMax(w_c -> if(bitTest(${hopsTo(funnel)}[w_p.1], w_c.1)
          AND w_t - w_c.3 <= ${hopsWithin(funnel)}[w_p.1], w_c.2, ${raw(none)}), arrayPushBack(w_live, (0, w_t, w_t))), w_t), w_pass))`,
      },
      {
        w_top: raw('if(length(w_in) <= 1, w_in, arrayCompact(w_d -> w_d.1, arraySort(w_d -> (w_d.1, -w_d.2), w_in)))'),
      },
    ],
    sql`(arrayConcat(arrayFilter(w_c -> NOT arrayExists(w_d -> w_d.1 = w_c.1 AND w_d.2 >= w_c.2, w_top)${strict}, w_live), w_top),
      arrayMax(arrayPushBack(w_top.1, w_s.2)), if(arrayMax(w_top.1) > w_s.2, w_g, w_s.3))`,
  )
  return { state: 'Tuple(Array(Tuple(UInt8, Int64, Int64)), UInt8, UInt16)', step, begin: raw('[]') }
}
