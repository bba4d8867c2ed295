import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { EventLog } from '../domain/ports/event-log.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Stores } from '../domain/ports/store.ts'
import { sql } from '../domain/sql.ts'
import { processBatch } from './batch.ts'
import { createFactsWriter } from './facts-writer.ts'
import { createOwnFunnels } from './own-funnels.ts'
import { pause, untilDone, type Patience } from './retry.ts'
import { createRevisions } from './revision.ts'
import type { ProcessorSignals } from './signals.ts'
import { createStepNames } from './step-names.ts'

export interface ProcessorParts {
  readonly log: EventLog
  readonly stores: Stores
  readonly registry: Pick<Registry, 'service'>
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
}

export interface Processor {
  /** Works until aborted; resolves when the work under way has ended. Run it once. */
  run(signal: AbortSignal): Promise<void>
  status(): ProcessorStatus
}

/** Events of one batch: what it holds in memory is bounded by this. */
const batchEventsMax = 50_000
/** Batches begin this far apart, unless they are large: a part on disk for every event would drown the engine in merges. */
const batchIntervalMs = 250
const batchEventsLarge = 20_000

export function createProcessor(parts: ProcessorParts): Processor {
  const { log, stores, registry, clock, limits, signals } = parts
  const ownFunnels = createOwnFunnels(registry)
  const stepNames = createStepNames()
  let revisions = createRevisions(clock, 0)
  let refusedEvents = 0
  let notReady: string | null = 'starting'

  async function start(patience: Patience): Promise<void> {
    const [stored] = await untilDone('start', patience, () =>
      stores.writes.select<{ revision: string; refused: string }>(
        sql`SELECT (SELECT max(revision) FROM facts) AS revision, (SELECT count() FROM set_aside) AS refused`,
      ),
    )
    revisions = createRevisions(clock, Number(stored?.revision ?? 0))
    refusedEvents = Number(stored?.refused ?? 0)
    notReady = null
  }

  return {
    async run(signal) {
      const patience: Patience = {
        signal,
        signals,
        onWaiting: (error) => {
          notReady = error === null ? null : error.message
        },
      }
      try {
        await start(patience)
        const facts = createFactsWriter({
          store: stores.writes,
          ownFunnels,
          revisions,
          trailEventsMax: limits.trailEventsMax,
        })
        const onSetAside = (entries: number) => {
          refusedEvents += entries
        }
        await log.consume(
          async (batch) => {
            const begun = performance.now()
            await processBatch(batch, { stores, clock, signals, facts, stepNames, onSetAside }, patience)
            if (batch.events.length < batchEventsLarge)
              await pause(batchIntervalMs - (performance.now() - begun), signal)
          },
          signal,
          batchEventsMax,
        )
      } catch (error) {
        if (!signal.aborted) throw error
      } finally {
        notReady = 'stopped'
      }
    },

    status() {
      const { events, oldestAt } = log.pending()
      return {
        pendingEvents: events,
        pendingSeconds: oldestAt === null ? 0 : Math.max(0, (clock.now() - oldestAt) / 1000),
        refusedEvents,
        revision: String(revisions.last()),
        notReady,
      }
    },
  }
}
