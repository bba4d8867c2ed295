import type { StoredEvent } from '../domain/stored-event.ts'

/** Journeys of one service that a batch touched, each once. */
export interface Touched {
  readonly service: string
  readonly journeys: readonly bigint[]
}

export function touchedBy(events: readonly StoredEvent[]): readonly Touched[] {
  const services = new Map<string, Set<string>>()
  for (const event of events) {
    let journeys = services.get(event.service)
    if (journeys === undefined) services.set(event.service, (journeys = new Set()))
    journeys.add(event.journey)
  }
  return Array.from(services, ([service, journeys]) => ({
    service,
    journeys: Array.from(journeys, (journey) => BigInt(`0x${journey}`)),
  }))
}
