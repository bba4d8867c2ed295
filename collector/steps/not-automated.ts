import { Drop, type Draft, type Step } from './step.ts'

const automated = new Drop('bot', '', 'the sender is a program')

/** Dropped: bot. Last, so that a program gets the answer that a person would get. */
export const notAutomated: Step<Draft> = (event) => (event.envelope.bot ? automated : event)
