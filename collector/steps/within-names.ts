import { Drop, type Draft, type Step } from './step.ts'

const full = new Drop('invalid-step', 'step', 'this name is in no version of the funnel, and there is no room for more')

/** 400 invalid-step: names outside the funnel are few, so a new one must find room. */
export const withinNames: Step<Draft> = (event, { added }) => {
  if (!event.newStep) return event
  const known = event.envelope.service
  // Two events of one request may bring the same new name.
  if (known.names.seesStep(event.step)) return event
  if (!known.names.addStep(event.step, known.funnelSteps)) return full
  added.push({ known, step: event.step })
  return event
}
