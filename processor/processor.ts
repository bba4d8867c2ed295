import type { WaymarkError } from '../domain/errors.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { EventLog } from '../domain/ports/event-log.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Stores } from '../domain/ports/store.ts'
import { sql } from '../domain/sql.ts'
import { processBatch, putAside, type AsideParts, type BatchParts } from './batch.ts'
import { createCohorts } from './cohorts.ts'
import { createExclusive, type Exclusive } from './exclusive.ts'
import { createFactsWriter } from './facts-writer.ts'
import { createLateVerdicts, type LateVerdicts } from './late-verdicts.ts'
import { createOwnFunnels } from './own-funnels.ts'
import { createPruning } from './pruning.ts'
import { createRebuilds, type RebuildProgress, type Rebuilds } from './rebuild.ts'
import { laterIfRefused, pause, untilDone, type Patience } from './retry.ts'
import { createRevisions, type Revisions } from './revision.ts'
import type { DayStarts } from './sealing/days.ts'
import { createSealer, defaultPace, type Sealer, type SealingPace, type SealingProgress } from './sealing/sealer.ts'
import { createSeals } from './sealing/seals.ts'
import { createUnsealed } from './sealing/unsealed.ts'
import { allOrFirstError } from './side-by-side.ts'
import type { ProcessorSignals } from './signals.ts'
import { createStepNames } from './step-names.ts'

export interface ProcessorParts {
  readonly log: EventLog
  readonly stores: Stores
  readonly registry: Pick<Registry, 'service' | 'onPut'>
  readonly clock: Clock
  readonly limits: Limits
  readonly signals: ProcessorSignals
  readonly dayStarts: DayStarts
  /** How soon services are sealed; a test is in more of a hurry. */
  readonly pace?: SealingPace
}

export interface ProcessorStatus {
  /** Acknowledged events that answers do not show yet. */
  readonly pendingEvents: number
  /** Age of the oldest of them. */
  readonly pendingSeconds: number
  /** Entries of the log that could not become events, ever. */
  readonly refusedEvents: number
  /** Of the newest facts: it rises whenever an answer may have changed through new data. */
  readonly revision: string
  /** Why it cannot do its job now; null when it can. */
  readonly notReady: string | null
  /** Services whose facts are not of the current version of their funnel yet: their answers are right, but slower. */
  readonly rebuilding: readonly RebuildProgress[]
  /** Journeys that wait for their verdict: answers compute it meanwhile, so they are right, but slower. */
  readonly unjudgedJourneys: number
  /** Services of which a first seal, or that of a new version, is being made. */
  readonly sealing: readonly SealingProgress[]
}

export interface Processor {
  /** Works until aborted; resolves when the work under way has ended. Run it once. */
  run(signal: AbortSignal): Promise<void>
  /** Brings a service's facts to the current version of its funnel; a PUT asks for it by itself. */
  rebuild(service: string): void
  status(): ProcessorStatus
}

/** Events of one batch: what it holds in memory is bounded by this. */
const batchEventsMax = 50_000
/** From the first event of a batch to the next batch at least: a part on disk for every event would drown the engine in merges. */
const gatherMs = 250

/** How often cohort hours are looked at. */
const sweepIntervalMs = 5_000
/** How often trails that are too long are cut. */
const pruneIntervalMs = 60_000

/** What changes while it runs, and is told by its status. */
interface State {
  revisions: Revisions
  rebuilds: Rebuilds | undefined
  lateVerdicts: LateVerdicts | undefined
  sealer: Sealer | undefined
  refusedEvents: number
  notReady: string | null
}

export function createProcessor(parts: ProcessorParts): Processor {
  const { log, clock, signals } = parts
  const state: State = {
    revisions: createRevisions(clock, 0),
    rebuilds: undefined,
    lateVerdicts: undefined,
    sealer: undefined,
    refusedEvents: 0,
    notReady: 'starting',
  }
  return {
    async run(signal) {
      const onWaiting = (error: WaymarkError | null) => {
        state.notReady = error === null ? null : error.message
      }
      try {
        await work(parts, state, { signal, signals, onWaiting })
      } catch (error) {
        if (!signal.aborted) throw error
      } finally {
        state.notReady = 'stopped'
      }
    },

    rebuild: (service) => state.rebuilds?.ask(service),

    status() {
      const { events, oldestAt } = log.pending()
      return {
        pendingEvents: events,
        pendingSeconds: oldestAt === null ? 0 : Math.max(0, (clock.now() - oldestAt) / 1000),
        refusedEvents: state.refusedEvents,
        revision: String(state.revisions.last()),
        notReady: state.notReady,
        rebuilding: state.rebuilds?.progress() ?? [],
        unjudgedJourneys: state.lateVerdicts?.waiting() ?? 0,
        sealing: state.sealer?.progress() ?? [],
      }
    },
  }
}

