import type { StoredEvent } from '../domain/stored-event.ts'

/** Journeys of one service that a batch touched, each once. */
export interface Touched {
  readonly service: string
  readonly journeys: readonly bigint[]
  /** Time of the earliest of the batch's events, ms. */
  readonly firstAt: number
  /**
   * When something of a journey last arrived (days since 1970), where it is not touched by an arrival; then no other
   * service is touched with it.
   */
  readonly arrivedDays?: ReadonlyMap<bigint, number>
}

export function touchedBy(events: readonly StoredEvent[]): readonly Touched[] {
  const services = new Map<string, { journeys: Set<string>; firstAt: number }>()
  for (const { service, journey, at } of events) {
    let touched = services.get(service)
    if (touched === undefined) services.set(service, (touched = { journeys: new Set(), firstAt: at }))
    touched.journeys.add(journey)
    if (at < touched.firstAt) touched.firstAt = at
  }
  return Array.from(services, ([service, { journeys, firstAt }]) => ({
    service,
    journeys: Array.from(journeys, (journey) => BigInt(`0x${journey}`)),
    firstAt,
  }))
}
