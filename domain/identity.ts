import { halfSipHash } from './siphash.ts'
import { eventTypes, outcomes, type EventType, type Outcome } from './stored-event.ts'

/** SHA-256 of the text in UTF-8, as 64 lower-case hex digits. Given by who may use a crypto library. */
export type Sha256 = (text: string) => string

/** A journey as it is kept, and the key under which its events are told apart. */
export interface JourneyIdentity {
  /** 64 bits as 16 lower-case hex digits: the only trace of the reference. */
  readonly journey: string
  readonly key0: number
  readonly key1: number
}

/**
 * A service's reference for a journey, hashed with the installation's secret. The parts are told apart by the
 * length of the secret and by the colon that no service id has. Of the digest's 256 bits the first 64 are the
 * journey and the next 64 key its events' identities, so an event costs no further call.
 */
export function journeyIdentity(sha256: Sha256, secret: string, service: string, reference: string): JourneyIdentity {
  const digest = sha256(`waymark journey ${secret.length}:${secret}:${service}:${reference}`)
  return {
    journey: digest.slice(0, 16),
    key0: parseInt(digest.slice(16, 24), 16) | 0,
    key1: parseInt(digest.slice(24, 32), 16) | 0,
  }
}

/** The journey of a reference: 16 lower-case hex digits. */
export function journeyHash(sha256: Sha256, secret: string, service: string, reference: string): string {
  return journeyIdentity(sha256, secret, service, reference).journey
}

/** What tells an event without an id from others of its journey. */
export interface EventContent {
  readonly type: EventType
  readonly step: string
  /** As sent, before any correction of the clock, ms. */
  readonly sentAt: number
  readonly seq: number
  readonly outcome: Outcome | ''
  readonly field: string
  readonly code: string
  readonly rating: number
  readonly engagedMs: number
}

// Room for the longest event: texts of 128, 64 and 64 UTF-16 units at two a word, their lengths, and the numbers.
const words = new Int32Array(160)
const out = new Int32Array(2)
const double = new Float64Array(1)
const doubleWords = new Int32Array(double.buffer)

const typeNumbers = new Map<string, number>(eventTypes.map((type, index) => [type, index]))
const outcomeNumbers = new Map<string, number>(outcomes.map((outcome, index) => [outcome, index + 1]))

/** Appends a text to the message, its length first, so that no two lists of texts make the same message. */
function putText(at: number, text: string): number {
  const length = text.length
  words[at++] = length
  let index = 0
  for (; index + 1 < length; index += 2) words[at++] = text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16)
  if (index < length) words[at++] = text.charCodeAt(index)
  return at
}

/**
 * 40 bits of the hash, and the lowest bit: 1 for a given id, 0 for a derived identity. They can never be equal.
 * Random bits do not compress: each costs an eighth of a byte for every event that is kept.
 */
function identity(journey: JourneyIdentity, length: number, given: 0 | 1): number {
  halfSipHash(words, length, journey.key0, journey.key1, out)
  const low = (out[0] ?? 0) >>> 0
  const high = (out[1] ?? 0) & 0xff
  return (high * 0x1_0000_0000 + low) * 2 + given
}

/** The identity, 41 bits, of an event that came with an id (at most 64 characters). */
export function givenIdentity(journey: JourneyIdentity, id: string): number {
  return identity(journey, putText(0, id), 1)
}

/** The identity, 41 bits, of an event without an id: equal for equal contents, whatever the clock correction. */
export function derivedIdentity(journey: JourneyIdentity, event: EventContent): number {
  double[0] = event.sentAt
  words[0] = typeNumbers.get(event.type) ?? 0
  words[1] = doubleWords[0] ?? 0
  words[2] = doubleWords[1] ?? 0
  words[3] = event.seq | 0
  words[4] = outcomeNumbers.get(event.outcome) ?? 0
  words[5] = event.rating
  words[6] = event.engagedMs | 0
  let length = putText(7, event.step)
  if (event.type === 'error') length = putText(putText(length, event.field), event.code)
  return identity(journey, length, 0)
}
