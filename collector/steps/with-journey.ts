import { journeyIdentity } from '../../domain/identity.ts'
import { shape } from '../../domain/limits.ts'
import { isPrintable } from '../../domain/text.ts'
import { Drop, type Envelope, type Step } from './step.ts'

const malformed = new Drop(
  'invalid-event',
  'journey',
  `expected a reference of 1 to ${shape.journeyCharsMax} printable characters`,
)

/** 400 invalid-event. The reference ends here: only its keyed hash goes on. */
export const withJourney: Step<Envelope> = (envelope, { secret, sha256 }) => {
  const reference = envelope.raw['journey']
  if (!isPrintable(reference, shape.journeyCharsMax)) return malformed
  envelope.journey = journeyIdentity(sha256, secret, envelope.service.service.id, reference)
  return envelope
}
