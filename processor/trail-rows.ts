import type { StoredEvent } from '../domain/stored-event.ts'
import { trailContent } from '../domain/trail-content.ts'

export const trailColumns = ['service', 'journey', 'identity', 'at', 'engagedMs', 'content'] as const

/** An event as a row of table trail. @throws Error for what the log holds but cannot be an event */
export function trailRow(event: StoredEvent): readonly unknown[] {
  if (!Number.isSafeInteger(event.at)) throw new RangeError('at is no whole number')
  if (!Number.isSafeInteger(event.identity) || event.identity < 0) throw new RangeError('identity is no whole number')
  return [event.service, journeyNumber(event.journey), event.identity, event.at, event.engagedMs, trailContent(event)]
}

/** 16 hex digits as the decimal number that they are. */
export function journeyNumber(journey: string): string {
  if (journey.length !== 16) throw new RangeError('journey is no 64-bit number')
  return BigInt(`0x${journey}`).toString()
}
