import { eventTypes, type EventType, type StoredEvent } from './stored-event.ts'

/**
 * All of an event but what says which it is (service, journey, identity) and what merges by itself (`at`,
 * `engagedMs`), as one text. Two of them compare, byte by byte, as (type, step, seq, what the type carries,
 * channel, dimensions) do, since the separators are smaller than any character of a name: so the smallest of
 * two copies is the smallest text. Table trail keeps it, and takes it apart in its alias columns.
 *
 *   type (1 digit) step \x01 seq (8 hex digits) \x01 outcome | field \x02 code | rating \x01 channel \x01
 *   name \x02 value [\x03 name \x02 value …]
 *
 * @throws RangeError for what is no event: it would merge wrongly or could not be taken apart again
 */
export function trailContent(event: StoredEvent): string {
  const type = digits.get(event.type)
  if (type === undefined) throw new RangeError('the event is of no known type')
  const { seq } = event
  if (!Number.isInteger(seq) || seq < 0 || seq > 0xffffffff) throw new RangeError('seq is no 32-bit whole number')
  const order = seq === 0 ? '00000000' : seq.toString(16).toUpperCase().padStart(8, '0')
  let dimensions = ''
  for (const [name, value] of event.dimensions)
    dimensions += dimensions === '' ? `${name}\x02${value}` : `\x03${name}\x02${value}`
  return `${type}${event.step}\x01${order}\x01${carried(event)}\x01${event.channel}\x01${dimensions}`
}

/** In the order of the types as bytes: from 1. */
const digits = new Map<EventType, string>(eventTypes.map((type, index) => [type, String(index + 1)]))

function carried(event: StoredEvent): string {
  if (event.type === 'outcome') return event.outcome
  if (event.type === 'error') return `${event.field}\x02${event.code}`
  if (event.type === 'feedback') return String(event.rating)
  return ''
}
