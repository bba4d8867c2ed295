import type { Funnel } from '../service.ts'
import { anyRun } from './any.ts'
import { compileFault } from './fits.ts'
import { sequenceRun } from './sequence.ts'
import { verdictsOfTrails } from './shapes.ts'
import { verdictOf } from './outcomes.ts'
import type { CompiledFunnel } from './verdict.ts'

export { compileFault }

/**
 * A funnel as SQL: what DESIGN says that it means, over the columns of a packed trail.
 * @throws {Error} for a funnel with a `compileFault`: it would be judged wrongly, so it is to be refused before
 */
export function compileFunnel(funnel: Funnel): CompiledFunnel {
  const fault = compileFault(funnel)
  if (fault !== null) throw new Error(fault)
  const verdict = verdictOf(funnel, funnel.order === 'any' ? anyRun(funnel) : sequenceRun(funnel))
  return { funnel, verdict, verdictsOf: (trails) => verdictsOfTrails({ funnel, verdict }, trails) }
}
