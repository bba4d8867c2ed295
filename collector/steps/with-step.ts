import { shape } from '../../domain/limits.ts'
import { isPrintable } from '../../domain/text.ts'
import { Drop, type Draft, type Step } from './step.ts'

const malformed = new Drop(
  'invalid-event',
  'step',
  `expected the name of a step, 1 to ${shape.stepCharsMax} printable characters`,
)

/** 400 invalid-event: the name of the step. Events of other types may be at a step too, and need not. */
export const withStep: Step<Draft> = (event) => {
  const step = event.raw['step']
  if (step === undefined || step === null) return event.type === 'step' ? malformed : event
  const { funnelSteps, names } = event.envelope.service
  if (typeof step === 'string' && (funnelSteps.has(step) || names.seesStep(step))) {
    event.step = step
    return event
  }
  if (!isPrintable(step, shape.stepCharsMax)) return malformed
  event.step = step
  event.newStep = true
  return event
}
