import type { Clock } from '../../domain/ports/clock.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { Service } from '../../domain/service.ts'
import { createExclusive } from '../../processor/exclusive.ts'
import { createOwnFunnels } from '../../processor/own-funnels.ts'
import { createRecentJourneys } from '../../processor/recent-journeys.ts'
import { createRevisions } from '../../processor/revision.ts'
import { createSealer, defaultPace, type SealingPace } from '../../processor/sealing/sealer.ts'
import { createSeals } from '../../processor/sealing/seals.ts'
import { createUnsealed } from '../../processor/sealing/unsealed.ts'
import { calendar } from '../../queries/period.ts'
import { insertFacts } from './facts.ts'
import type { OracleJourney } from './oracle.ts'
import { soleLease } from '../../infra/sole-lease.ts'
import { silentSignals } from './processing.ts'

/** Everything is due at once, in chunks and layers so small that there are several. */
export const hurried: SealingPace = {
  ...defaultPace,
  journeysMin: 0,
  touchedDue: 0,
  ageDueMs: 0,
  layersMax: 2,
  chunkJourneys: 37,
  graceMs: 0,
}

/** Facts written as the processor writes them, noting what changes, and a sealer that works when it is told to. */
export interface Sealing {
  write(service: Service, journeys: readonly OracleJourney[]): Promise<void>
  seal(): Promise<void>
  /** What it works with, for others that work beside it. */
  readonly parts: Awaited<ReturnType<typeof sealingParts>>
}

/** @param on its sealing lane may crash */
export async function openSealing(on: SealedOn, pace: SealingPace = hurried): Promise<Sealing> {
  const parts = await sealingParts(on, pace)
  const { sealer, unsealed, revisions, ownFunnels } = parts
  return {
    write: async (service, journeys) => {
      const own = await ownFunnels(service.id)
      const touched = [{ service: service.id, own, journeys: journeys.map(({ journey }) => BigInt(`0x${journey}`)) }]
      await unsealed.before(touched)
      const revision = revisions.next()
      await insertFacts(on.stores, service, journeys, revision)
      await unsealed.after(touched, revision - 1)
    },
    seal: () => sealer.seal(new AbortController().signal),
    parts,
  }
}

interface SealedOn {
  readonly stores: Stores
  readonly registry: Pick<Registry, 'service'>
  readonly clock: Clock
}

async function sealingParts({ stores, registry, clock }: SealedOn, pace: SealingPace) {
  const seals = createSeals(stores.writes, soleLease)
  const ownFunnels = createOwnFunnels(registry)
  const [stored] = await stores.writes.select<{ revision: string }>({
    parts: [
      `SELECT greatest((SELECT max(revision) FROM facts), (SELECT max(revision) FROM removals), (SELECT max(revision) FROM seals),
        (SELECT max(seal) FROM unsealed)) AS revision`,
    ],
  })
  const revisions = createRevisions({ now: () => 0 }, Number(stored?.revision ?? 0))
  const exclusive = createExclusive()
  const sealer = createSealer({
    store: stores.sealing,
    lease: soleLease,
    seals,
    ownFunnels,
    revisions,
    exclusive,
    clock,
    signals: silentSignals,
    calendar,
    pace,
    isRebuilding: () => false,
  })
  await sealer.start()
  const unsealed = createUnsealed({
    store: stores.writes,
    lease: soleLease,
    seals,
    recent: createRecentJourneys(stores.writes),
    onWritten: (services) => sealer.touched(services),
  })
  return { seals, ownFunnels, revisions, exclusive, sealer, unsealed }
}
