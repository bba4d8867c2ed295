import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { bytesRun, eventsMax, positionsMax } from './bytes.ts'
import { chainRun } from './chain.ts'
import { tieless, withEvents } from './events.ts'
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
    ...(optional || funnel.order === 'strict' ? [raw(tieless)] : []),
    ...(optional ? [raw(`length(w_events.1) <= ${eventsMax}`), spansOneWindow(funnel)] : []),
  ]
  const cheap = optional ? bytesRun(funnel) : chainRun(funnel)
  const bounded = funnel.positions.some(({ withinMs }) => withinMs !== null)
  if (guards.length === 0 && !bounded) return withEvents(funnel, cheap)
  const able = guards.reduce((all, guard) => sql`${all} AND ${guard}`, raw('1'))
  // What a lambda does not depend on is computed outside it, lazy branch or not: so what the branches read is bound with the condition.
  const trail = { w_a0: raw('at'), w_q0: raw('seq'), w_h0: raw('step') }
  const events = { w_able: able, w_events: raw('w_events') }
  const rest = exact('w_a0, w_q0, w_h0')
  if (!bounded) return withEvents(funnel, bindAll([{ ...events, ...trail }], sql`if(w_able, ${cheap}, ${rest})`))
  const none = sql`CAST((0, 0, []) AS ${raw(runType)})`
  return withEvents(
    funnel,
    bindAll(
      [
        events,
        { w_cheap: sql`if(w_able, ${cheap}, ${none})`, ...trail },
        { w_kept: sql`w_able AND ${keepsWithin(funnel)}`, w_a0: raw('w_a0'), w_q0: raw('w_q0'), w_h0: raw('w_h0') },
      ],
      sql`if(w_kept, w_cheap, ${rest})`,
    ),
  )
}

function spansOneWindow(funnel: Funnel): Sql {
  return sql`w_events.2[-1] - w_events.2[1] < ${param('Int64', (BigInt(funnel.windowMs) + 1n) * 8192n)}`
}

function keepsWithin(funnel: Funnel): Sql {
  const withins = param(
    'Array(Int64)',
    funnel.positions.map(({ withinMs }) => withinMs ?? funnel.windowMs),
  )
  return sql`arrayAll((w_d, w_p) -> w_d <= ${withins}[w_p + 1], arrayDifference(w_cheap.3), bitPositionsToArray(w_cheap.2))`
}
