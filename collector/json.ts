import { isRaw, Draft, Drop, Envelope, type Context, type Raw, type SilentCounts } from './steps/step.ts'
import { envelopeSteps, eventSteps, run } from './steps/index.ts'
import { shape } from '../domain/limits.ts'
import type { StoredEvent } from '../domain/stored-event.ts'
import { takeBack } from './added.ts'
import { Refusal, refusalOf } from './refusal.ts'
import type { KnownService } from './services.ts'
import { boundValues } from './values.ts'

/**
 * The value of a JSON text. Of a key that stands twice, the last counts.
 * @param eventsMax events that it may hold
 * @throws {Refusal}
 */
export function parseJson(text: string, eventsMax: number): unknown {
  boundValues(text, shape.valuesPerEventMax * eventsMax)
  // The trace of bytes that were no UTF-8. Who means the character itself can write it as an escape.
  if (text.includes('\uFFFD')) throw new Refusal('invalid-json', 'expected UTF-8, without replacement characters')
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes what came.
    throw new Refusal('invalid-json', text.trim() === '' ? 'expected JSON, found nothing' : 'expected JSON')
  }
}

/** @throws {Refusal} */
export function jsonBody(text: string, eventsMax: number): Raw {
  const body = parseJson(text, eventsMax)
  if (!isRaw(body)) throw new Refusal('invalid-json', 'expected a JSON object')
  return body
}

/**
 * The events of a JSON body: all or nothing.
 * @param known the service that it names
 * @returns no events but their number when the sender is a program, or the journey was erased
 * @throws {Refusal}
 */
export function jsonEvents(
  body: Raw,
  known: KnownService | undefined,
  context: Context,
): { events: StoredEvent[]; silent: SilentCounts } {
  const given = body['events']
  const count = Array.isArray(given) ? given.length : 1
  const envelope = run(envelopeSteps, new Envelope(body, known), context)
  if (envelope instanceof Drop) throw refusalOf(envelope, { events: count })
  if (!Array.isArray(given) || given.length === 0)
    throw new Refusal('invalid-event', 'expected a list of events', { path: 'events' })
  const { eventsPerRequestMax } = context.limits
  if (given.length > eventsPerRequestMax)
    throw new Refusal('too-large', `expected at most ${eventsPerRequestMax} events`, { path: 'events', events: count })
  const events: StoredEvent[] = []
  const draft = new Draft(envelope)
  const silent: SilentCounts = { bot: 0, erased: 0 }
  for (let index = 0; index < given.length; index++) {
    const raw: unknown = given[index]
    const event = isRaw(raw) ? run(eventSteps, draft.of(raw), context) : notAnEvent
    if (!(event instanceof Drop)) events.push(event.stored())
    else if (event.reason === 'bot' || event.reason === 'erased') silent[event.reason]++
    else {
      takeBack(context.added)
      const path = `events[${index}]${event.field === '' ? '' : `.${event.field}`}`
      throw refusalOf(event, { path, events: count })
    }
  }
  if (silent.bot > 0) takeBack(context.added)
  return { events, silent }
}

const notAnEvent = new Drop('invalid-event', '', 'expected an object')
