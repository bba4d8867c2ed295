import { Drop, type Draft, type Step } from './step.ts'

const erased = new Drop('erased', '', 'the journey was erased')

/** Dropped: erased. Before anything of the event is brought into use; what breaks a rule is refused as anybody's. */
export const notErased: Step<Draft> = (event, { erasures }) =>
  erasures.has(event.envelope.service.service.id, event.envelope.journey.journey) ? erased : event
