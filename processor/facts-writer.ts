import type { Clock } from '../domain/ports/clock.ts'
import type { Lease } from '../domain/ports/lease.ts'
import type { Store } from '../domain/ports/store.ts'
import { param, sql, type Sql } from '../domain/sql.ts'
import { QueryTooLarge, StoreRefused } from '../domain/errors.ts'
import {
  factsOf,
  factsWithoutVerdict,
  whereTouched,
  unjudgedFactsOf,
  writeFacts,
  type TouchedService,
} from './facts.ts'
import type { LateVerdicts } from './late-verdicts.ts'
import type { OwnFunnels } from './own-funnels.ts'
import { untilDone, type Patience } from './retry.ts'
import type { Revisions } from './revision.ts'
import type { Unsealed } from './sealing/unsealed.ts'
import { bisect, withRoomForOne } from './set-aside.ts'
import type { Touched } from './touched.ts'

export interface FactsWriter {
  /**
   * Recomputes the facts of these journeys from their trails and makes them durable. Answers are right then; some
   * verdicts may still have to be computed (late-verdicts.ts).
   */
  write(touched: readonly Touched[], patience: Patience): Promise<void>
}

export interface FactsWriterParts {
  readonly store: Store
  readonly lease: Pick<Lease, 'held'>
  readonly ownFunnels: OwnFunnels
  readonly revisions: Revisions
  readonly lateVerdicts: Pick<LateVerdicts, 'ask' | 'isGivenUp'>
  readonly unsealed: Pick<Unsealed, 'before' | 'after'>
  readonly clock: Clock
  readonly trailEventsMax: number
}

/**
 * How long a batch waits for the verdicts of its journeys, a statement: so long, and so much more for each. Of plain funnels a
 * verdict takes a hundredth of that, but on a busy machine many of them take longer than a moment, and judging
 * them all again beside the batches is what would drown it.
 */
const secondsMax = 2
const journeysPerSecond = 2_000
/** Services with whose funnels a statement took longer are judged late for so long. */
const slowMs = 60_000

export function createFactsWriter(parts: FactsWriterParts): FactsWriter {
  const { store, lease, ownFunnels, revisions, lateVerdicts, unsealed, clock, trailEventsMax } = parts
  /** Until when (ms) a service is judged late. */
  const slow = new Map<string, number>()

  /** @returns what was not judged */
  async function judgeAtOnce(services: readonly TouchedService[]): Promise<readonly TouchedService[]> {
    const late = services.filter(({ service }) => clock.now() < (slow.get(service) ?? 0))
    const tried: TouchedService[] = []
    const written: number[] = []
    for (const some of statements(services.filter((one) => !late.includes(one)))) {
      // Before the read: of two views of a journey, the one that was read later is to stand on top.
      const revision = revisions.next()
      try {
        const facts = writeFacts(factsOf(some, revision, trailEventsMax), lease)
        await store.command(facts, { secondsMax: secondsFor(some) })
        tried.push(...some)
        written.push(revision)
      } catch (error) {
        if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
        for (const { service } of some) slow.set(service, clock.now() + slowMs)
        late.push(...some)
      }
    }
    return [...late, ...(await longOf(store, tried, written))]
  }

  /** Facts without a verdict, and the asking for it. */
  async function judgeLate(late: readonly TouchedService[]): Promise<void> {
    const journeys = apart(late)
    const isGivenUp = ({ service, own, journey }: Journey) => lateVerdicts.isGivenUp(service, own.version, journey)
    const givenUp = journeys.filter(isGivenUp)
    const others = givenUp.length === 0 ? journeys : journeys.filter((one) => !isGivenUp(one))
    await writeApart(givenUp, (some) => factsWithoutVerdict(some, revisions.next(), trailEventsMax))
    await writeApart(others, (some) => unjudgedFactsOf(some, revisions.next(), trailEventsMax))
    for (const { service, journeys } of together(others)) lateVerdicts.ask(service, journeys)
  }

  /** Packing trails fits any machine when it is about few of them. */
  async function writeApart(journeys: readonly Journey[], facts: (some: readonly TouchedService[]) => Sql) {
    const refused = await bisect(journeys, (some) =>
      withRoomForOne(some, () => store.command(writeFacts(facts(together(some)), lease))),
    )
    const [first] = refused
    if (first !== undefined) throw first.error
  }

  return {
    async write(touched, patience) {
      if (touched.length === 0) return
      await untilDone('facts', patience, async () => {
        const services = await Promise.all(
          touched.map(async (piece) => ({ ...piece, own: await ownFunnels(piece.service) })),
        )
        await unsealed.before(services)
        const since = revisions.last()
        await judgeLate(await judgeAtOnce(services))
        await unsealed.after(services, since)
      })
    },
  }
}

/**
 * Journeys of which `factsOf` wrote nothing at these revisions.
 *
 * Reads   facts, what was just written (its index on revision skips the rest); if that is not all, the keys of
 *         these journeys in trail.
 */
async function longOf(
  store: Store,
  tried: readonly TouchedService[],
  revisions: readonly number[],
): Promise<readonly TouchedService[]> {
  if (tried.length === 0) return []
  const isWritten = sql`revision IN ${param('Array(UInt64)', revisions)}`
  const [count] = await store.select<{ journeys: string }>(
    sql`SELECT count() AS journeys FROM facts WHERE ${isWritten}`,
  )
  if (Number(count?.journeys ?? 0) === tried.reduce((sum, { journeys }) => sum + journeys.length, 0)) return []
  const rows = await store.select<{ service: string; journeys: readonly string[] }>(sql`
    SELECT service, groupUniqArray(journey) AS journeys FROM trail
    ${whereTouched(tried)} AND (service, journey) NOT IN (SELECT service, journey FROM facts WHERE ${isWritten})
    GROUP BY service`)
  const services = new Map(tried.map((one) => [one.service, one]))
  return rows.flatMap(({ service, journeys }) => {
    const one = services.get(service)
    return one === undefined ? [] : [{ ...one, journeys: journeys.map(BigInt) }]
  })
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

interface Journey extends Omit<TouchedService, 'journeys'> {
  readonly journey: bigint
}

const secondsFor = (some: readonly Touched[]): number =>
  secondsMax + Math.ceil(some.reduce((sum, { journeys }) => sum + journeys.length, 0) / journeysPerSecond)

const apart = (touched: readonly TouchedService[]): readonly Journey[] =>
  touched.flatMap(({ journeys, ...service }) => journeys.map((journey) => ({ ...service, journey })))

function together(apart: readonly Journey[]): readonly TouchedService[] {
  const services = new Map<string, TouchedService & { journeys: bigint[] }>()
  for (const { journey, ...service } of apart) {
    const some = services.get(service.service)
    if (some === undefined) services.set(service.service, { ...service, journeys: [journey] })
    else some.journeys.push(journey)
  }
  return [...services.values()]
}
