import type { WaymarkError } from '../domain/errors.ts'
import type { Limits } from '../domain/limits.ts'
import { LeaseLost, StoreUnavailable } from '../domain/errors.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Erasure, Erasures } from '../domain/ports/erasures.ts'
import type { EventLog, LogBatch } from '../domain/ports/event-log.ts'
import type { Lease, Leases } from '../domain/ports/lease.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Stores } from '../domain/ports/store.ts'
import { sql } from '../domain/sql.ts'
import type { Verification } from '../domain/verification.ts'
import { processBatch, putAside, type AsideParts, type BatchParts } from './batch.ts'
import { createCohorts } from './cohorts.ts'
import { asideWithoutErased, createErasing, withoutErased, type Erasing } from './erasing.ts'
import { createExclusive } from './exclusive.ts'
import { createFactsWriter } from './facts-writer.ts'
import { createLateVerdicts, type LateVerdicts } from './late-verdicts.ts'
import { createOwnFunnels } from './own-funnels.ts'
import { createPruning } from './pruning.ts'
import { createPurging } from './purging.ts'
import { createRecentJourneys } from './recent-journeys.ts'
import { createRebuilds, type RebuildProgress, type Rebuilds } from './rebuild.ts'
import { putRemoved } from './removal.ts'
import { createRetention } from './retention.ts'
import { laterIfRefused, pause, untilDone, type Patience } from './retry.ts'
import { createRevisions, type Revisions } from './revision.ts'
import type { Calendar } from './sealing/calendar.ts'
import { createSealer, defaultPace, type Sealer, type SealingPace, type SealingProgress } from './sealing/sealer.ts'
import { createSeals } from './sealing/seals.ts'
import { createUnsealed } from './sealing/unsealed.ts'
import {
  createVerification,
  type SamplingPace,
  type VerificationWork,
  type VerifyAsked,
} from './sealing/verification.ts'
import { allOrFirstError } from './side-by-side.ts'
import type { ProcessorSignals } from './signals.ts'
import { createStepNames } from './step-names.ts'

export interface ProcessorParts {
  readonly log: EventLog
  readonly stores: Stores
  /** One processor works on a database at a time; the others stand by. */
  readonly leases: Leases
  readonly registry: Pick<Registry, 'service' | 'onPut'>
  readonly clock: Clock
  readonly limits: Limits
  readonly erasures: Erasures
  /** How long a journey is kept after something of it has arrived. */
  readonly retentionMs: number
  readonly signals: ProcessorSignals
  readonly calendar: Calendar
  /** How soon services are sealed; a test is in more of a hurry. */
  readonly pace?: SealingPace
  /** How often, and by which chance, answers are compared with the trails; without it they are only when it is asked for. */
  readonly sampling?: SamplingPace
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
  /** Another processor works on this database: this one takes over when that one is gone. */
  readonly standsBy: boolean
  /** It is this one that works on the database. */
  readonly isActive: boolean
  /** Services whose facts are not of the current version of their funnel yet: their answers are right, but slower. */
  readonly rebuilding: readonly RebuildProgress[]
  /** Journeys that wait for their verdict: answers compute it meanwhile, so they are right, but slower. */
  readonly unjudgedJourneys: number
  /** Services of which a first seal, or that of a new version, is being made. */
  readonly sealing: readonly SealingProgress[]
}

export interface Processor {
  /**
   * Works whenever it is its turn, until aborted; resolves when the work under way has ended. Run it once.
   */
  run(signal: AbortSignal): Promise<void>
  /** Brings a service's facts to the current version of its funnel; a PUT asks for it by itself. */
  rebuild(service: string): void
  /**
   * Resolves when nothing is left of the journeys that were erased before the start: answers that are given earlier
   * may show some of a restored backup. Rejects when the processor ends before.
   */
  healed(): Promise<void>
  /**
   * Removes journeys that are in the list of erasures; resolves when no answer shows them.
   * @throws {StoreUnavailable} they are removed later, at the next start at the latest
   */
  erase(erasures: readonly Pick<Erasure, 'service' | 'journey'>[]): Promise<void>
  /**
   * Compares all that answers about a service are read from with its trails. Minutes for millions of journeys; batches go on.
   * @throws {StoreUnavailable}
   */
  verify(asked: VerifyAsked): Promise<Verification>
  status(): ProcessorStatus
}

