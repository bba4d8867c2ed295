import type { Funnel } from '../service.ts'
import { join, param, raw, sql, type Sql } from '../sql.ts'
import { bit, maskOf, nameExclusions, namePositions, tightSets } from './fits.ts'
import { bind, bindAll } from './let.ts'
import { runType } from './outcomes.ts'

/**
 * The run that counts, exactly, for every rule of ordered and strict funnels: one pass over the groups of
 * events that are equal in (at, seq), oldest first.
 *
 * Kept in the pass, `candidates`: runs so far, each standing at its last position, that may still become the
 * one that counts. One goes when its window has passed, when a strict funnel sees a foreign step, or when
 * another at the same position is as good in all that can still matter. Few stay: mostly one a position.
 *
 *   1 p      position (from 1)             2 start  at of its first event     3 g      group of its first event
 *   4 last   at of its last event          5 cap    deepest position that it may take next without being hit
 *   6 hit    an exclusion has hit it       7 n      positions taken           8 mask   positions taken
 *   9 path   group of each position        10 era   excluded events up to the end of its window
 *
 * `finals`: clean runs of the greatest depth so far, which an exclusion may still hit until their window ends.
 */
const candidate = 'Tuple(UInt8, Int64, UInt16, Int64, UInt8, UInt8, UInt8, UInt64, Array(UInt16), UInt32)'
const state = `Tuple(Array(${candidate}), Array(${candidate}), UInt8)`

/** What a group lets a run do: enter it at position f, leave it at k, having taken the positions of a mask. */
const passageType = 'Array(Tuple(f UInt8, k UInt8, n UInt8, mask UInt64))'

export function orderedRun(funnel: Funnel, columns: Sql): Sql {
  const exclusions = nameExclusions(funnel)
  const fits = maskOf(raw('w_h'), namePositions(funnel))
  const hits = maskOf(raw('w_h'), exclusions)
  const relevant = raw(funnel.order === 'strict' ? '1' : exclusions.size > 0 ? 'w_f != 0 OR w_x != 0' : 'w_f != 0')
  const groups = (values: string) => raw(`arraySplit((w_v, w_b) -> w_b, ${values}, w_border)`)
  return bindAll(
    [
      {
        w_events: sql`arrayFilter(w_e -> ${eventFilter(relevant)}, arrayMap((w_a, w_s, w_h) ->
          (w_a, w_s, ${fits}, ${hits}), ${columns}))`,
      },
      {
        w_border: raw(
          `arrayMap((w_a, w_s) -> w_a != 0 OR w_s != 0, arrayDifference(w_events.1), arrayDifference(w_events.2))`,
        ),
      },
      {
        w_fits: groups('w_events.3'),
        w_at: raw('arrayMap(w_v -> w_v[1], arraySplit((w_v, w_b) -> w_b, w_events.1, w_border))'),
        w_excluded: raw(
          `arrayMap(w_v -> arrayFold((w_m, w_x) -> bitOr(w_m, w_x), w_v, toUInt64(0)), arraySplit((w_v, w_b) -> w_b, w_events.4, w_border))`,
        ),
      },
      { w_end: pass(funnel) },
    ],
    sql`if(empty(w_end.2), CAST((0, 0, []) AS ${raw(runType)}),
      ${bind(
        { w_best: raw('arraySort(w_c -> (w_c.9[-1], -w_c.7, -w_c.3, w_c.9, w_c.8), w_end.2)[1]') },
        sql`CAST((w_best.1, w_best.8, arrayMap(w_g -> w_at[w_g], w_best.9)) AS ${raw(runType)})`,
      )})`,
  )
}

function eventFilter(relevant: Sql): Sql {
  return bind({ w_f: raw('w_e.3'), w_x: raw('w_e.4') }, relevant)
}

