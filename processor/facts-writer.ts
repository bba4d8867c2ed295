import type { Store } from '../domain/ports/store.ts'
import { QueryTooLarge, StoreRefused } from '../domain/errors.ts'
import { factsOf, noFunnel, withoutVerdict, writeFacts, type TouchedService } from './facts.ts'
import type { OwnFunnels } from './own-funnels.ts'
import { untilDone, type Patience } from './retry.ts'
import type { Revisions } from './revision.ts'
import { bisect, reasonOf, type SetAside } from './set-aside.ts'
import type { Touched } from './touched.ts'

export interface FactsWriter {
  /**
   * Recomputes the facts of these journeys from their trails and makes them durable.
   * @returns journeys for which the engine refused to compute a verdict: they have facts without one
   */
  write(touched: readonly Touched[], patience: Patience): Promise<readonly SetAside[]>
}

export interface FactsWriterParts {
  readonly store: Store
  readonly ownFunnels: OwnFunnels
  readonly revisions: Revisions
  readonly trailEventsMax: number
}

export function createFactsWriter(parts: FactsWriterParts): FactsWriter {
  const { store, ownFunnels, revisions, trailEventsMax } = parts

  /** One statement, so one part on disk, however many services there are. */
  async function writeOnce(touched: readonly Touched[], verdicts: boolean): Promise<void> {
    const owns = await Promise.all(touched.map(async ({ service }) => ownFunnels(service)))
    // Before the read: of two views of a journey, the one that was read later is to stand on top.
    const revision = revisions.next()
    const withOwn = touched.map((piece, index): TouchedService => {
      const own = owns[index] ?? noFunnel
      return { ...piece, own: verdicts ? own : withoutVerdict(own) }
    })
    await store.command(writeFacts(factsOf(withOwn, revision, trailEventsMax)))
  }

  return {
    async write(touched, patience) {
      if (touched.length === 0) return []
      const refused = await untilDone('facts', patience, async () => {
        try {
          await writeOnce(touched, true)
          return []
        } catch (error) {
          if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
          return await bisect(apart(touched), (some) => writeOnce(together(some), true))
        }
      })
      for (const { item } of refused) await untilDone('facts', patience, () => writeOnce(together([item]), false))
      return refused.map(({ item, error }) => ({
        reason: `no verdict: ${reasonOf(error)}`,
        bytes: JSON.stringify({ service: item.service, journey: item.journey.toString(16).padStart(16, '0') }),
      }))
    },
  }
}

interface TouchedJourney {
  readonly service: string
  readonly journey: bigint
}

const apart = (touched: readonly Touched[]): readonly TouchedJourney[] =>
  touched.flatMap(({ service, journeys }) => journeys.map((journey) => ({ service, journey })))

function together(journeys: readonly TouchedJourney[]): readonly Touched[] {
  const services = new Map<string, bigint[]>()
  for (const { service, journey } of journeys) {
    const some = services.get(service)
    if (some === undefined) services.set(service, [journey])
    else some.push(journey)
  }
  return Array.from(services, ([service, some]) => ({ service, journeys: some, firstAt: 0 }))
}
