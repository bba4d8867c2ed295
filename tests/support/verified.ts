import { soleLease } from '../../infra/sole-lease.ts'
import { defaultLimits } from '../../domain/limits.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import type { Difference, Verification } from '../../domain/verification.ts'
import { createFactsWriter } from '../../processor/facts-writer.ts'
import type { SealingPace } from '../../processor/sealing/sealer.ts'
import { createVerification } from '../../processor/sealing/verification.ts'
import { touchedBy } from '../../processor/touched.ts'
import { trailColumns, trailRow } from '../../processor/trail-rows.ts'
import { calendar } from '../../queries/period.ts'
import { silentSignals } from './processing.ts'
import { openSealing, type Sealing } from './sealing.ts'

/** Trails, their facts, their seals, and what compares them, without a processor around: a test says when each works. */
export interface Verified {
  readonly sealing: Sealing
  /** Puts events into trails and facts, as a batch. */
  write(events: readonly StoredEvent[]): Promise<void>
  verify(service: string, period?: { from: number; to: number }): Promise<Verification>
  /** One sample of the background. @param chances of the service, of the journeys, and of the day */
  sample(chances: readonly [number, number, number]): Promise<void>
  /** What samples have found and whether it is being healed. */
  readonly found: { service: string; differences: readonly Difference[]; healed: boolean }[]
  readonly samplesJourneys: () => number
}

const retentionMs = 30 * 86_400_000

export async function openVerified(
  on: { stores: Stores; registry: Registry; clock: Clock },
  pace?: SealingPace,
): Promise<Verified> {
  const { stores, clock } = on
  const sealing = await openSealing(on, pace)
  const { seals, ownFunnels, revisions, exclusive, sealer, unsealed } = sealing.parts
  const { trailEventsMax } = defaultLimits
  const late = { ask: () => undefined, isGivenUp: () => false }
  const facts = createFactsWriter({
    store: stores.writes,
    lease: soleLease,
    ownFunnels,
    revisions,
    lateVerdicts: late,
    unsealed,
    clock,
    trailEventsMax,
  })
  const signal = new AbortController().signal
  const patience = { signal, signals: silentSignals, onWaiting: () => undefined }
  const found: Verified['found'] = []
  let journeys = 0
  let chances: number[] = []
  const verification = createVerification(
    {
      store: stores.writes,
      reads: stores.reads,
      seals,
      ownFunnels,
      exclusive,
      clock,
      calendar,
      trailEventsMax,
      retentionMs,
      pieceJourneys: 60,
      facts,
      sealer,
      signals: {
        ...silentSignals,
        verified: (count) => void (journeys += count),
        differs: (service, differences, healed) => void found.push({ service, differences, healed }),
      },
    },
    { chance: () => chances.shift() ?? 0, intervalMs: 0, journeys: 10_000 },
  )
  return {
    sealing,
    write: async (events) => {
      await stores.writes.insert('trail', trailColumns, events.map(trailRow))
      await facts.write(touchedBy(events), patience)
    },
    verify: (service, period) => verification.verify({ service, period: period ?? null }, signal),
    sample: async (given) => {
      chances = [...given]
      await verification.sample(patience)
    },
    found,
    samplesJourneys: () => journeys,
  }
}
