import { isSlug } from '../../domain/text.ts'
import { Drop, type Envelope, type Step } from './step.ts'

const malformed = new Drop(
  'invalid-event',
  'service',
  'expected the id of a service: lower-case letters, digits and hyphens, at most 64',
)

/** 400 invalid-event: the service is named by a slug. */
export const withService: Step<Envelope> = (envelope) => (isSlug(envelope.raw['service']) ? envelope : malformed)
