import type { StoredEvent } from '../domain/stored-event.ts'

export const trailColumns = ['service', 'journey', 'identity', 'at', 'engagedMs', 'content'] as const

/** An event as a row of table trail. */
export function trailRow(event: StoredEvent): readonly unknown[] {
  return [
    event.service,
    BigInt(`0x${event.journey}`).toString(),
    event.identity,
    event.at,
    event.engagedMs,
    [
      event.type,
      event.step,
      event.seq,
      event.outcome,
      event.field,
      event.code,
      event.rating,
      event.channel,
      event.dimensions,
    ],
  ]
}
