/** What of a page the beacon reads and leaves behind: the words that the core and its extensions share. */

/** What an event carries beside what the page says for all of them; see `POST /v1/events`. */
export interface Detail {
  readonly step?: string
  readonly outcome?: string
  readonly field?: string
  readonly code?: string
  readonly rating?: number
  readonly id?: string
  readonly engagedMs?: number
  readonly attrs?: Readonly<Record<string, string>>
}

/**
 * The body of a request: what the tag says (`service`, `step`, `journey`, `outcome`, `key`, `channel`, `link` …), what
 * holds for the moment, and in `events` what the one event says for itself.
 */
export interface State {
  service?: string
  /** At which the page is: the tag's, until a step is told. */
  step?: string
  journey?: string | number
  outcome?: string
  /** The tag allows session storage. */
  session?: string
  /** Token of another domain of the service. */
  link?: string
  type?: string
  /** ms since 1970, of the browser's clock. */
  at?: number
  seq: number
  /** Id of the page view: an event's id is made of it and `seq`, its leave has it alone. */
  view?: number
  /** Attention since the page view, ms. */
  engagedMs?: number
  attrs?: Record<string, string>
  /** Sent later than `at`, by the extension `queue`. */
  sentAt?: number
  events?: (Detail | undefined)[]
}

export interface Waymark {
  (type: string, detail?: Detail): void
  /** Calls from before the beacon came. */
  q?: Calls
  /** Sends in place of `fetch`: set by an extension whose tag stands before the beacon's. */
  f?: typeof fetch
  /** What the next request says: there once the beacon runs. */
  s?: State
}

/** Calls by their place. */
export type Calls = Readonly<Record<string, [type: string, detail?: Detail]>>

export interface Stored extends Storage {
  waymark?: string | number | undefined
}

export interface Page extends Window {
  waymark?: Waymark
}

export interface Visitor extends Navigator {
  readonly globalPrivacyControl?: boolean
  readonly doNotTrack: string | null
}

export interface Shown extends Document {
  readonly prerendering?: boolean
}
