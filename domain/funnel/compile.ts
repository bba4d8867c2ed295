import type { Funnel } from '../service.ts'
import { anyRun } from './any.ts'
import { sequenceRun } from './sequence.ts'
import { verdictOf } from './outcomes.ts'
import type { CompiledFunnel } from './verdict.ts'

export { compileFault } from './fits.ts'

/** A funnel as SQL: what DESIGN says that it means, over the columns of a packed trail. */
export function compileFunnel(funnel: Funnel): CompiledFunnel {
  return {
    funnel,
    verdict: verdictOf(funnel, funnel.order === 'any' ? anyRun(funnel) : sequenceRun(funnel)),
  }
}
