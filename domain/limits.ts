/**
 * Every limit of Waymark, in one place. `docs/limits.md` is this table, checked by a test.
 * Each of `defaultLimits` can be moved, up or down, by the environment variable of its name.
 */
export const defaultLimits = {
  /** Bytes of a JSON body as sent, before decompression. */
  bodyBytesMax: 256 * 1024,
  /** Bytes of an NDJSON body as sent, before decompression. */
  ndjsonBytesMax: 8 * 1024 * 1024,
  /** Bytes of a body after decompression. */
  decompressedBytesMax: 32 * 1024 * 1024,
  /** Events in one JSON request. */
  eventsPerRequestMax: 100,
  /** Lines in one NDJSON request. */
  ndjsonLinesMax: 50_000,
  /** Refused lines that an NDJSON answer lists. */
  ndjsonRefusedListed: 100,
  /** Events kept of one journey: the smallest by (at, seq, identity). */
  trailEventsMax: 5_000,
  /** Names that no version of the funnel has, a service. */
  foreignStepsMax: 1_000,
  /** A foreign name unseen for this long makes room for another. */
  foreignStepUnseenMs: 28 * 24 * 60 * 60 * 1000,
  /** Distinct values of one dimension; what comes later is `other`. */
  dimensionValuesMax: 1_000,
  /** How far ahead of now a secret key may date an event. */
  futureMs: 24 * 60 * 60 * 1000,
  /** How far back a browser's event is held. */
  browserPastMs: 7 * 24 * 60 * 60 * 1000,
  /** Bytes of acknowledged events that may wait for the processor before requests get 429. */
  logBytesMax: 4 * 1024 * 1024 * 1024,
  /** Requests whose events wait for the same fsync before requests get 429. */
  appendsInFlightMax: 20_000,
  /** Seconds one query may run. */
  querySecondsMax: 30,
  /** Memory that the engine may use for one statement of a question: what one asker may take of the process. */
  queryMemoryBytesMax: 2 * 1024 * 1024 * 1024,
  /** Bytes of what one statement of a question finds, which is held whole. */
  queryResultBytesMax: 64 * 1024 * 1024,
  /** Rows of one breakdown; the rest is one row `other`. */
  breakdownRowsMax: 100,
  /** Periods of one trend. */
  trendPeriodsMax: 10_000,
  /** Periods of one trend times values of its breakdown: fewer values have rows of their own then. */
  trendRowsMax: 100_000,
  /** Journeys of one drill-down page. */
  journeysPageMax: 1_000,
  /** Journeys that one suggestion of a funnel is made from. */
  discoverJourneysMax: 20_000,
  /** Step names that it looks at: those of most journeys. */
  discoverNamesMax: 100,
} as const

/**
 * As far up as a limit can be moved where something else would break.
 * trailEventsMax: the compiled funnel numbers the different times of a trail below 8,192.
 * discoverNamesMax: the order of that many is sought by comparing each with each, over and over.
 */
export const limitsAtMost: Partial<Record<keyof typeof defaultLimits, number>> = {
  trailEventsMax: 8_191,
  discoverNamesMax: 500,
}

export type Limits = { readonly [name in keyof typeof defaultLimits]: number }

/** Limits of the shapes themselves: part of the contract, not settable. */
export const shape = {
  serviceIdMax: 63 + 1,
  journeyCharsMax: 128,
  eventIdCharsMax: 64,
  stepCharsMax: 128,
  attrsMax: 8,
  attrValueCharsMax: 64,
  seqMax: 2 ** 32 - 1,
  /** Values of a JSON text for each event that it may hold: what is known of one has 22, the rest is room for others. */
  valuesPerEventMax: 256,
  stepsMin: 2,
  stepsMax: 50,
  namesPerStepMax: 20,
  windowMsMin: 1_000,
  windowMsMax: 36_525 * 24 * 60 * 60 * 1000,
  excludesMax: 50,
  /** Values of dimensions that one question asks for, of all its conditions. */
  whereValuesMax: 100,
  /** Erasures of one page of the list, and of one request that applies some. */
  erasuresPageMax: 1_000,
  /** Days of one period: as long as the longest window. */
  periodDaysMax: 36_525,
  annotationLabelMax: 200,
  /** Annotations of one service. */
  annotationsMax: 1_000,
  /** Annotations of one answer, each with its comparison. */
  annotationsListedMax: 100,
  /** Events of one answer about what was seen last, and journeys that it looks at. */
  liveEventsMax: 200,
  /** Rows of one answer about errors. */
  errorRowsMax: 1_000,
} as const