/** The fold over groups; its result is of type `state`. */
function pass(funnel: Funnel): Sql {
  const last = raw(String(funnel.positions.length))
  const window = param('Int64', funnel.windowMs)
  const excludes = funnel.exclusions.length > 0
  const common = raw('arrayMap(w_v -> arrayFold((w_m, w_f) -> bitAnd(w_m, w_f), w_v, bitNot(toUInt64(0))), w_fits)')
  // Sorted together, ends of windows and excluded events count themselves: comparing each with each would take 100 MB.
  const era = excludes
    ? bind(
        {
          w_ends: sql`arraySort(arrayConcat(arrayMap(w_a -> (w_a + ${window}, 1), w_at),
            arrayMap(w_e -> (w_e.1, 0), arrayFilter(w_e -> w_e.4 != 0, w_events))))`,
        },
        raw(
          'arrayMap(w_n -> toUInt32(w_n), arrayFilter((w_n, w_y) -> w_y.2 = 1, arrayCumSum(w_y -> w_y.2 = 0, w_ends), w_ends))',
        ),
      )
    : raw('arrayMap(w_a -> toUInt32(0), w_at)')
  return sql`arrayFold((w_s, w_t, w_g, w_pass, w_x, w_all, w_era) ->
      if(w_s.3 = ${last} AND notEmpty(w_s.2), w_s, CAST(${step(funnel)} AS ${raw(state)})),
    w_at, arrayMap(w_g -> toUInt16(w_g), arrayEnumerate(w_at)), arrayMap(w_m -> ${passages(funnel)}, w_fits), w_excluded, ${common}, ${era},
    CAST(([], [], 0) AS ${raw(state)}))`
}

/** One group: `w_t` its time, `w_g` its number, `w_pass` its passages, `w_x` the exclusions that list an event of it. */
function step(funnel: Funnel): Sql {
  const last = raw(String(funnel.positions.length))
  const window = param('Int64', funnel.windowMs)
  const excludes = funnel.exclusions.length > 0
  const kept = excludes ? raw(`if(w_x = 0, w_live, ${capped(funnel)})`) : raw('w_live')
  const standing = funnel.order === 'strict' ? sql`arrayFilter(w_c -> bitTest(w_all, w_c.1 - 1), ${kept})` : kept
  const finals = excludes
    ? sql`if(w_x = 0, w_s.2, arrayFilter(w_c -> NOT (w_t <= w_c.2 + ${window} AND ${openHit(funnel)}), w_s.2))`
    : raw('w_s.2')
  return bindAll(
    [
      { w_live: sql`arrayFilter(w_c -> w_c.2 + ${window} >= w_t, w_s.1)` },
      { w_new: sql`if(empty(w_pass), [], ${extended(funnel)})` },
      {
        w_fresh: sql`if(length(w_new) <= 1, w_new, ${unbeaten(funnel)})`,
        w_deep: raw('toUInt8(arrayMax(arrayPushBack(w_new.1, w_s.3)))'),
        w_standing: standing,
        w_finals: finals,
      },
      {
        w_old: sql`if(empty(w_fresh), w_standing, arrayFilter(w_c -> NOT arrayExists(w_d -> ${beats(funnel)}, w_fresh), w_standing))`,
      },
    ],
    sql`(arrayConcat(w_old, arrayFilter(w_c -> w_c.1 < ${last} AND NOT arrayExists(w_d -> ${beats(funnel)}, w_old), w_fresh)),
      ${bestFinals(excludes)}, w_deep)`,
  )
}

/** Clean runs of the greatest depth: of those that no later exclusion can part, the best. */
function bestFinals(excludes: boolean): Sql {
  const all = raw('arrayFilter(w_c -> w_c.1 = w_deep AND w_c.6 = 0, arrayConcat(w_finals, w_fresh))')
  const ordered = sql`arraySort(w_c -> (w_c.9[-1], -w_c.7, -w_c.3, w_c.9, w_c.8), ${all})`
  if (!excludes) return sql`arraySlice(${ordered}, 1, 1)`
  return bind(
    { w_sorted: ordered },
    // A later one is of use only if it can outlive all before it: it started earlier.
    sql`if(length(w_sorted) <= 1, w_sorted, arrayFilter((w_c, w_i) -> arrayMin(arraySlice(w_sorted.3, 1, w_i)) = w_c.3
      AND (w_i = 1 OR arrayMin(arraySlice(w_sorted.3, 1, w_i - 1)) > w_c.3), w_sorted, arrayEnumerate(w_sorted)))`,
  )
}