/** Events of one batch: what it holds in memory is bounded by this. */
const batchEventsMax = 50_000
/** From the first event of a batch to the next batch at least: a part on disk for every event would drown the engine in merges. */
const gatherMs = 250

/** How often cohort hours are looked at. */
const sweepIntervalMs = 5_000
/** How often a purge of removed journeys is looked for. */
const purgeLookIntervalMs = 5_000
/** How often trails that are too long are cut. */
const pruneIntervalMs = 60_000
/** Journeys of the first piece of a verification, about. */
const verifiedJourneys = 1_000
/** How often it is looked whether a sample is due. */
const sampleLookIntervalMs = 5_000

/** What changes while it runs, and is told by its status. */
interface State {
  revisions: Revisions
  rebuilds: Rebuilds | undefined
  lateVerdicts: LateVerdicts | undefined
  erasing: Erasing | undefined
  sealer: Sealer | undefined
  verification: VerificationWork | undefined
  /** Ends it all. */
  stop: AbortSignal
  refusedEvents: number
  notReady: string | null
  standsBy: boolean
  isActive: boolean
}

export function createProcessor(parts: ProcessorParts): Processor {
  const { log, clock, signals } = parts
  let state = idle('starting', { revisions: createRevisions(clock, 0), refusedEvents: 0 })
  const { healed, tellHealed, tellUnhealed } = createHealing()
  const notStarted = (cause?: unknown) =>
    new StoreUnavailable('the processor could not start', { cause, retryAfterSeconds: 5 })
  const started = () =>
    healed.catch((cause: unknown) => {
      throw notStarted(cause)
    })

  /** Until aborted, or until another program has taken over. */
  async function takeTurn(lease: Lease, signal: AbortSignal): Promise<void> {
    const until = AbortSignal.any([signal, lease.lost])
    const mine = { ...idle('starting', state), stop: until, isActive: true }
    state = mine
    const onWaiting = (error: WaymarkError | null) => {
      mine.notReady = error === null ? null : error.message
    }
    try {
      await work(parts, mine, lease, { signal: until, signals, onWaiting }, tellHealed)
    } catch (error) {
      if (!until.aborted && !(error instanceof LeaseLost)) throw error
    } finally {
      state = idle('stopped', mine)
      await lease.release()
    }
  }

  return {
    async run(signal) {
      try {
        while (!signal.aborted) {
          state = { ...idle('another processor works on this database', state), standsBy: true }
          const lease = await parts.leases.take(signal)
          if (lease !== null) await takeTurn(lease, signal)
        }
      } catch (error) {
        tellUnhealed(error)
        throw error
      } finally {
        state = idle('stopped', state)
        tellUnhealed(new StoreUnavailable('the processor has stopped', { retryAfterSeconds: 5 }))
      }
    },

    healed: () => healed,

    async erase(erasures) {
      await started()
      if (state.erasing === undefined) throw notStarted()
      await state.erasing.erase(erasures)
    },

    async verify(asked) {
      await started()
      if (state.verification === undefined) throw notStarted()
      return await state.verification.verify(asked, state.stop)
    },

    rebuild: (service) => state.rebuilds?.ask(service),

    status: () => statusOf(log, clock, state),
  }
}

function createHealing() {
  let tellHealed: () => void = () => undefined
  let tellUnhealed: (error: unknown) => void = () => undefined
  const healed = new Promise<void>((resolve, reject) => {
    tellHealed = resolve
    tellUnhealed = reject
  })
  // Whoever asks is told; nobody needs to.
  healed.catch(() => undefined)
  return { healed, tellHealed, tellUnhealed }
}

