import { instantForms, instantMs } from '../../domain/instant.ts'
import { shape } from '../../domain/limits.ts'
import { Drop, type Draft, type Step } from './step.ts'

const malformed = new Drop('invalid-event', 'at', instantForms)
const outOfRange = new Drop('invalid-event', 'at', 'expected a time from 1970 to a day ahead')
const malformedSeq = new Drop('invalid-event', 'seq', `expected a whole number from 0 to ${shape.seqMax}`)

/**
 * 400 invalid-event: when it happened. A secret key's time is kept as given. A browser's is corrected and held
 * within what is possible: any time that parses, because a person's wrong clock is no reason to lose them.
 */
export const withTime: Step<Draft> = (event, { key, receivedAt, limits }) => {
  const sentAt = instantMs(event.raw['at'])
  if (sentAt === null) return malformed
  event.sentAt = sentAt
  if (key !== undefined) {
    if (sentAt < 0 || sentAt > receivedAt + limits.futureMs) return outOfRange
    event.at = sentAt
  } else {
    const corrected = sentAt + event.envelope.correctionMs
    event.at = Math.max(receivedAt - limits.browserPastMs, Math.min(corrected, receivedAt))
  }
  const seq = event.raw['seq'] ?? 0
  if (typeof seq !== 'number' || !Number.isInteger(seq) || seq < 0 || seq > shape.seqMax) return malformedSeq
  event.seq = seq + 0
  return event
}
