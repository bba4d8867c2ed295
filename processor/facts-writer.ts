import type { Store } from '../domain/ports/store.ts'
import { QueryTooLarge, StoreRefused } from '../domain/errors.ts'
import { factsOf, withoutVerdict, writeFacts, type TouchedService } from './facts.ts'
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

  async function withOwnFunnels(touched: readonly Touched[]): Promise<readonly TouchedService[]> {
    return await Promise.all(touched.map(async (piece) => ({ ...piece, own: await ownFunnels(piece.service) })))
  }

  /** One statement is one part on disk, so as few as the engine can bear to read. */
  async function writeAll(touched: readonly Touched[]): Promise<void> {
    for (const some of statements(await withOwnFunnels(touched))) await writeOne(some)
  }

  async function writeOne(touched: readonly TouchedService[]): Promise<void> {
    // Before the read: of two views of a journey, the one that was read later is to stand on top.
    await store.command(writeFacts(factsOf(touched, revisions.next(), trailEventsMax)))
  }

  async function writeWithoutVerdict(journey: TouchedJourney): Promise<void> {
    const services = await withOwnFunnels(together([journey]))
    await writeOne(services.map((service) => ({ ...service, own: withoutVerdict(service.own) })))
  }

  return {
    async write(touched, patience) {
      if (touched.length === 0) return []
      const refused = await untilDone('facts', patience, async () => {
        try {
          await writeAll(touched)
          return []
        } catch (error) {
          if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
          return await bisect(apart(touched), (some) => writeAll(together(some)))
        }
      })
      for (const { item } of refused) await untilDone('facts', patience, () => writeWithoutVerdict(item))
      return refused.map(({ item, error }) => ({
        reason: `no verdict: ${reasonOf(error)}`,
        bytes: JSON.stringify({ service: item.service, journey: item.journey.toString(16).padStart(16, '0') }),
      }))
    },
  }
}

/** Each different funnel of a statement costs the engine some 50 ms and its text: many of them are told in turns. */
const funnelCharsMax = 40_000

function statements(touched: readonly TouchedService[]): readonly (readonly TouchedService[])[] {
  const inOrder = [...touched].sort((a, b) => (a.own.key < b.own.key ? -1 : a.own.key > b.own.key ? 1 : 0))
  const pieces: TouchedService[][] = []
  let chars = 0
  let key: string | undefined
  for (const service of inOrder) {
    const more = service.own.key === key ? 0 : service.own.chars
    const piece = pieces.at(-1)
    if (piece === undefined || chars + more > funnelCharsMax) {
      pieces.push([service])
      chars = service.own.chars
    } else {
      piece.push(service)
      chars += more
    }
    key = service.own.key
  }
  return pieces
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
