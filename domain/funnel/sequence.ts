import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { bytesRun, eventsMax, positionsMax } from './bytes.ts'
import { chainRun } from './chain.ts'
import { maskOf, nameExclusions, sharesNames } from './fits.ts'
import { bindAll } from './let.ts'
import { orderedRun } from './ordered.ts'
import { runType } from './outcomes.ts'

/**
 * The run that counts of an ordered or strict funnel: by a cheap pass where one is exact, which is nearly always, else
 * by the exact one.
 *
 * The cheap passes ask that no event is excluded, and, where the order within a group could matter, that no two that matter are
 * equal in (at, seq). They leave `within` out, which is looked at in the end: a run that is best
 * without it, and keeps it, is best.
 */
export function sequenceRun(funnel: Funnel): Sql {
  const exact = (columns: string) => orderedRun(funnel, raw(columns))
  const optional = funnel.positions.some((position) => position.optional)
  if (sharesNames(funnel) || (optional && funnel.positions.length > positionsMax)) return exact('at, seq, step')
  const guards = [
    ...(funnel.exclusions.length > 0
      ? [sql`NOT arrayExists(w_h -> ${maskOf(raw('w_h'), nameExclusions(funnel))} != 0, step)`]
      : []),
    ...(optional || funnel.order === 'strict' ? [raw('w_events.3[-1] + 1 >= length(w_events.3)')] : []),
    ...(optional ? [raw(`w_events.3[-1] < ${eventsMax}`), spansOneWindow(funnel)] : []),
  ]
  const cheap = optional ? bytesRun(funnel) : chainRun(funnel)
  const bounded = funnel.positions.some(({ withinMs }) => withinMs !== null)
  if (guards.length === 0 && !bounded) return withEvents(funnel, cheap)
  const able = guards.reduce((all, guard) => sql`${all} AND ${guard}`, raw('1'))
  // What a lambda does not depend on is computed outside it, lazy branch or not: so the columns are bound with the condition.
  const trail = { w_a0: raw('at'), w_q0: raw('seq'), w_h0: raw('step') }
  const none = sql`CAST((0, 0, []) AS ${raw(runType)})`
  return withEvents(
    funnel,
    bindAll(
      [
        { w_able: able, w_sure: raw('w_events') },
        { w_fast: sql`if(w_able, ${bindAll([{ w_events: raw('w_sure') }], cheap)}, ${none})` },
        { w_kept: bounded ? sql`w_able AND ${keepsWithin(funnel)}` : raw('w_able'), ...trail },
      ],
      sql`if(w_kept, w_fast, ${exact('w_a0, w_q0, w_h0')})`,
    ),
  )
}

/** Binds `w_events`: of the events that matter (strict: of all) the position (0 for none), time and group. */
function withEvents(funnel: Funnel, body: Sql): Sql {
  const numbers = new Map(
    funnel.positions.flatMap(({ names }, index) => names.map((name) => [name, BigInt(index + 1)] as const)),
  )
  const known = sql`CAST(arrayMap(w_h -> ${maskOf(raw('w_h'), numbers)}, step) AS Array(UInt8))`
  const kept = (column: string) => `arrayFilter((w_v, w_p) -> w_p != 0, ${column}, w_p0)`
  const relevant = raw(
    funnel.order === 'strict'
      ? '(w_p0, at, seq)'
      : `if(has(w_p0, 0), (${kept('w_p0')}, ${kept('at')}, ${kept('seq')}), (w_p0, at, seq))`,
  )
  return bindAll(
    [
      { w_p0: known },
      { w_e: relevant },
      {
        w_events: raw(
          '(w_e.1, w_e.2, arrayCumSum((w_a, w_q) -> w_a != 0 OR w_q != 0, arrayDifference(w_e.2), arrayDifference(w_e.3)))',
        ),
      },
    ],
    body,
  )
}

function spansOneWindow(funnel: Funnel): Sql {
  return sql`w_events.2[-1] - w_events.2[1] <= ${param('Int64', funnel.windowMs)}`
}

function keepsWithin(funnel: Funnel): Sql {
  const withins = param(
    'Array(Int64)',
    funnel.positions.map(({ withinMs }) => withinMs ?? funnel.windowMs),
  )
  return sql`arrayAll((w_d, w_p) -> w_d <= ${withins}[w_p + 1], arrayDifference(w_fast.3), bitPositionsToArray(w_fast.2))`
}