/** Does nothing; what was done before is still told. */
function idle(notReady: string, { revisions, refusedEvents }: Pick<State, 'revisions' | 'refusedEvents'>): State {
  return {
    revisions,
    refusedEvents,
    rebuilds: undefined,
    lateVerdicts: undefined,
    erasing: undefined,
    sealer: undefined,
    verification: undefined,
    stop: AbortSignal.abort(),
    notReady,
    standsBy: false,
    isActive: false,
  }
}

function statusOf(log: EventLog, clock: Clock, state: State): ProcessorStatus {
  const { events, oldestAt } = log.pending()
  return {
    pendingEvents: events,
    pendingSeconds: oldestAt === null ? 0 : Math.max(0, (clock.now() - oldestAt) / 1000),
    refusedEvents: state.refusedEvents,
    revision: String(state.revisions.last()),
    notReady: state.notReady,
    standsBy: state.standsBy,
    isActive: state.isActive,
    rebuilding: state.rebuilds?.progress() ?? [],
    unjudgedJourneys: state.lateVerdicts?.waiting() ?? 0,
    sealing: state.sealer?.progress() ?? [],
  }
}

/** Batches, rebuilds, late verdicts and the others side by side, but what they write one at a time. */
async function work(
  parts: ProcessorParts,
  state: State,
  lease: Lease,
  patience: Patience,
  tellHealed: () => void,
): Promise<void> {
  const { stores, registry, erasures, signals, pace = defaultPace } = parts
  await start(parts, state, patience)
  const workers = createWorkers(parts, state, lease)
  const { exclusive, cohorts, erasing, rebuilds, lateVerdicts, pruning, retention, purging, sealer, batches } = workers
  const { verification } = workers
  await untilDone('start', patience, () => cohorts.start())
  await untilDone('start', patience, () => sealer.start())
  await erasing.start(patience)
  tellHealed()
  const forget = registry.onPut(({ id }) => rebuilds.ask(id))
  const handle = async (given: LogBatch, own: Patience) => {
    // Looked at when its turn has come: an erasure may have been listed while it waited for that.
    const { batch, services } = withoutErased(given, erasures, signals)
    await processBatch(batch, batches, own)
    await untilDone('erasure', own, () => putRemoved({ stores, revisions: state.revisions }, services))
    // Before the log forgets: what was written without the lease was not written.
    await untilDone('lease', own, () => lease.check())
  }
  const between = (name: string, intervalMs: number, signal: AbortSignal, piece: () => Promise<number | void>) => {
    const own = { ...patience, signal }
    return nowAndThen(name, intervalMs, own, () => exclusive(() => untilDone(name, own, piece)))
  }
  try {
    await rebuilds.findStale(patience)
    state.notReady = null
    await allOrFirstError(patience.signal, [
      (signal) => consume(parts, (batch) => exclusive(() => handle(batch, { ...patience, signal })), signal),
      (signal) => rebuilds.run({ ...patience, signal }),
      (signal) => lateVerdicts.run({ ...patience, signal }),
      (signal) => erasing.run({ ...patience, signal }),
      (signal) => between('cohorts', sweepIntervalMs, signal, () => cohorts.sweep()),
      (signal) => {
        const own = { ...patience, signal }
        // It asks for its turn between two batches itself, as seldom as it needs to.
        return nowAndThen('sealing', pace.intervalMs, own, () => untilDone('sealing', own, () => sealer.seal(signal)))
      },
      (signal) => between('pruning', pruneIntervalMs, signal, () => pruning.prune()),
      (signal) => between('retention', 0, signal, () => retention.expire()),
      (signal) => {
        const own = { ...patience, signal }
        return nowAndThen('purge', purgeLookIntervalMs, own, () => purging.tick(own))
      },
      (signal) => {
        const own = { ...patience, signal }
        // Piece by piece between two batches, as the sealer.
        return nowAndThen('verification', sampleLookIntervalMs, own, () =>
          untilDone('verification', own, () => verification.sample(own)),
        )
      },
    ])
  } finally {
    forget()
  }
}

