import { instantForms, instantMs } from '../../domain/instant.ts'
import { Drop, type Envelope, type Step } from './step.ts'

const malformed = new Drop('invalid-event', 'sentAt', instantForms)

const minuteMs = 60_000

/**
 * 400 invalid-event. How far a browser's clock is off: received − sent, in whole minutes, because below a minute
 * it is the network that is slow, and correcting for that would reorder a journey. A secret key's clock is right.
 */
export const withClock: Step<Envelope> = (envelope, { key, receivedAt }) => {
  const given = envelope.raw['sentAt']
  if (key !== undefined || given === undefined || given === null) return envelope
  const sentAt = instantMs(given)
  if (sentAt === null) return malformed
  envelope.correctionMs = Math.round((receivedAt - sentAt) / minuteMs) * minuteMs
  return envelope
}
