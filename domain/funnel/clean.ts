import type { Funnel } from '../service.ts'
import { join, param, raw, sql, type Sql, type SqlParam } from '../sql.ts'
import { hasWithin, heldBy, hopsTo, hopsWithin, overOptional } from './hops.ts'
import { bindAll } from './let.ts'

/** So far before all that it is always past. */
const never = `toInt64(-${2n ** 62n})`

/**
 * The first group in which a run of depth `w_depth` ends that no exclusion hits, and when its starts must end
 * their windows: (runs, group, ms); group 0 when there is none.
 *
 * A run that ends at a position where an exclusion is open must end its window before the next such step
 * (`w_until`), so neither the latest nor the earliest start is best: all are kept, each with where it can stand by now.
 * Whether it can go on is a matter of its last event alone, the later the better, so that is one value a position.
 */
export function firstClean(funnel: Funnel): Sql {
  const window = param('Int64', funnel.windowMs)
  const strict = funnel.order === 'strict'
  const { type, begin, moved, ended, columns } =
    hasWithin(funnel) || overOptional(funnel).length > 0 ? byTime(funnel) : byBit(funnel)
  const state = raw(`Tuple(Array(Tuple(Int64, ${type})), UInt16, Int64)`)
  const hit = sql`if(w_x = 0, toUInt64(1), bitOr(toUInt64(1), ${heldBy(funnel, 'w_x')}))`
  const gone = strict
    ? sql`arrayMap((w_x, w_all) -> bitOr(bitNot(bitShiftLeft(w_all, 1)), ${hit}), w_xs, w_alls)`
    : sql`arrayMap(w_x -> ${hit}, w_xs)`
  const step = bindAll(
    [
      { w_runs: sql`arrayPushBack(w_s.1, (w_t, ${begin}))` },
      { w_now: moved },
      { w_ended: sql`arrayExists(w_c -> ${ended} AND w_c.1 + ${window} < w_until, w_now)`, w_now: raw('w_now') },
    ],
    raw('(w_now, if(w_ended, w_g, 0), if(w_ended, w_until, 0))'),
  )
  const extra = [{ name: 'w_gone', array: gone }, ...columns]
  return sql`arrayFold((w_s, w_t, w_g, w_until, ${raw(extra.map(({ name }) => name).join(', '))}) -> if(w_s.2 != 0, w_s, CAST(${step} AS ${state})),
    w_at, w_gs, w_untils, ${join(
      extra.map(({ array }) => array),
      ', ',
    )}, CAST(([], 0, 0) AS ${state}))`
}

interface Shape {
  readonly type: string
  /** A run before its first event. */
  readonly begin: Sql
  /** The runs `w_runs` after the group: those that stand anywhere and whose window has not passed. */
  readonly moved: Sql
  /** Run `w_c` stands at `w_depth`. */
  readonly ended: Sql
  /** What is to be known of each group besides. */
  readonly columns: readonly { readonly name: string; readonly array: Sql }[]
}

/** Where a run can stand as a mask, when it does not matter since when. */
function byBit(funnel: Funnel): Shape {
  const from = sql`arrayFold((w_u, w_p) -> if(w_p.2 = w_k, bitOr(w_u, ${hopsTo(funnel)}[w_p.1]), w_u), w_pass, toUInt64(0))`
  return {
    type: 'UInt64',
    begin: raw('toUInt64(1)'),
    moved: sql`arrayFilter(w_c -> w_c.2 != 0 AND w_c.1 + ${param('Int64', funnel.windowMs)} >= w_t, arrayMap(w_c -> (w_c.1,
      bitOr(bitAnd(w_c.2, bitNot(w_gone)), arraySum(w_y -> if(bitAnd(w_c.2, w_y.1) != 0, w_y.2, 0), w_ways))), w_runs))`,
    ended: raw('bitTest(w_c.2, w_depth)'),
    columns: [
      {
        name: 'w_ways',
        array: sql`arrayMap(w_pass -> arrayMap(w_k -> (${from}, bitShiftLeft(toUInt64(1), w_k)), arrayDistinct(w_pass.2)), w_cleans)`,
      },
    ],
  }
}

/** Where a run can stand as the key, `at * 8192 + group`, of its last event at each position from 0. */
function byTime(funnel: Funnel): Shape {
  const over = overOptional(funnel)
  const positions: SqlParam = param('Array(UInt8)', [0, ...funnel.positions.map((_, index) => index + 1)])
  const hops = over
    .map(({ number, after }) => ` AND NOT (w_i < ${after} AND w_p.1 > ${after} AND w_k < w_x${number})`)
    .join('')
  const enters = sql`arrayExists((w_k, w_i) -> bitTest(${hopsTo(funnel)}[w_p.1], w_i) AND w_k >= (w_t - ${hopsWithin(funnel)}[w_p.1]) * 8192${raw(hops)}, w_c.2, ${positions})`
  const left = sql`arrayMap(w_c -> (w_c.1, arrayMap((w_k, w_i) -> if(bitTest(w_gone, w_i), ${raw(never)}, w_k), w_c.2, ${positions})), w_runs)`
  return {
    type: 'Array(Int64)',
    begin: raw(`arrayPushFront(arrayWithConstant(${funnel.positions.length}, ${never}), w_t * 8192 + w_g)`),
    moved: sql`arrayFilter(w_c -> arrayMax(w_c.2) != ${raw(never)} AND w_c.1 + ${param('Int64', funnel.windowMs)} >= w_t,
      arrayFold((w_r, w_p) -> arrayMap((w_v, w_c) -> if(${enters}, (w_v.1, arrayMap((w_k, w_i) -> if(w_i = w_p.2, w_t * 8192 + w_g, w_k), w_v.2, ${positions})), w_v), w_r, w_runs), w_pass, ${left}))`,
    ended: raw(`w_c.2[w_depth + 1] != ${never}`),
    columns: [
      { name: 'w_pass', array: raw('w_cleans') },
      ...over.map(({ number }) => ({ name: `w_x${number}`, array: raw(lastBefore(number)) })),
    ],
  }
}

/** For each group the key of the last one before it that has an event of the exclusion. */
function lastBefore(number: number): string {
  return `arrayPushFront(arrayPopBack(arrayFill(w_k -> w_k != ${never}, arrayMap((w_x, w_t, w_g) -> if(bitTest(w_x, ${number}), w_t * 8192 + w_g, ${never}), w_xs, w_at, w_gs))), ${never})`
}
