import { derivedIdentity, givenIdentity, journeyIdentity } from '../../../domain/identity.ts'
import type { EventType, Outcome } from '../../../domain/stored-event.ts'
import { sha256 } from '../../../infra/hash.ts'
import { apartSecret } from '../apart.ts'

/** An event as a client sends it. */
export interface Event {
  /** Absent: what tells it from others is derived from what it says. */
  readonly id?: string
  readonly type: Extract<EventType, 'step' | 'outcome' | 'error'>
  readonly step?: string
  readonly outcome?: Outcome
  readonly field?: string
  readonly code?: string
  /** ms since 1970. */
  readonly at: number
  readonly seq: number
}

/** What a client knows of an event that it has sent. */
export interface Sent extends Event {
  readonly service: string
  readonly reference: string
  /** How far the stored time may be from `at`: a browser's clock is corrected by whole minutes. */
  readonly atWithinMs: number
  acknowledged: boolean
}

/** Everything that was sent, by what tells it from everything else in the trail. */
export class SentEvents {
  readonly all = new Map<string, Sent>()
  acknowledged = 0

  /** Sent once more is sent once. @returns what `acknowledge` takes */
  add(service: string, reference: string, events: readonly Event[], atWithinMs = 0): readonly string[] {
    const journey = journeyIdentity(sha256, apartSecret, service, reference)
    return events.map((event) => {
      const identity =
        event.id === undefined
          ? derivedIdentity(journey, {
              type: event.type,
              step: event.step ?? '',
              sentAt: event.at,
              seq: event.seq,
              outcome: event.outcome ?? '',
              field: event.field ?? '',
              code: event.code ?? '',
              rating: 0,
              engagedMs: 0,
            })
          : givenIdentity(journey, event.id)
      const key = keyOf(service, journey.journey, identity)
      if (!this.all.has(key)) this.all.set(key, { ...event, service, reference, atWithinMs, acknowledged: false })
      return key
    })
  }

  acknowledge(keys: readonly string[]): void {
    for (const key of keys) {
      const event = this.all.get(key)
      if (event === undefined || event.acknowledged) continue
      event.acknowledged = true
      this.acknowledged += 1
    }
  }

  get services(): readonly string[] {
    return [...new Set([...this.all.values()].map(({ service }) => service))]
  }
}

export const keyOf = (service: string, journey: string, identity: number | string): string =>
  `${service}/${journey}/${identity}`