/** Everything that works, put together; nothing of it has begun. */
function createWorkers(parts: ProcessorParts, state: State, lease: Lease) {
  const { log, stores, registry, clock, limits, erasures, retentionMs, signals } = parts
  const exclusive = createExclusive()
  const shared = {
    store: stores.writes,
    stores,
    lease,
    ownFunnels: createOwnFunnels(registry),
    revisions: state.revisions,
    clock,
    signals,
    exclusive,
    trailEventsMax: limits.trailEventsMax,
  }
  const onSetAside = (entries: number) => {
    state.refusedEvents += entries
  }
  const aside: AsideParts = { stores, clock, signals, onSetAside }
  const recent = createRecentJourneys(stores.writes)
  const cohorts = createCohorts({ ...shared, recent })
  const seals = createSeals(stores.writes, lease)
  const unsealed = createUnsealed({
    store: stores.writes,
    lease,
    seals,
    recent,
    onWritten: (services) => state.sealer?.touched(services),
  })
  const lateVerdicts = createLateVerdicts({
    ...shared,
    unsealed,
    cohorts,
    // Between two batches: a journey that is erased meanwhile must not come back as an entry.
    putAside: (entries, patience) => exclusive(() => putAside(asideWithoutErased(entries, erasures), aside, patience)),
  })
  const purging = createPurging({ ...shared, log })
  const removal = { ...shared, cohorts, purging, unsealed }
  const facts = createFactsWriter({ ...shared, lateVerdicts, unsealed })
  const erasing = createErasing({ ...removal, erasures })
  const rebuilds = createRebuilds({ ...shared, facts })
  state.lateVerdicts = lateVerdicts
  state.erasing = erasing
  state.rebuilds = rebuilds
  const sealer = createSealer({
    ...shared,
    store: stores.sealing,
    seals,
    calendar: parts.calendar,
    pace: parts.pace ?? defaultPace,
    isRebuilding: (service) => rebuilds.progress().some((one) => one.service === service),
  })
  state.sealer = sealer
  const verified = { ...shared, reads: stores.reads, seals, facts, sealer, calendar: parts.calendar, retentionMs }
  const verification = createVerification({ ...verified, pieceJourneys: verifiedJourneys }, parts.sampling)
  state.verification = verification
  const batches: BatchParts = { ...aside, facts, cohorts, stepNames: createStepNames() }
  return {
    exclusive,
    cohorts,
    lateVerdicts,
    erasing,
    rebuilds,
    purging,
    sealer,
    verification,
    batches,
    pruning: createPruning({ ...shared, purging }),
    retention: createRetention({ ...removal, retentionMs, sealer }),
  }
}

/** What the store knows from before. */
async function start({ stores, clock }: ProcessorParts, state: State, patience: Patience): Promise<void> {
  const [stored] = await untilDone('start', patience, () =>
    stores.writes.select<{ revision: string; refused: string }>(
      sql`SELECT greatest((SELECT max(revision) FROM facts), (SELECT max(revision) FROM cohorts),
        (SELECT max(revision) FROM removals), (SELECT max(revision) FROM seals),
        (SELECT max(seal) FROM unsealed)) AS revision,
        (SELECT count() FROM set_aside FINAL) AS refused`,
    ),
  )
  state.revisions = createRevisions(clock, Number(stored?.revision ?? 0))
  state.refusedEvents = Number(stored?.refused ?? 0)
}

async function consume(
  { log, clock }: ProcessorParts,
  handle: (batch: LogBatch) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await log.consume(
    async (batch) => {
      await handle(batch)
      // What has waited longer has gathered already what there was to gather. A clock that was set back is no wait.
      await pause(Math.min(gatherMs, gatherMs - (clock.now() - batch.appendedAt)), signal)
    },
    signal,
    batchEventsMax,
  )
}

/** Not before so many ms after the last time, or as many as the work itself says. */
async function nowAndThen(
  name: string,
  intervalMs: number,
  patience: Patience,
  work: () => Promise<number | void>,
): Promise<void> {
  while (!patience.signal.aborted) {
    let wait: number | void = undefined
    await laterIfRefused(name, patience, async () => {
      wait = await work()
    })
    await pause(wait ?? intervalMs, patience.signal)
  }
}
