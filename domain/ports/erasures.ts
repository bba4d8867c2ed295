/** One person's journey that is to be forgotten, for ever. */
export interface Erasure {
  /** Service slug. */
  readonly service: string
  /** Keyed hash of (service, reference): 16 lower-case hex digits. */
  readonly journey: string
  /** When it was asked for first, ms since 1970. */
  readonly at: number
}

/**
 * The journeys that were erased. The list only grows: it is what keeps events of them out, and what a restored
 * backup is healed by.
 */
export interface Erasures {
  /** Whether this journey was erased: asked for every event, so it is answered from memory. */
  has(service: string, journey: string): boolean
  /**
   * Durable when it resolves, and `has` says so from then on. Of a journey that is listed already the earliest
   * time stands.
   * @throws {StoreUnavailable | StoreRefused} some of them may be listed then
   */
  add(erasures: readonly Erasure[]): Promise<void>
  /**
   * In the order of (service, journey).
   * @param after begins behind this one, listed or not
   * @throws {StoreUnavailable | StoreRefused}
   */
  list(question: {
    readonly after?: Pick<Erasure, 'service' | 'journey'> | undefined
    readonly limit: number
  }): Promise<readonly Erasure[]>
  /** Brings in what other programs have listed. @throws {StoreUnavailable} */
  refresh(): Promise<void>
  /** How many there are. */
  size(): number
}
