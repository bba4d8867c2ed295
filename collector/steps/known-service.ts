import { Drop, type Envelope, type Step } from './step.ts'

const unknown = new Drop('unknown-service', 'service', 'no service of this id takes events')

/** 404 unknown-service: never registered, or deleted. */
export const knownService: Step<Envelope> = (envelope) => (envelope.known === undefined ? unknown : envelope)
