import { channels, eventTypes, outcomes, type StoredEvent } from '../domain/stored-event.ts'

/** Events of one line: so many are turned into text or back before others get their turn. */
export const eventsPerLine = 500

/** Where a field is what it nearly always is, or what it was in the event before, it is written as 0. */
const same = 0

type Dimensions = StoredEvent['dimensions']

/**
 * Events as text: JSON arrays, at most 500 events a line. Each event is [service, journey, identity, type, step, at, seq,
 * channel, dimensions], and if it has any of them also [outcome, field, code, rating, engagedMs]. Service,
 * journey and dimensions are 0 where they are those of the event before, type where it is `step`, channel
 * where it is `online`.
 */
export function encodeEvents(events: readonly StoredEvent[]): string {
  if (events.length <= eventsPerLine) return JSON.stringify(rows(events))
  const lines: string[] = []
  for (let from = 0; from < events.length; from += eventsPerLine)
    lines.push(JSON.stringify(rows(events.slice(from, from + eventsPerLine))))
  return lines.join('\n')
}

function rows(events: readonly StoredEvent[]): unknown[][] {
  let service: string | undefined
  let journey: string | undefined
  let dimensions: Dimensions | undefined
  return events.map((event) => {
    const row: unknown[] = [
      event.service === service ? same : event.service,
      event.journey === journey ? same : event.journey,
      event.identity,
      event.type === 'step' ? same : event.type,
      event.step,
      event.at,
      event.seq,
      event.channel === 'online' ? same : event.channel,
      dimensions !== undefined && equal(event.dimensions, dimensions) ? same : event.dimensions,
    ]
    if (event.outcome !== '' || event.field !== '' || event.code !== '' || event.rating !== 0 || event.engagedMs !== 0)
      row.push(event.outcome, event.field, event.code, event.rating, event.engagedMs)
    service = event.service
    journey = event.journey
    dimensions = event.dimensions
    return row
  })
}

function equal(left: Dimensions, right: Dimensions): boolean {
  if (left === right) return true
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) {
    const a = left[index]
    const b = right[index]
    if (a?.[0] !== b?.[0] || a?.[1] !== b?.[1]) return false
  }
  return true
}

/**
 * One line back into events.
 * @throws Error when it is not what encodeEvents writes
 */
export function decodeLine(line: string): StoredEvent[] {
  const parsed: unknown = JSON.parse(line)
  if (!Array.isArray(parsed)) throw new Error('not a list of events')
  const events: StoredEvent[] = []
  let before: StoredEvent | undefined
  for (const row of parsed) {
    before = decodeRow(row, before)
    events.push(before)
  }
  return events
}

function decodeRow(row: unknown, before: StoredEvent | undefined): StoredEvent {
  if (!Array.isArray(row)) throw new Error('not an event')
  const values: readonly unknown[] = row
  const dimensions = values[8]
  return {
    service: values[0] === same && before !== undefined ? before.service : text(values[0]),
    journey: values[1] === same && before !== undefined ? before.journey : text(values[1]),
    identity: number(values[2]),
    type: values[3] === same ? 'step' : oneOf(eventTypes, values[3]),
    step: text(values[4]),
    at: number(values[5]),
    seq: number(values[6]),
    channel: values[7] === same ? 'online' : oneOf(channels, values[7]),
    dimensions: dimensions === same && before !== undefined ? before.dimensions : pairs(dimensions),
    outcome: values.length === 9 || values[9] === '' ? '' : oneOf(outcomes, values[9]),
    field: values.length === 9 ? '' : text(values[10]),
    code: values.length === 9 ? '' : text(values[11]),
    rating: values.length === 9 ? 0 : number(values[12]),
    engagedMs: values.length === 9 ? 0 : number(values[13]),
  }
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a text is missing')
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new Error('a number is missing')
  return value
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word {
  const found = words.find((word) => word === value)
  if (found === undefined) throw new Error('a word is unknown')
  return found
}

function pairs(value: unknown): Dimensions {
  if (!Array.isArray(value)) throw new Error('dimensions are missing')
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair)) throw new Error('a dimension is malformed')
    return [text(pair[0]), text(pair[1])] as const
  })
}
