import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { chosen } from './chosen.ts'
import { firstClean } from './clean.ts'
import { maskOf, nameExclusions, namePositions } from './fits.ts'
import { furthest } from './furthest.ts'
import { cleanPassages, openAt } from './hops.ts'
import { bind, bindAll } from './let.ts'
import { runType } from './outcomes.ts'
import { passages } from './passages.ts'

/** So far after all that it never comes. */
const ever = `toInt64(${2n ** 62n})`

/**
 * The run that counts, exactly, for every rule of ordered and strict funnels: up to three passes over the groups of
 * events that are equal in (at, seq). The first finds how far a run gets, the second, if events are excluded, where
 * one that deep first ends unhit, the third, backwards from there, the best of those that end there.
 *
 * One question a pass keeps each small: a pass that asked all at once would have to keep each start that might
 * yet be clean with each path that might yet be best. No pass keeps more than one value for each start and position.
 */
export function orderedRun(funnel: Funnel, columns: Sql): Sql {
  const excludes = funnel.exclusions.length > 0
  const exclusions = nameExclusions(funnel)
  const fits = maskOf(raw('w_h'), namePositions(funnel))
  const hits = maskOf(raw('w_h'), exclusions)
  const relevant = raw(funnel.order === 'strict' ? '1' : excludes ? 'w_e.3 != 0 OR w_e.4 != 0' : 'w_e.3 != 0')
  const split = (values: string) => `arraySplit((w_v, w_b) -> w_b, ${values}, w_border)`
  const united = (operation: string, from: string, values: string) =>
    raw(`arrayMap(w_v -> arrayFold((w_m, w_u) -> ${operation}(w_m, w_u), w_v, ${from}), ${values})`)
  return bindAll(
    [
      {
        w_events: sql`arrayFilter(w_e -> ${relevant}, arrayMap((w_a, w_s, w_h) -> (w_a, w_s, ${fits}, ${hits}), ${columns}))`,
      },
      {
        w_border: raw(
          `arrayMap((w_a, w_s) -> w_a != 0 OR w_s != 0, arrayDifference(w_events.1), arrayDifference(w_events.2))`,
        ),
      },
      {
        w_fits: raw(split('w_events.3')),
        w_at: raw(`arrayMap(w_v -> w_v[1], ${split('w_events.1')})`),
        ...(excludes ? { w_xs: united('bitOr', 'toUInt64(0)', split('w_events.4')) } : {}),
      },
      {
        w_gs: raw('arrayMap(w_g -> toUInt16(w_g), arrayEnumerate(w_at))'),
        w_passes: sql`arrayMap(w_m -> ${passages(funnel)}, w_fits)`,
        ...(funnel.order === 'strict' ? { w_alls: united('bitAnd', 'bitNot(toUInt64(0))', 'w_fits') } : {}),
      },
      { w_far: furthest(funnel) },
      { w_depth: raw('w_far.2') },
      ...(excludes ? clean(funnel) : [{ w_stop: raw('w_far.3') }]),
    ],
    sql`if(w_stop = 0, CAST((0, 0, []) AS ${raw(runType)}), ${bindAll(
      [
        { w_stopped: raw('w_at[w_stop]') },
        { w_from: sql`arrayFirstIndex(w_a -> w_a + ${param('Int64', funnel.windowMs)} >= w_stopped, w_at)` },
        { w_best: chosen(funnel) },
      ],
      sql`CAST((w_depth, w_best.3, arrayMap(w_g -> w_at[w_g], w_best.4)) AS ${raw(runType)})`,
    )})`,
  )
}

/** Binds `w_stop`, the group in which the run that counts ends, and `w_limit`, before which its window must end. */
function clean(funnel: Funnel): Readonly<Record<string, Sql>>[] {
  const search = bind({ w_search: firstClean(funnel) }, raw('(w_search.2, w_search.3)'))
  return [
    {
      w_cleans: sql`arrayMap((w_p, w_x) -> ${cleanPassages(funnel)}, w_passes, w_xs)`,
      w_open: openAt(funnel, 'w_depth'),
    },
    {
      w_untils: raw(
        `arrayPushBack(arrayPopFront(arrayReverseFill(w_t -> w_t != ${ever}, arrayMap((w_x, w_t) -> if(bitAnd(w_x, w_open) != 0, w_t, ${ever}), w_xs, w_at))), ${ever})`,
      ),
    },
    { w_found: sql`if(arrayExists(w_x -> w_x != 0, w_xs), ${search}, (w_far.3, ${raw(ever)}))` },
    { w_stop: raw('w_found.1'), w_limit: raw('w_found.2') },
  ]
}
