import type { StoredEvent } from '../../domain/stored-event.ts'
import { decodeLine, encodeEvents, eventsPerLine } from '../event-text.ts'

/**
 * How events stand in a message of the topic (docs/kafka.md): one byte for the version of the format, then text, as the
 * local log has it. All events of a message are of one journey, whose hash is the key.
 *
 * What is added to the end of an event keeps the version: programs read what they know and leave the rest. A change
 * that an older program would misread takes the next version, which programs must read one release before they write it.
 */
export const formatVersion = 1

/** Bytes of one message; what a request has of a journey beyond them goes into further ones. */
export const messageBytesMax = 256 * 1024
/** So many events have room in a message whatever they hold: text is at most a few hundred bytes an event. */
const eventsPerMessageMax = 4 * eventsPerLine

export interface Encoded {
  /** 16 hex digits. */
  readonly journey: string
  readonly value: Buffer
  readonly events: number
}

/** One message a journey, in the order in which the journeys first come; more only where one would grow too large. */
export function encodeMessages(batch: readonly StoredEvent[]): readonly Encoded[] {
  const [first] = batch
  if (first === undefined) return []
  if (batch.every(({ journey, service }) => journey === first.journey && service === first.service))
    return encodeJourney(batch)
  const journeys = new Map<string, StoredEvent[]>()
  for (const event of batch) {
    const key = `${event.service}/${event.journey}`
    const events = journeys.get(key)
    if (events === undefined) journeys.set(key, [event])
    else events.push(event)
  }
  return Array.from(journeys.values()).flatMap((events) => encodeJourney(events))
}

function encodeJourney(events: readonly StoredEvent[]): readonly Encoded[] {
  const text = events.length > eventsPerMessageMax ? undefined : encodeEvents(events)
  const value = text === undefined ? undefined : Buffer.allocUnsafe(1 + Buffer.byteLength(text))
  if (text === undefined || value === undefined || (value.length > messageBytesMax && events.length > 1)) {
    const middle = Math.ceil(events.length / 2)
    return [...encodeJourney(events.slice(0, middle)), ...encodeJourney(events.slice(middle))]
  }
  value[0] = formatVersion
  value.write(text, 1)
  return [{ journey: events[0]?.journey ?? '', value, events: events.length }]
}

/** Why a message can never become events. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable'
}

/** @throws {Undecodable} with a reason that names none of its content */
export function decodeMessage(value: Uint8Array | null): readonly StoredEvent[] {
  if (value === null || value.length === 0) throw new Undecodable('the message is empty')
  const version = value[0]
  if (version !== formatVersion)
    throw new Undecodable(`format version ${version}: this program reads up to ${formatVersion}`)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(value.subarray(1))
    return text.split('\n').flatMap((line) => decodeLine(line))
  } catch (cause) {
    // A parser's message may quote what it read.
    const why = cause instanceof SyntaxError || cause instanceof TypeError ? 'no JSON in UTF-8' : reasonOf(cause)
    throw new Undecodable(`cannot be decoded: ${why}`, { cause })
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'no events'
}

/**
 * The partition of a journey: its hash is uniform already, so its first 32 bits decide. Partitions that are added later
 * send its further events elsewhere, which changes no answer: a trail is a set.
 */
export function partitionOf(journey: string, partitions: number): number {
  return Number.parseInt(journey.slice(0, 8), 16) % partitions
}
