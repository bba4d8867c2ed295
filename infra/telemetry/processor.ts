import { Counter, Gauge, Histogram } from 'prom-client'
import { differencesListedMax } from '../../domain/verification.ts'
import { removalReasons } from '../../processor/removal.ts'
import type { ProcessorSignals } from '../../processor/signals.ts'
import type { Telemetry } from './telemetry.ts'

const secondsBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Whether this is the one that works. */
export function turnTelemetry({ metrics }: Telemetry, isActive: () => boolean): void {
  new Gauge({
    name: 'waymark_processor_active',
    help: '1 when this processor works on the database, 0 when it stands by',
    registers: [metrics],
    collect() {
      this.set(isActive() ? 1 : 0)
    },
  })
}

/** Metrics and log lines of the processor. */
export function processorTelemetry({ metrics, logger }: Telemetry): ProcessorSignals {
  const registers = [metrics]
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const histogram = (name: string, help: string, buckets = secondsBuckets) =>
    new Histogram({ name, help, buckets, registers })

  const processed = counter('waymark_processed_events_total', 'Events that are in every answer')
  const journeys = counter('waymark_processed_journeys_total', 'Journeys whose facts were written')
  const setAside = counter('waymark_set_aside_total', 'Entries of the log that can never become events')
  const retries = counter('waymark_processor_retries_total', 'Pieces of work tried again because ClickHouse was away')
  const rebuilt = counter('waymark_rebuilt_journeys_total', 'Journeys recomputed for a new version of a funnel')
  const pruned = counter('waymark_trail_events_dropped_total', 'Events past the last that a trail keeps, deleted')
  const sealed = counter('waymark_sealed_hours_total', 'Cohort hours that the clock can no longer change')
  const revised = counter('waymark_revised_hours_total', 'Sealed cohort hours that late events changed')
  const tallied = counter(
    'waymark_sealed_services_total',
    'Times that the tallies of a service were brought up to date',
  )
  const batchEvents = histogram(
    'waymark_batch_events',
    'Events of one batch',
    [1, 10, 100, 1_000, 5_000, 10_000, 50_000],
  )
  const batchSeconds = histogram('waymark_batch_seconds', 'Time for one batch, from the log to every answer')
  const trailSeconds = histogram('waymark_trail_insert_seconds', 'Time to insert the trails of one batch')
  const factsSeconds = histogram('waymark_facts_seconds', 'Time to write the facts of one batch')

  return {
    ...removalTelemetry({ metrics, logger }),
    ...verificationTelemetry({ metrics, logger }),
    processed(batch) {
      processed.inc(batch.events)
      journeys.inc(batch.journeys)
      batchEvents.observe(batch.events)
      batchSeconds.observe(batch.seconds)
      trailSeconds.observe(batch.trailSeconds)
      factsSeconds.observe(batch.factsSeconds)
      logger.debug(batch, 'processed')
    },
    setAside(entries, reason) {
      setAside.inc(entries)
      logger.error({ entries, reason }, 'set aside: see waymark doctor')
    },
    retrying(work, error, waitMs) {
      retries.inc()
      logger.warn({ work, code: error.code, err: error, waitMs }, 'trying again')
    },
    rebuilt(service, version, count) {
      rebuilt.inc(count)
      logger.info({ service, version, journeys: count }, 'recomputed for the new version')
    },
    pruned(events) {
      pruned.inc(events)
      logger.warn({ events }, 'deleted events past the last that a trail keeps')
    },
    sealed(hours) {
      sealed.inc(hours)
      logger.debug({ hours }, 'sealed')
    },
    revised(hours) {
      revised.inc(hours)
      logger.info({ hours }, 'late events changed hours that were complete')
    },
    tallied(services) {
      tallied.inc(services)
      logger.debug({ services }, 'tallied')
    },
  }
}

/** Of what is compared with the trails. */
function verificationTelemetry({ metrics, logger }: Telemetry): Pick<ProcessorSignals, 'verified' | 'differs'> {
  const registers = [metrics]
  const verified = new Counter({
    name: 'waymark_verified_journeys_total',
    help: 'Journeys that were computed anew from their trails and compared with what answers are read from',
    registers,
  })
  const differing = new Counter({
    name: 'waymark_verification_differences_total',
    help: 'Facts, tallies and entries of the edge that were not what the trails say, found by samples',
    registers,
  })
  return {
    verified(count) {
      verified.inc(count)
      logger.debug({ journeys: count }, 'verified')
    },
    differs(service, differences, healed) {
      differing.inc(differences.length)
      const listed = differences.slice(0, differencesListedMax)
      logger.error(
        { service, differences: differences.length, listed, healed },
        healed
          ? 'answers were not what the trails say: made anew from them'
          : 'answers are not what the trails say, and journeys have expired that cannot be counted again: restore a backup',
      )
    },
  }
}

/** Of what is removed: at the wish of a person, or because its time is over. */
function removalTelemetry({
  metrics,
  logger,
}: Telemetry): Pick<ProcessorSignals, 'erasedEvents' | 'removed' | 'purged'> {
  const registers = [metrics]
  const erasedEvents = new Counter({
    name: 'waymark_erased_events_total',
    help: 'Events of erased journeys that waited in the log, dropped',
    registers,
  })
  const removed = new Counter({
    name: 'waymark_removed_journeys_total',
    help: 'Journeys whose trail and facts were removed, by reason',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of removalReasons) removed.inc({ reason }, 0)
  const purges = new Counter({
    name: 'waymark_purges_total',
    help: 'Times that the bytes of removed journeys were taken off the disk',
    registers,
  })
  return {
    erasedEvents(events) {
      erasedEvents.inc(events)
      logger.info({ events }, 'dropped events of erased journeys that waited in the log')
    },
    removed(reason, count) {
      removed.inc({ reason }, count)
      logger.info({ reason, journeys: count }, 'removed journeys')
    },
    purged() {
      purges.inc()
      logger.info('the bytes of removed journeys are gone')
    },
  }
}
