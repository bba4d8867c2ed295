import { derivedIdentity, givenIdentity } from '../../domain/identity.ts'
import { shape } from '../../domain/limits.ts'
import { isText } from '../../domain/text.ts'
import { Drop, type Draft, type Step } from './step.ts'

const malformed = new Drop('invalid-event', 'id', `expected 1 to ${shape.eventIdCharsMax} characters`)

/** 400 invalid-event: which event of its journey it is, by its id, or by all that it says. */
export const withIdentity: Step<Draft> = (event) => {
  const id = event.raw['id']
  const { journey } = event.envelope
  if (id === undefined || id === null) {
    event.identity = derivedIdentity(journey, event)
    return event
  }
  if (!isText(id, shape.eventIdCharsMax)) return malformed
  event.identity = givenIdentity(journey, id)
  return event
}
