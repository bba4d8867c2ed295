import type { JourneyIdentity, Sha256 } from '../../domain/identity.ts'
import type { Key } from '../../domain/key.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Erasures } from '../../domain/ports/erasures.ts'
import type { DropReason, ProblemCode } from '../../domain/problems.ts'
import type { Channel, EventType, Outcome, StoredEvent } from '../../domain/stored-event.ts'
import type { UserAgent } from '../headers.ts'
import type { KnownService } from '../services.ts'

/** Why an event is acknowledged and not kept. */
export type SilentReason = Extract<DropReason, 'bot' | 'erased'>

/** How many events of a request went no further, by the reason that nobody is told. */
export type SilentCounts = Record<SilentReason, number>

/** Why an event goes no further: a code that the caller is told, or a reason that nobody is told: `bot`, `erased`. */
export type Reason =
  | Extract<
      ProblemCode,
      | 'invalid-event'
      | 'personal-data'
      | 'invalid-step'
      | 'unknown-service'
      | 'origin-not-allowed'
      | 'scope-missing'
      | 'bad-key'
    >
  | SilentReason

/** The end of an event's way. `detail` and `field` are words of ours, never the caller's. */
export class Drop {
  readonly reason: Reason
  readonly field: string
  readonly detail: string

  constructor(reason: Reason, field: string, detail: string) {
    this.reason = reason
    this.field = field
    this.detail = detail
  }
}

/**
 * A step owns what it is handed: it reads what came, fills in what it is for and hands it on, or ends it. It
 * changes nothing else, and knows no clock and no network: these are in the context.
 */
export type Step<Subject> = (subject: Subject, context: Context) => Subject | Drop

/** One request, as far as its events need it. */
export interface Context {
  /** Milliseconds since 1970: one moment for the whole request. */
  readonly receivedAt: number
  /** The secret key that came with it. */
  readonly key: Key | undefined
  /** The page that sent it, from `Origin`, or for a pixel from `Referer`. `undefined` when it did not say. */
  readonly origin: string | undefined
  /** From a pixel: no preflight, no body, and a missing origin is no reason to refuse. */
  readonly pixel: boolean
  readonly userAgent: UserAgent | undefined
  readonly referer: string | undefined
  readonly host: string | undefined
  readonly limits: Limits
  readonly secret: string
  readonly sha256: Sha256
  readonly erasures: Pick<Erasures, 'has'>
  /** Names and values that this request brought into use, to be taken back when it is refused. */
  readonly added: Added[]
  /** What was left out of events that were kept. */
  readonly left: { unknownAttributes: number; manyValues: number }
}

export type Added =
  | { readonly known: KnownService; readonly step: string }
  | { readonly known: KnownService; readonly dimension: string; readonly value: string }

/** A parsed JSON object: any field may hold anything. */
export type Raw = Readonly<Record<string, unknown>>

export function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Names and values in the order in which they came. */
export type Attributes = readonly (readonly [name: string, value: string])[]

const nothing: Raw = {}
const nobody: JourneyIdentity = { journey: '', key0: 0, key1: 0 }

/** What the events of a request (or one line of NDJSON) share, filled in step by step. */
export class Envelope {
  readonly raw: Raw
  /** `undefined` when no service has this id. */
  readonly known: KnownService | undefined
  journey: JourneyIdentity = nobody
  channel: Channel = 'online'
  /** Added to the times of a browser, whole minutes in ms. */
  correctionMs = 0
  bot = false
  /** Device, browser and referrer of the visitor, sorted by name. */
  visitor: StoredEvent['dimensions'] = []
  /** The attributes of an event before, and what became of them: events of one page nearly always have the same. */
  settled: { readonly attributes: Attributes; readonly dimensions: StoredEvent['dimensions'] } | undefined

  constructor(raw: Raw, known: KnownService | undefined) {
    this.raw = raw
    this.known = known
  }

  /** After `knownService` there is one. */
  get service(): KnownService {
    if (this.known === undefined) throw new Error('a step read the service before knownService')
    return this.known
  }
}

/**
 * An event on its way, filled in step by step. One draft serves the events of a request in turn: a fresh one for
 * each would be half of what ingest allocates.
 */
export class Draft {
  readonly envelope: Envelope
  raw: Raw = nothing
  type: EventType = 'step'
  step = ''
  /** Outside the funnel, and not in use before: to be looked at and added. */
  newStep = false
  /** As sent, ms. */
  sentAt = 0
  /** As kept, ms. */
  at = 0
  seq = 0
  identity = 0
  outcome: Outcome | '' = ''
  field = ''
  code = ''
  rating = 0
  engagedMs = 0
  channel: Channel = 'online'
  /** Attributes among the dimensions of the service; undefined when there are none. */
  attributes: Attributes | undefined
  dimensions: StoredEvent['dimensions'] = []

  constructor(envelope: Envelope) {
    this.envelope = envelope
  }

  /** Begins with the next event. */
  of(raw: Raw): this {
    this.raw = raw
    this.type = 'step'
    this.step = ''
    this.newStep = false
    this.outcome = ''
    this.field = ''
    this.code = ''
    this.rating = 0
    this.engagedMs = 0
    this.channel = this.envelope.channel
    this.attributes = undefined
    this.dimensions = this.envelope.visitor
    return this
  }

  stored(): StoredEvent {
    return {
      service: this.envelope.service.service.id,
      journey: this.envelope.journey.journey,
      identity: this.identity,
      type: this.type,
      step: this.step,
      at: this.at,
      seq: this.seq,
      outcome: this.outcome,
      field: this.field,
      code: this.code,
      rating: this.rating,
      engagedMs: this.engagedMs,
      channel: this.channel,
      dimensions: this.dimensions,
    }
  }
}
