import type { Store } from '../domain/ports/store.ts'
import { param, sql } from '../domain/sql.ts'
import type { Exclusive } from './exclusive.ts'
import type { FactsWriter } from './facts-writer.ts'
import type { OwnFunnels } from './own-funnels.ts'
import { laterIfRefused, untilDone, type Patience } from './retry.ts'
import type { ProcessorSignals } from './signals.ts'
import { createWaking } from './waking.ts'

/** How far the facts of a service are with a new version of its funnel. Answers compute the others meanwhile. */
export interface RebuildProgress {
  readonly service: string
  readonly version: number
  readonly journeysDone: number
  readonly journeys: number
}

/** Brings the facts of services to the current version of their funnel, from their trails. */
export interface Rebuilds {
  /** Asks for a service; one that is current already costs one look. */
  ask(service: string): void
  /** Finds services that a stopped processor left behind. */
  findStale(patience: Patience): Promise<void>
  /** Works on what was asked for until aborted. */
  run(patience: Patience): Promise<void>
  progress(): readonly RebuildProgress[]
}

export interface RebuildParts {
  readonly store: Store
  readonly ownFunnels: OwnFunnels
  readonly facts: FactsWriter
  readonly exclusive: Exclusive
  readonly signals: ProcessorSignals
}

/** Journeys of one piece: batches wait for no more than this. */
const journeysPerChunk = 10_000
const journeyMax = 2n ** 64n - 1n

export function createRebuilds(parts: RebuildParts): Rebuilds {
  const { store, ownFunnels, exclusive, signals } = parts
  const asked = new Map<string, RebuildProgress>()
  const waking = createWaking()

  const ask = (service: string) => {
    if (!asked.has(service)) asked.set(service, { service, version: 0, journeysDone: 0, journeys: 0 })
    waking.wake()
  }

  async function rebuild(service: string, patience: Patience): Promise<void> {
    const { version } = await untilDone('rebuild', patience, () => ownFunnels(service))
    // A service that is gone keeps the facts that it had.
    if (version === 0) return
    const journeys = await untilDone('rebuild', patience, () => countStale(store, service, version))
    asked.set(service, { service, version, journeysDone: 0, journeys })
    let from: bigint | null = 0n
    while (from !== null && !patience.signal.aborted) {
      const next: bigint = from
      const done = await exclusive(() => rebuildChunk(parts, { service, version, from: next }, patience))
      const last = done.at(-1)
      // A long journey still is of another version when its chunk is done.
      from = last === undefined || last === journeyMax ? null : last + 1n
      const before = asked.get(service)
      if (before !== undefined) asked.set(service, { ...before, journeysDone: before.journeysDone + done.length })
    }
    if (!patience.signal.aborted) signals.rebuilt(service, version, asked.get(service)?.journeysDone ?? 0)
  }

  return {
    ask,

    async findStale(patience) {
      const rows = await untilDone('start', patience, () =>
        store.select<{ service: string; version: number }>(sql`SELECT DISTINCT service, version FROM facts`),
      )
      for (const { service, version } of rows) {
        const own = await untilDone('start', patience, () => ownFunnels(service))
        if (own.version !== 0 && own.version !== version) ask(service)
      }
    },

    async run(patience) {
      while (!patience.signal.aborted) {
        const [service] = asked.keys()
        if (service === undefined) {
          await waking.wait(patience.signal)
          continue
        }
        await laterIfRefused('rebuild', patience, async () => {
          await rebuild(service, patience)
          const { version } = await untilDone('rebuild', patience, () => ownFunnels(service))
          // Asked again meanwhile, for a newer version: it stays in the list.
          if (version === 0 || asked.get(service)?.version === version) asked.delete(service)
        })
      }
    },

    progress: () => [...asked.values()],
  }
}

/** The next journeys from one on. @returns those that were done, in their order; none when none was left */
async function rebuildChunk(
  { store, facts }: RebuildParts,
  { service, version, from }: { service: string; version: number; from: bigint },
  patience: Patience,
): Promise<readonly bigint[]> {
  const rows = await untilDone('rebuild', patience, () =>
    store.select<{ journey: string; arrivedDay: number }>(sql`
      SELECT journey, arrivedDay FROM facts FINAL
      WHERE service = ${param('String', service)} AND journey >= ${param('UInt64', from)}
        AND version != ${param('UInt32', version)}
      ORDER BY journey LIMIT ${param('UInt32', journeysPerChunk)}`),
  )
  const journeys = rows.map(({ journey }) => BigInt(journey))
  const arrivedDays = new Map(rows.map(({ journey, arrivedDay }) => [BigInt(journey), arrivedDay]))
  await facts.write(journeys.length === 0 ? [] : [{ service, journeys, arrivedDays }], patience)
  return journeys
}

async function countStale(store: Store, service: string, version: number): Promise<number> {
  const [row] = await store.select<{ journeys: string }>(sql`
    SELECT count() AS journeys FROM facts FINAL
    WHERE service = ${param('String', service)} AND version != ${param('UInt32', version)}`)
  return Number(row?.journeys ?? 0)
}