/** Batches, rebuilds, late verdicts and the sweep of the cohorts side by side, but what they write one at a time. */
async function work(parts: ProcessorParts, state: State, patience: Patience): Promise<void> {
  const { stores, registry, clock, limits, signals, pace = defaultPace } = parts
  await start(parts, state, patience)
  const exclusive = createExclusive()
  const shared = {
    store: stores.writes,
    ownFunnels: createOwnFunnels(registry),
    revisions: state.revisions,
    clock,
    signals,
    trailEventsMax: limits.trailEventsMax,
  }
  const onSetAside = (entries: number) => {
    state.refusedEvents += entries
  }
  const aside: AsideParts = { stores, clock, signals, onSetAside }
  const cohorts = createCohorts(shared)
  await untilDone('start', patience, () => cohorts.start())
  const seals = createSeals(stores.writes)
  const unsealed = createUnsealed(stores.writes, seals, (services) => state.sealer?.touched(services))
  const lateVerdicts = createLateVerdicts({
    ...shared,
    unsealed,
    stores,
    cohorts,
    exclusive,
    putAside: (entries, patient) => putAside(entries, aside, patient),
  })
  state.lateVerdicts = lateVerdicts
  const facts = createFactsWriter({ ...shared, lateVerdicts, unsealed })
  const pruning = createPruning(shared)
  const rebuilds = createRebuilds({ ...shared, facts, exclusive })
  state.rebuilds = rebuilds
  const sealer = createSealer({
    ...shared,
    store: stores.sealing,
    seals,
    exclusive,
    dayStarts: parts.dayStarts,
    pace,
    isRebuilding: (service) => rebuilds.progress().some((one) => one.service === service),
  })
  state.sealer = sealer
  await untilDone('start', patience, () => sealer.start())
  const batches: BatchParts = { ...aside, facts, cohorts, stepNames: createStepNames() }
  const forget = registry.onPut(({ id }) => rebuilds.ask(id))
  try {
    await rebuilds.findStale(patience)
    state.notReady = null
    await allOrFirstError(patience.signal, [
      (signal) => consume(parts.log, batches, exclusive, { ...patience, signal }),
      (signal) => rebuilds.run({ ...patience, signal }),
      (signal) => lateVerdicts.run({ ...patience, signal }),
      (signal) => nowAndThen('cohorts', sweepIntervalMs, exclusive, { ...patience, signal }, () => cohorts.sweep()),
      (signal) => sealNowAndThen(sealer, pace, { ...patience, signal }),
      (signal) => nowAndThen('pruning', pruneIntervalMs, exclusive, { ...patience, signal }, () => pruning.prune()),
    ])
  } finally {
    forget()
  }
}

/** What the store knows from before. */
async function start({ stores, clock }: ProcessorParts, state: State, patience: Patience): Promise<void> {
  const [stored] = await untilDone('start', patience, () =>
    stores.writes.select<{ revision: string; refused: string }>(
      sql`SELECT greatest((SELECT max(revision) FROM facts), (SELECT max(revision) FROM cohorts),
          (SELECT max(revision) FROM seals), (SELECT max(seal) FROM unsealed)) AS revision,
        (SELECT count() FROM set_aside FINAL) AS refused`,
    ),
  )
  state.revisions = createRevisions(clock, Number(stored?.revision ?? 0))
  state.refusedEvents = Number(stored?.refused ?? 0)
}

async function consume(log: EventLog, parts: BatchParts, exclusive: Exclusive, patience: Patience): Promise<void> {
  await log.consume(
    async (batch) => {
      await exclusive(() => processBatch(batch, parts, patience))
      // What has waited longer has gathered already what there was to gather. A clock that was set back is no wait.
      await pause(Math.min(gatherMs, gatherMs - (parts.clock.now() - batch.appendedAt)), patience.signal)
    },
    patience.signal,
    batchEventsMax,
  )
}

/** Beside the batches: it asks for its turn between two of them itself. */
async function sealNowAndThen(sealer: Sealer, pace: SealingPace, patience: Patience): Promise<void> {
  while (!patience.signal.aborted) {
    await laterIfRefused('sealing', patience, () => untilDone('sealing', patience, () => sealer.seal(patience.signal)))
    await pause(pace.intervalMs, patience.signal)
  }
}

/** Between two batches, and not before so many ms after the last time. */
async function nowAndThen(
  name: string,
  intervalMs: number,
  exclusive: Exclusive,
  patience: Patience,
  work: () => Promise<void>,
): Promise<void> {
  while (!patience.signal.aborted) {
    await laterIfRefused(name, patience, () => exclusive(() => untilDone(name, patience, work)))
    await pause(intervalMs, patience.signal)
  }
}
