import type { WaymarkError } from '../domain/errors.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { EventLog } from '../domain/ports/event-log.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Stores } from '../domain/ports/store.ts'
import { sql } from '../domain/sql.ts'
import { processBatch, putAside, type BatchParts } from './batch.ts'
import { createCohorts, type Cohorts } from './cohorts.ts'
import { createExclusive } from './exclusive.ts'
import { createFactsWriter, type FactsWriter } from './facts-writer.ts'
import { createOwnFunnels } from './own-funnels.ts'
import { createRebuilds, type RebuildProgress, type Rebuilds } from './rebuild.ts'
import { laterIfRefused, pause, untilDone, type Patience } from './retry.ts'
import { createRevisions } from './revision.ts'
import type { ProcessorSignals } from './signals.ts'
import { createStepNames } from './step-names.ts'

export interface ProcessorParts {
  readonly log: EventLog
  readonly stores: Stores
  readonly registry: Pick<Registry, 'service' | 'onPut'>
  readonly clock: Clock
  readonly limits: Limits
  readonly signals: ProcessorSignals
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

export function createProcessor(parts: ProcessorParts): Processor {
  const { log, stores, registry, clock, limits, signals } = parts
  const ownFunnels = createOwnFunnels(registry)
  const stepNames = createStepNames()
  const exclusive = createExclusive()
  let revisions = createRevisions(clock, 0)
  let rebuilds: Rebuilds | undefined
  let refusedEvents = 0
  let notReady: string | null = 'starting'
  const onSetAside = (entries: number) => {
    refusedEvents += entries
  }
  const aside = { stores, clock, signals, onSetAside }

  async function start(patience: Patience): Promise<void> {
    const [stored] = await untilDone('start', patience, () =>
      stores.writes.select<{ revision: string; refused: string }>(
        sql`SELECT greatest((SELECT max(revision) FROM facts), (SELECT max(revision) FROM cohorts)) AS revision,
          (SELECT count() FROM set_aside FINAL) AS refused`,
      ),
    )
    revisions = createRevisions(clock, Number(stored?.revision ?? 0))
    refusedEvents = Number(stored?.refused ?? 0)
  }

  async function work(patience: Patience): Promise<void> {
    await start(patience)
    const { signal } = patience
    const shared = {
      store: stores.writes,
      ownFunnels,
      revisions,
      clock,
      signals,
      trailEventsMax: limits.trailEventsMax,
    }
    const facts = createFactsWriter(shared)
    const cohorts = createCohorts(shared)
    await untilDone('start', patience, () => cohorts.start())
    const rebuilding = createRebuilds({
      ...shared,
      facts,
      exclusive,
      putAside: (entries, patient) => putAside(entries, aside, patient),
    })
    rebuilds = rebuilding
    const forget = registry.onPut(({ id }) => rebuilding.ask(id))
    try {
      await rebuilding.findStale(patience)
      notReady = null
      await allOrFirstError(signal, [
        (until) => consume(facts, cohorts, { ...patience, signal: until }),
        (until) => rebuilding.run({ ...patience, signal: until }),
        (until) => sweepNowAndThen(cohorts, { ...patience, signal: until }),
      ])
    } finally {
      forget()
    }
  }

  async function consume(facts: FactsWriter, cohorts: Cohorts, patience: Patience): Promise<void> {
    const parts: BatchParts = { ...aside, facts, cohorts, stepNames }
    await log.consume(
      async (batch) => {
        await exclusive(() => processBatch(batch, parts, patience))
        // What has waited longer has gathered already what there was to gather. A clock that was set back is no wait.
        await pause(Math.min(gatherMs, gatherMs - (clock.now() - batch.appendedAt)), patience.signal)
      },
      patience.signal,
      batchEventsMax,
    )
  }

  async function sweepNowAndThen(cohorts: Cohorts, patience: Patience): Promise<void> {
    while (!patience.signal.aborted) {
      await laterIfRefused('cohorts', patience, () =>
        exclusive(() => untilDone('cohorts', patience, () => cohorts.sweep())),
      )
      await pause(sweepIntervalMs, patience.signal)
    }
  }

  return {
    async run(signal) {
      const onWaiting = (error: WaymarkError | null) => {
        notReady = error === null ? null : error.message
      }
      try {
        await work({ signal, signals, onWaiting })
      } catch (error) {
        if (!signal.aborted) throw error
      } finally {
        notReady = 'stopped'
      }
    },

    rebuild: (service) => rebuilds?.ask(service),

    status() {
      const { events, oldestAt } = log.pending()
      return {
        pendingEvents: events,
        pendingSeconds: oldestAt === null ? 0 : Math.max(0, (clock.now() - oldestAt) / 1000),
        refusedEvents,
        revision: String(revisions.last()),
        notReady,
        rebuilding: rebuilds?.progress() ?? [],
      }
    },
  }
}

/** Runs all side by side until aborted. When one fails the others are aborted, and its error is the answer. */
async function allOrFirstError(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController()
  const until = AbortSignal.any([signal, failed.signal])
  let first: unknown
  await Promise.all(
    works.map(async (work) => {
      try {
        await work(until)
      } catch (error) {
        if (until.aborted) return
        first = error
        failed.abort()
      }
    }),
  )
  if (failed.signal.aborted) throw first
}
