import { admittedOrigin } from './admitted-origin.ts'
import { knownService } from './known-service.ts'
import { notAutomated } from './not-automated.ts'
import { notErased } from './not-erased.ts'
import { Drop, type Context, type Draft, type Envelope, type Step } from './step.ts'
import { withAttributes } from './with-attributes.ts'
import { withChannel } from './with-channel.ts'
import { withClock } from './with-clock.ts'
import { withDimensions } from './with-dimensions.ts'
import { withIdentity } from './with-identity.ts'
import { withJourney } from './with-journey.ts'
import { withOwnChannel } from './with-own-channel.ts'
import { withPublicKey } from './with-public-key.ts'
import { withService } from './with-service.ts'
import { withStep } from './with-step.ts'
import { withTime } from './with-time.ts'
import { withType } from './with-type.ts'
import { withVisitor } from './with-visitor.ts'
import { withinKey } from './within-key.ts'
import { withinNames } from './within-names.ts'
import { withoutPersonalData } from './without-personal-data.ts'

/** Once for what events share: a JSON body, a line of NDJSON, a pixel. */
export const envelopeSteps: readonly Step<Envelope>[] = [
  withService, // 400 invalid-event
  withinKey, // 403 scope-missing
  knownService, // 404 unknown-service
  admittedOrigin, // 403 origin-not-allowed
  withPublicKey, // 401 bad-key
  withJourney, // 400 invalid-event; the reference ends here, its keyed hash goes on
  withChannel, // 400 invalid-event
  withClock, // 400 invalid-event; how far a browser's clock is off
  withVisitor, // device, browser, referrer kind; the headers end here
]

/** Once an event. */
export const eventSteps: readonly Step<Draft>[] = [
  withType, // 400 invalid-event; what the type carries
  withStep, // 400 invalid-event
  withTime, // 400 invalid-event; a browser's time is corrected and held
  withIdentity, // 400 invalid-event; by id, or by all that it says
  withOwnChannel, // 400 invalid-event
  withAttributes, // 400 invalid-event; those that the service does not list are left out
  withoutPersonalData, // 400 personal-data
  notErased, // dropped: erased
  withinNames, // 400 invalid-step
  withDimensions, // values past the limit become `other`
  notAutomated, // dropped: bot
]

/** The steps in turn, until one ends the way. */
export function run<Subject>(steps: readonly Step<Subject>[], subject: Subject, context: Context): Subject | Drop {
  let current = subject
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index]
    if (step === undefined) break
    const result = step(current, context)
    if (result instanceof Drop) return result
    current = result
  }
  return current
}
