import type { Funnel } from '../service.ts'
import { raw, sql, type Sql } from '../sql.ts'
import { anyRun } from './any.ts'
import { sequenceRun } from './sequence.ts'
import { maskOf, namePositions } from './fits.ts'
import { verdictOf } from './outcomes.ts'
import type { CompiledFunnel } from './verdict.ts'

export { compileFault } from './fits.ts'

/** A funnel as SQL: what DESIGN says that it means, over the columns of a packed trail. */
export function compileFunnel(funnel: Funnel): CompiledFunnel {
  return {
    funnel,
    verdict: verdictOf(funnel, starts(funnel), funnel.order === 'any' ? anyRun(funnel) : sequenceRun(funnel)),
  }
}

/** Events that start a run: those that fit position 1 (`any`: any position). */
function starts(funnel: Funnel): Sql {
  const from = funnel.order === 'any' ? funnel.positions : funnel.positions.slice(0, 1)
  const fits = namePositions({ ...funnel, positions: from })
  return sql`arrayFilter((w_e, w_m) -> w_m != 0, arrayZip(at, seq, arrayMap(w_a -> toUInt8(0), at)),
    arrayMap(w_h -> ${maskOf(raw('w_h'), fits)}, step))`
}