/** Every run that enters this group, from `w_live` or starting here; the best of each (position, start, n). */
function extended(funnel: Funnel): Sql {
  const last = raw(String(funnel.positions.length))
  const mandatory = funnel.positions.reduce(
    (mask, { optional }, index) => (optional ? mask : mask | bit(index + 1)),
    0n,
  )
  const withins = funnel.positions.map(({ withinMs }) => withinMs ?? funnel.windowMs)
  const within = funnel.positions.some(({ withinMs }) => withinMs !== null)
    ? sql` AND (w_c.1 = 0 OR w_t - w_c.4 <= ${param('Array(Int64)', withins)}[w_p.1])`
    : raw('')
  const may = sql`w_c.1 < w_p.1 AND bitAnd(${param('UInt64', mandatory)}, toUInt64(bitShiftLeft(toUInt64(1), w_p.1 - 1) - bitShiftLeft(toUInt64(1), w_c.1))) = 0${within}`
  const hit =
    funnel.exclusions.length > 0
      ? sql`w_c.6 OR w_p.1 > w_c.5 OR (w_x != 0 AND ${passedOver(funnel)})`
      : raw('toUInt8(0)')
  const grown = bind(
    { w_hit: hit },
    sql`(w_p.2, w_c.2, w_c.3, w_t, ${last}, w_hit, if(w_hit, 0, w_c.7 + w_p.3), if(w_hit, 0, bitOr(w_c.8, w_p.4)),
      if(w_hit, [], arrayConcat(w_c.9, arrayWithConstant(w_p.3, w_g))), w_c.10)`,
  )
  const all = sql`arrayFlatten(arrayMap(w_c -> arrayMap(w_p -> ${grown}, arrayFilter(w_p -> ${may}, w_pass)),
    arrayPushBack(w_live, (0, w_t, w_g, w_t, ${last}, 0, 0, 0, [], w_era))))`
  return bind(
    { w_all_new: sql`CAST(${all} AS ${raw(`Array(${candidate})`)})` },
    sql`if(length(w_all_new) <= 1, w_all_new, ${bind(
      { w_sorted: raw('arraySort(w_c -> (w_c.1, w_c.6, w_c.3, w_c.7, w_c.9, w_c.8), w_all_new)') },
      raw(
        `arrayFilter((w_c, w_i) -> w_i = 1 OR (w_c.1, w_c.6, w_c.3, w_c.7) != (w_sorted.1[w_i - 1], w_sorted.6[w_i - 1], w_sorted.3[w_i - 1], w_sorted.7[w_i - 1]), w_sorted, arrayEnumerate(w_sorted))`,
      ),
    )})`,
  )
}

/** Of the new runs, those that no other new one beats. No two of them beat each other: they differ in start or n. */
function unbeaten(funnel: Funnel): Sql {
  return sql`arrayFilter(w_c -> NOT arrayExists(w_d -> ${differs} AND ${beats(funnel)}, w_new), w_new)`
}

const differs = raw('(w_d.3 != w_c.3 OR w_d.7 != w_c.7 OR w_d.6 != w_c.6)')

/**
 * Whether run `w_d` is at least as good as `w_c` in all that can still matter: a later start leaves more of the window, a
 * later last event more of `within`; and among runs that end together it is not the lesser.
 */
function beats(funnel: Funnel): Sql {
  const within = funnel.positions.some(({ withinMs }) => withinMs !== null) ? ' AND w_d.4 >= w_c.4' : ''
  // Runs of different eras may yet be parted by an excluded step that only one of their windows holds.
  const hit = funnel.exclusions.length > 0 ? 'w_c.6 OR w_d.6 = 0 AND w_d.10 = w_c.10 AND w_d.5 >= w_c.5 AND ' : ''
  return raw(
    `w_d.1 = w_c.1 AND w_d.3 >= w_c.3${within} AND (${hit}(w_d.7 > w_c.7 OR w_d.7 = w_c.7 AND (w_d.3 > w_c.3 OR w_d.9 <= w_c.9)))`,
  )
}

/** Exclusions as SQL arrays beside each other: after, before, number. */
function exclusionArrays(funnel: Funnel): Sql {
  const numbers = funnel.exclusions.map((_, index) => index)
  const column = (values: readonly number[]) => param('Array(UInt8)', values)
  return join(
    [
      column(funnel.exclusions.map(({ after }) => after)),
      column(funnel.exclusions.map(({ before }) => before)),
      column(numbers),
    ],
    ', ',
  )
}

/** Between entering this group at w_p.1 and leaving it at w_p.2, the run stood inside an exclusion that lists an event of the group. */
function passedOver(funnel: Funnel): Sql {
  return sql`arrayExists((w_a, w_b, w_i) -> bitTest(w_x, w_i) AND w_p.1 > w_a AND w_p.2 < w_b, ${exclusionArrays(funnel)})`
}

/** The run `w_c` ended inside an exclusion that lists an event of this group. */
function openHit(funnel: Funnel): Sql {
  return sql`arrayExists((w_a, w_b, w_i) -> bitTest(w_x, w_i) AND w_c.1 >= w_a AND w_c.1 < w_b, ${exclusionArrays(funnel)})`
}

