import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { hasWithin, heldBy, hopsTo, hopsWithin, overOptional } from './hops.ts'
import { bindAll } from './let.ts'

const rest = 'Tuple(UInt8, UInt16, Int64, UInt64, UInt8, UInt64, Array(UInt16))'
const state = `Tuple(Array(${rest}), UInt8, UInt64, Array(UInt16))`

/**
 * Of the runs that reach `w_depth` in the group `w_stop` and start within the window before it, the one that counts: most positions,
 * latest start, earliest events. As (runs, positions taken, their mask, their groups).
 *
 * Kept in the pass, latest group first, are rests of runs, each with what comes before it left to find:
 *
 *   1 f   position that it begins with         2 g, 3   group and time of that event
 *   4 before   positions that may come before  5 n      positions taken      6 mask   7 path   group of each
 *
 * One that begins earlier leaves more of `within` and has fewer excluded steps before it, and its events are
 * earlier; so of those with the same f one stays beside it only if it has more positions.
 */
export function chosen(funnel: Funnel): Sql {
  const excludes = funnel.exclusions.length > 0
  const within = hasWithin(funnel)
    ? sql`arrayFilter(w_c -> w_c.1 > ${raw(String(funnel.positions.length))} OR w_c.3 - w_t <= ${hopsWithin(funnel)}[w_c.1], w_s.1)`
    : raw('w_s.1')
  const until = excludes ? sql` AND w_t + ${param('Int64', funnel.windowMs)} < w_limit` : raw('')
  const step = bindAll(
    [
      {
        w_new: sql`CAST(arrayFlatten(arrayMap(w_c -> arrayMap(w_p -> (w_p.1, w_g, w_t, ${hopsTo(funnel)}[w_p.1], w_c.5 + w_p.3, bitOr(w_c.6, w_p.4), arrayConcat(arrayWithConstant(w_p.3, w_g), w_c.7)),
          arrayFilter(w_p -> bitTest(w_c.4, w_p.2), w_pass)), ${within})) AS Array(${raw(rest)}))`,
      },
      {
        w_top: raw(
          'if(length(w_new) <= 1, w_new, arrayCompact(w_c -> w_c.1, arraySort(w_c -> (w_c.1, -w_c.5, w_c.7, w_c.6), w_new)))',
        ),
      },
      {
        w_begun: sql`w_top[1].1 = 1 AND w_top[1].5 > w_s.2${until}`,
        w_old: sql`arrayFilter(w_c -> w_c.1 <= ${raw(String(funnel.positions.length))} AND w_c.4 != 0 AND NOT arrayExists(w_d -> w_d.1 = w_c.1 AND w_d.5 >= w_c.5, w_top), ${crossed(funnel)})`,
      },
    ],
    raw(
      `(arrayConcat(w_old, arrayFilter(w_c -> w_c.1 != 1, w_top)), if(w_begun, w_top[1].5, w_s.2), if(w_begun, w_top[1].6, w_s.3), if(w_begun, w_top[1].7, w_s.4))`,
    ),
  )
  const extra = [...(excludes ? [['w_x', 'w_xs']] : []), ...(funnel.order === 'strict' ? [['w_all', 'w_alls']] : [])]
  const names = raw(extra.map(([name = '']) => `, ${name}`).join(''))
  const arrays = raw(extra.map(([, array = '']) => `, ${reversed(array)}`).join(''))
  return sql`arrayFold((w_s, w_t, w_g, w_pass${names}) -> CAST(${step} AS ${raw(state)}),
    ${raw(reversed('w_at'))}, ${raw(reversed('w_gs'))}, ${raw(reversed(excludes ? 'w_cleans' : 'w_passes'))}${arrays},
    CAST(([(${raw(String(funnel.positions.length + 1))}, w_stop, w_at[w_stop], bitShiftLeft(toUInt64(1), w_depth), 0, 0, [])], 0, 0, []) AS ${raw(state)}))`
}

/** The groups from `w_from` to `w_stop`, the latest first. */
function reversed(array: string): string {
  return `arrayReverse(arraySlice(${array}, w_from, w_stop + 1 - w_from))`
}

/** The rests when this group lies between them and what comes before. */
function crossed(funnel: Funnel): Sql {
  const strict = funnel.order === 'strict' ? ['bitShiftLeft(w_all, 1)'] : []
  const before = strict.reduce((mask, other) => `bitAnd(${mask}, ${other})`, 'w_c.4')
  const moved = (mask: Sql) => sql`arrayMap(w_c -> (w_c.1, w_c.2, w_c.3, ${mask}, w_c.5, w_c.6, w_c.7), w_s.1)`
  const plain = strict.length === 0 ? raw('w_s.1') : moved(raw(before))
  if (funnel.exclusions.length === 0) return plain
  const over = overOptional(funnel).reduce(
    (mask, { number, after }) =>
      sql`bitAnd(${mask}, if(bitTest(w_x, ${raw(String(number))}) AND w_c.1 > ${raw(String(after))}, bitNot(toUInt64(${raw(String((1n << BigInt(after)) - 1n))})), bitNot(toUInt64(0))))`,
    sql`bitAnd(${raw(before)}, bitNot(${heldBy(funnel, 'w_x')}))`,
  )
  return sql`if(w_x = 0, ${plain}, ${moved(over)})`
}
