import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { bit, tightSets } from './fits.ts'
import { bindAll } from './let.ts'

/** What a group lets a run do: enter it at position f, leave it at k, having taken the n positions of a mask. */
const passageType = 'Array(Tuple(f UInt8, k UInt8, n UInt8, mask UInt64))'

/**
 * Passages of one group, `w_m` being the masks of its events. Most groups are one event, which can only be
 * taken alone. In others order is free: from f to k all mandatory positions between must have an event each, and as many
 * optional ones as fit are taken too.
 */
export function passages(funnel: Funnel): Sql {
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
  // Where none may be left out, a passage takes no more positions than there are events. This keeps many positions of one name cheap.
  const reachable = raw(
    funnel.positions.some(({ optional }) => optional)
      ? 'arraySlice(w_positions, w_i)'
      : 'arraySlice(w_positions, w_i, length(w_m))',
  )
  const pairs = sql`arrayFilter(w_p -> w_p.4 != 0, arrayFlatten(arrayMap((w_f, w_i) -> arrayMap(w_k -> ${pair}, ${reachable}), w_positions, arrayEnumerate(w_positions))))`
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