/** The candidates after an excluded step: what they may still take without being hit. */
function capped(funnel: Funnel): string {
  const last = funnel.positions.length
  const exclusions = funnel.exclusions
    .map(({ after, before }, index) => `if(bitTest(w_x, ${index}) AND w_c.1 < ${before}, ${after}, ${last})`)
    .join(', ')
  return `arrayMap(w_c -> arrayMap(w_cap -> if(w_c.6 OR w_cap <= w_c.1,
    CAST((w_c.1, w_c.2, w_c.3, w_c.4, ${last}, 1, 0, 0, [], w_c.10) AS ${candidate}),
    CAST((w_c.1, w_c.2, w_c.3, w_c.4, w_cap, 0, w_c.7, w_c.8, w_c.9, w_c.10) AS ${candidate})),
    [arrayMin([w_c.5, ${exclusions}])])[1], w_live)`
}

/**
 * Passages of one group, `w_m` being the masks of its events. Most groups are one event, which can only be
 * taken alone. In others order is free: from f to k all mandatory positions between must have an event each, and as many
 * optional ones as fit are taken too.
 */
function passages(funnel: Funnel): Sql {
  const type = raw(passageType)
  const mandatory = param(
    'UInt64',
    funnel.positions.reduce((mask, { optional }, index) => (optional ? mask : mask | bit(index + 1)), 0n),
  )
  const tight = tightSets(funnel) ?? []
  const single = raw(
    'arrayMap(w_p -> (toUInt8(w_p + 1), toUInt8(w_p + 1), toUInt8(1), bitShiftLeft(toUInt64(1), w_p)), bitPositionsToArray(w_m[1]))',
  )
  const between = 'toUInt64(bitShiftLeft(toUInt64(1), w_k - 1) - bitShiftLeft(toUInt64(1), w_f))'
  const ends = 'bitOr(bitShiftLeft(toUInt64(1), w_f - 1), bitShiftLeft(toUInt64(1), w_k - 1))'
  const fits = (mask: string) =>
    tight.length === 0
      ? sql`bitAnd(${raw(mask)}, bitNot(w_any)) = 0`
      : sql`bitAnd(${raw(mask)}, bitNot(w_any)) = 0 AND arrayAll((w_h, w_r) -> bitCount(bitAnd(${raw(mask)}, w_h)) <= w_r, w_tight, w_room)`
  const full =
    tight.length === 0
      ? raw(`bitOr(w_need, bitAnd(w_any, if(w_k > w_f, ${between}, toUInt64(0))))`)
      : sql`arrayFold((w_taken, w_o) -> if(${fits('bitOr(w_taken, w_o)')}, bitOr(w_taken, w_o), w_taken),
          arrayMap(w_o -> bitShiftLeft(toUInt64(1), w_o), bitPositionsToArray(if(w_k > w_f, bitAnd(w_any, ${raw(between)}), toUInt64(0)))), w_need)`
  const pair = bindAll(
    [
      { w_need: sql`bitOr(toUInt64(${raw(ends)}), if(w_k > w_f, bitAnd(${mandatory}, ${raw(between)}), toUInt64(0)))` },
      { w_mask: sql`if(${fits('w_need')}, ${full}, toUInt64(0))` },
    ],
    raw('(toUInt8(w_f), toUInt8(w_k), bitCount(w_mask), w_mask)'),
  )
  const pairs = sql`arrayFilter(w_p -> w_p.4 != 0, arrayFlatten(arrayMap(w_f -> arrayMap(w_k -> ${pair}, arrayFilter(w_k -> w_k >= w_f, w_positions)), w_positions)))`
  const several = bindAll(
    [
      {
        w_any: raw('arrayFold((w_u, w_f) -> bitOr(w_u, w_f), w_m, toUInt64(0))'),
        ...(tight.length === 0 ? {} : { w_tight: sql`${param('Array(UInt64)', tight)}` }),
      },
      {
        w_positions: raw('arrayMap(w_p -> toUInt8(w_p + 1), bitPositionsToArray(w_any))'),
        ...(tight.length === 0
          ? {}
          : { w_room: raw('arrayMap(w_h -> arrayCount(w_f -> bitAnd(w_f, w_h) != 0, w_m), w_tight)') }),
      },
    ],
    pairs,
  )
  return sql`if(length(w_m) = 1, CAST(${single} AS ${type}), CAST(${several} AS ${type}))`
}
