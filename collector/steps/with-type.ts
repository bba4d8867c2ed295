import { eventTypes, outcomes, type EventType, type Outcome } from '../../domain/stored-event.ts'
import { isSlug } from '../../domain/text.ts'
import { Drop, type Draft, type Raw, type Step } from './step.ts'

const types: ReadonlySet<unknown> = new Set(eventTypes)
const isType = (value: unknown): value is EventType => types.has(value)
const known: ReadonlySet<unknown> = new Set(outcomes)
const isOutcome = (value: unknown): value is Outcome => known.has(value)

const engagedMsMax = 2 ** 32 - 1

const malformedType = new Drop('invalid-event', 'type', `expected one of ${eventTypes.join(', ')}`)
const malformedOutcome = new Drop('invalid-event', 'outcome', `expected one of ${outcomes.join(', ')}`)
const malformedField = new Drop('invalid-event', 'field', 'expected a slug: never a message or a value')
const malformedCode = new Drop('invalid-event', 'code', 'expected a slug: never a message or a value')
const emptyError = new Drop('invalid-event', 'code', 'expected a field or a code, or both')
const malformedEngagement = new Drop(
  'invalid-event',
  'engagedMs',
  `expected milliseconds since the page view, 0 to ${engagedMsMax}`,
)
const malformedRating = new Drop('invalid-event', 'rating', 'expected a whole number from 1 to 5')

/** 400 invalid-event: the type, and what this type carries. What other types carry is not read. */
export const withType: Step<Draft> = (event) => {
  const type = event.raw['type'] ?? 'step'
  if (!isType(type)) return malformedType
  event.type = type
  switch (type) {
    case 'outcome':
      return withOutcome(event, event.raw)
    case 'error':
      return withError(event, event.raw)
    case 'leave':
      return withEngagement(event, event.raw)
    case 'feedback':
      return withRating(event, event.raw)
    case 'step':
    case 'save':
    case 'resume':
      return event
  }
}

function withOutcome(event: Draft, raw: Raw): Draft | Drop {
  const outcome = raw['outcome']
  if (!isOutcome(outcome)) return malformedOutcome
  event.outcome = outcome
  return event
}

function withError(event: Draft, raw: Raw): Draft | Drop {
  const field = raw['field'] ?? ''
  const code = raw['code'] ?? ''
  if (field !== '') {
    if (!isSlug(field)) return malformedField
    event.field = field
  }
  if (code !== '') {
    if (!isSlug(code)) return malformedCode
    event.code = code
  }
  return field === '' && code === '' ? emptyError : event
}

function withEngagement(event: Draft, raw: Raw): Draft | Drop {
  const engagedMs = raw['engagedMs'] ?? 0
  if (typeof engagedMs !== 'number' || !(engagedMs >= 0 && engagedMs <= engagedMsMax)) return malformedEngagement
  event.engagedMs = Math.floor(engagedMs)
  return event
}

function withRating(event: Draft, raw: Raw): Draft | Drop {
  const rating = raw['rating']
  if (typeof rating !== 'number' || !Number.isInteger(rating) || rating < 1 || rating > 5) return malformedRating
  event.rating = rating
  return event
}
