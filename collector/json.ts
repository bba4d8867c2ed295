import { isRaw, Draft, Drop, Envelope, type Context } from './steps/step.ts'
import { envelopeSteps, eventSteps, run } from './steps/index.ts'
import type { StoredEvent } from '../domain/stored-event.ts'
import { takeBack } from './added.ts'
import { Refusal, refusalOf } from './refusal.ts'
import type { KnownService } from './services.ts'

/** The value of a JSON text. Of a key that stands twice, the last counts. @throws {Refusal} */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes what came.
    throw new Refusal('invalid-json', text.trim() === '' ? 'the body is empty' : 'the body is not valid JSON')
  }
}

/**
 * The events of a JSON body: all or nothing.
 * @returns none when the sender is a program
 * @throws {Refusal}
 */
export async function jsonEvents(
  text: string,
  context: Context,
  find: (id: unknown) => Promise<KnownService | undefined>,
): Promise<{ events: StoredEvent[]; bots: number }> {
  const body = parseJson(text)
  if (!isRaw(body)) throw new Refusal('invalid-json', 'expected a JSON object')
  const given = body['events']
  const count = Array.isArray(given) ? given.length : 1
  const envelope = run(envelopeSteps, new Envelope(body, await find(body['service'])), context)
  if (envelope instanceof Drop) throw refusalOf(envelope, { events: count })
  if (!Array.isArray(given) || given.length === 0)
    throw new Refusal('invalid-event', 'expected a list of events', { path: 'events' })
  const { eventsPerRequestMax } = context.limits
  if (given.length > eventsPerRequestMax)
    throw new Refusal('too-large', `expected at most ${eventsPerRequestMax} events`, { path: 'events', events: count })
  const events: StoredEvent[] = []
  let bots = 0
  for (let index = 0; index < given.length; index++) {
    const raw: unknown = given[index]
    const event = isRaw(raw) ? run(eventSteps, new Draft(raw, envelope), context) : notAnEvent
    if (!(event instanceof Drop)) events.push(event.stored())
    else if (event.reason === 'bot') bots++
    else {
      takeBack(context.added)
      const path = `events[${index}]${event.field === '' ? '' : `.${event.field}`}`
      throw refusalOf(event, { path, events: count })
    }
  }
  if (bots > 0) takeBack(context.added)
  return { events, bots }
}

const notAnEvent = new Drop('invalid-event', '', 'expected an object')
