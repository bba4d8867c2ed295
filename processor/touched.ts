import type { StoredEvent } from '../domain/stored-event.ts'

/** Journeys of one service that are written, each once. */
export interface Touched {
  readonly service: string
  readonly journeys: readonly bigint[]
  /**
   * When something of a journey last arrived (days since 1970), where it is not touched by an arrival; then no other
   * service is touched with it.
   */
  readonly arrivedDays?: ReadonlyMap<bigint, number>
}

/** Journeys of one service of which a batch has events. */
export interface Arrived extends Touched {
  /** Of each journey, the time of the earliest of the batch's events, ms. */
  readonly firstAts: readonly number[]
}

export function touchedBy(events: readonly StoredEvent[]): readonly Arrived[] {
  const services = new Map<string, Map<string, number>>()
  for (const { service, journey, at } of events) {
    let journeys = services.get(service)
    if (journeys === undefined) services.set(service, (journeys = new Map<string, number>()))
    const first = journeys.get(journey)
    if (first === undefined || at < first) journeys.set(journey, at)
  }
  return Array.from(services, ([service, journeys]) => ({
    service,
    journeys: Array.from(journeys.keys(), (journey) => BigInt(`0x${journey}`)),
    firstAts: [...journeys.values()],
  }))
}
