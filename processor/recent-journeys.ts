import type { Store } from '../domain/ports/store.ts'
import { sql } from '../domain/sql.ts'
import { whereTouched } from './facts.ts'
import type { Arrived } from './touched.ts'

/**
 * What is known of journeys that were touched lately, so that a batch need not look them up among all facts: most
 * of its journeys are new, or were in a batch a minute ago. Only hints are kept, which stay true whatever else writes:
 * since when the journey is seen at the latest look, and against which seal its past was noted.
 */
export interface RecentJourneys {
  /** Looks up those of which nothing is known yet. Before their facts are written. */
  look(arrived: readonly Arrived[]): Promise<void>
  /**
   * Not after its first event as facts have it, or will have it once those of the batch are written, ms; undefined when nothing is known.
   */
  firstAt(service: string, journey: bigint): number | undefined
  /** Whether `note` was told of this seal; then the past of the journey is kept already. */
  isNoted(service: string, journey: bigint, seal: number): boolean
  /** That no facts stood when the journey was looked up: before this batch it had no past. */
  isNew(service: string, journey: bigint): boolean
  note(service: string, journeys: readonly bigint[], seal: number): void
}

interface Known {
  firstAt: number
  /** Its past was noted against this one; 0 for none. */
  seal: number
  isNew: boolean
}

/** Of each of two generations: the elder goes when the younger is full. At 10,000 events a second 200,000 people are under way. */
const journeysMax = 150_000

interface Generation {
  readonly services: Map<string, Map<bigint, Known>>
  size: number
}

const generation = (): Generation => ({ services: new Map(), size: 0 })

/** @param generationMax journeys; a test has fewer */
export function createRecentJourneys(store: Store, generationMax = journeysMax): RecentJourneys {
  let young = generation()
  let old = generation()

  function of(service: string, journey: bigint): Known | undefined {
    const known = young.services.get(service)?.get(journey)
    if (known !== undefined) return known
    const elder = old.services.get(service)?.get(journey)
    if (elder !== undefined) keep(service, journey, elder)
    return elder
  }

  function keep(service: string, journey: bigint, known: Known): void {
    if (young.size >= generationMax) {
      old = young
      young = generation()
    }
    const journeys = young.services.get(service)
    if (journeys === undefined) young.services.set(service, new Map([[journey, known]]))
    else journeys.set(journey, known)
    young.size += 1
  }

  return {
    async look(arrived) {
      const unknown: Arrived[] = []
      for (const one of arrived) {
        const journeys: bigint[] = []
        const firstAts: number[] = []
        one.journeys.forEach((journey, index) => {
          const at = one.firstAts[index] ?? 0
          const known = of(one.service, journey)
          if (known === undefined) {
            journeys.push(journey)
            firstAts.push(at)
            return
          }
          known.firstAt = Math.min(known.firstAt, at)
          known.isNew = false
        })
        if (journeys.length > 0) unknown.push({ ...one, journeys, firstAts })
      }
      if (unknown.length === 0) return
      const stood = await standing(store, unknown)
      for (const { service, journeys, firstAts } of unknown)
        journeys.forEach((journey, index) => {
          const at = firstAts[index] ?? 0
          const before = stood.get(service)?.get(journey)
          keep(service, journey, { firstAt: Math.min(at, before ?? at), seal: 0, isNew: before === undefined })
        })
    },

    firstAt: (service, journey) => of(service, journey)?.firstAt,

    isNoted: (service, journey, seal) => of(service, journey)?.seal === seal,

    isNew: (service, journey) => of(service, journey)?.isNew ?? false,

    note(service, journeys, seal) {
      for (const journey of journeys) {
        const known = of(service, journey)
        if (known !== undefined) known.seal = seal
      }
    },
  }
}

/**
 * Those of the journeys that have facts, and the time of their first event.
 *
 * Reads   facts, the keys of these journeys; superseded rows too, which have a later first event or the same.
 * Cost    a granule of keys a journey and part.
 */
async function standing(
  store: Store,
  touched: readonly Arrived[],
): Promise<ReadonlyMap<string, ReadonlyMap<bigint, number>>> {
  const rows = await store.select<{ service: string; journeys: readonly string[]; firstAts: readonly string[] }>(sql`
    SELECT service, groupArray(journey) AS journeys, groupArray(facts.firstAt) AS firstAts
    FROM facts ${whereTouched(touched)} GROUP BY service`)
  const services = new Map<string, Map<bigint, number>>()
  for (const { service, journeys, firstAts } of rows) {
    const found = new Map<bigint, number>()
    journeys.forEach((text, index) => {
      const journey = BigInt(text)
      const firstAt = Number(firstAts[index])
      found.set(journey, Math.min(firstAt, found.get(journey) ?? firstAt))
    })
    services.set(service, found)
  }
  return services
}
