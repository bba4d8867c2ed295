/**
 * An event as it is kept: nothing in it names a person. The collector makes it, the log carries it, the
 * processor puts it into the trail.
 */
export interface StoredEvent {
  /** Service slug. */
  readonly service: string
  /** Keyed hash of (service, reference): 16 lower-case hex digits, 64 bits. */
  readonly journey: string
  /** Keyed hash of the event's id, or of what identifies it without one: 41 bits, as a whole number. */
  readonly identity: number
  readonly type: EventType
  /** Step name; empty where the type has none. */
  readonly step: string
  /** Milliseconds since 1970, after clock correction. */
  readonly at: number
  /** 0 when the sender gave none. */
  readonly seq: number
  /** type outcome; else empty. */
  readonly outcome: Outcome | ''
  /** type error; else empty. */
  readonly field: string
  /** type error; else empty. */
  readonly code: string
  /** type feedback: 1 to 5; else 0. */
  readonly rating: number
  /** type leave: attention since the page view, in milliseconds; else 0. */
  readonly engagedMs: number
  readonly channel: Channel
  /** Dimension values, sorted by name, device, browser and referrer among them where known. */
  readonly dimensions: readonly (readonly [name: string, value: string])[]
}

/** In alphabetical order, which is also their order as bytes: copies of an event merge by it. */
export const eventTypes = ['error', 'feedback', 'leave', 'outcome', 'resume', 'save', 'step'] as const
export type EventType = (typeof eventTypes)[number]

export const outcomes = ['already-done', 'completed', 'failed', 'ineligible'] as const
export type Outcome = (typeof outcomes)[number]

export const completingOutcomes = ['already-done', 'completed', 'ineligible'] as const satisfies readonly Outcome[]

export const channels = ['assisted-digital', 'face-to-face', 'online', 'paper', 'telephone'] as const
export type Channel = (typeof channels)[number]

/** Dimensions that every service has: from the request's headers and from the event's channel. */
export const builtInDimensions = ['browser', 'channel', 'device', 'referrer'] as const
