export const hourMs = 3_600_000
const hoursPerDay = 24

export type CohortState = 'sealed' | 'revised'

/** Marks of the cohort hours of services, each set under one version of the funnel: a byte an hour. */
export interface CohortMarks {
  state(service: string, version: number, hour: number): CohortState | undefined
  set(service: string, version: number, hour: number, state: CohortState): void
  /** End (ms) of the newest marked hour; 0 when there is none under this version. */
  sealedUntil(service: string, version: number): number
}

interface ServiceMarks {
  readonly version: number
  readonly days: Map<number, Uint8Array>
  until: number
}

const states = [undefined, 'sealed', 'revised'] as const

/** Hours are named by their first millisecond, UTC. */
export function createCohortMarks(): CohortMarks {
  const services = new Map<string, ServiceMarks>()
  const of = (service: string, version: number) => {
    const marks = services.get(service)
    return marks?.version === version ? marks : undefined
  }
  const place = (hour: number) => {
    const index = Math.floor(hour / hourMs)
    return { day: Math.floor(index / hoursPerDay), slot: index % hoursPerDay }
  }
  return {
    state(service, version, hour) {
      const { day, slot } = place(hour)
      return states[of(service, version)?.days.get(day)?.[slot] ?? 0]
    },
    set(service, version, hour, state) {
      let marks = of(service, version)
      if (marks === undefined) services.set(service, (marks = { version, days: new Map(), until: 0 }))
      const { day, slot } = place(hour)
      let bytes = marks.days.get(day)
      if (bytes === undefined) marks.days.set(day, (bytes = new Uint8Array(hoursPerDay)))
      bytes[slot] = state === 'sealed' ? 1 : 2
      marks.until = Math.max(marks.until, hour + hourMs)
    },
    sealedUntil: (service, version) => of(service, version)?.until ?? 0,
  }
}
