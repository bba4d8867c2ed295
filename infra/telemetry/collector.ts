import type { Logger } from 'pino'
import { Counter, type Registry as MetricsRegistry } from 'prom-client'
import type { CollectorSignals } from '../../collector/signals.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import { dropReasons, problemCodes, type DropReason, type ProblemCode } from '../../domain/problems.ts'

export interface CollectorTelemetry {
  readonly signals: CollectorSignals
  /** Events refused since the start: `refusedEvents` of the status. */
  readonly refusedEvents: () => number
}

/** One line about an outage says enough for so long; the next one says how many it stands for. */
const quietMs = 5_000

/**
 * Metrics and log lines of the collector. Counts are plain numbers, read when Prometheus asks: nothing is
 * looked up for an event.
 */
export function collectorTelemetry(options: {
  metrics: MetricsRegistry
  logger: Logger
  clock: Clock
}): CollectorTelemetry {
  const { metrics, logger, clock } = options
  let accepted = 0
  const refusals = new Map<ProblemCode, number>(problemCodes.map((code) => [code, 0]))
  const refused = new Map<ProblemCode, number>(problemCodes.map((code) => [code, 0]))
  const dropped = new Map<DropReason, number>(dropKinds.map((reason) => [reason, 0]))

  counter(metrics, 'waymark_events_accepted_total', 'Events made durable and acknowledged', [], () => [[{}, accepted]])
  counter(metrics, 'waymark_events_refused_total', 'Events refused, by problem code', ['code'], () =>
    [...refused].map(([code, count]) => [{ code }, count]),
  )
  counter(
    metrics,
    'waymark_requests_refused_total',
    'Requests, lines and pixels refused, by problem code',
    ['code'],
    () => [...refusals].map(([code, count]) => [{ code }, count]),
  )
  counter(
    metrics,
    'waymark_events_dropped_total',
    'Events acknowledged and not stored (bot, erased), and attributes left out or replaced, by reason',
    ['reason'],
    () => [...dropped].map(([reason, count]) => [{ reason }, count]),
  )

  const outages = new Map<ProblemCode, { since: number; unsaid: number }>()
  const signals: CollectorSignals = {
    accepted(events) {
      accepted += events
    },
    refused(code, events) {
      refusals.set(code, (refusals.get(code) ?? 0) + 1)
      refused.set(code, (refused.get(code) ?? 0) + events)
    },
    dropped(reason, count) {
      dropped.set(reason, (dropped.get(reason) ?? 0) + count)
    },
    unavailable(code, error) {
      const now = clock.now()
      const outage = outages.get(code)
      if (outage !== undefined && now - outage.since < quietMs) {
        outage.unsaid++
        return
      }
      logger.warn({ code, unsaid: outage?.unsaid ?? 0, err: error }, 'events could not be taken')
      outages.set(code, { since: now, unsaid: 0 })
    },
    failed(error) {
      logger.error({ err: error }, 'a request failed')
    },
  }
  return { signals, refusedEvents: () => [...refused.values()].reduce((sum, count) => sum + count, 0) }
}

const dropKinds = Object.keys(dropReasons) as DropReason[]

function counter(
  metrics: MetricsRegistry,
  name: string,
  help: string,
  labelNames: string[],
  read: () => [labels: Record<string, string>, count: number][],
): void {
  const made: Counter = new Counter({
    name,
    help,
    labelNames,
    registers: [metrics],
    collect() {
      made.reset()
      for (const [labels, count] of read()) made.inc(labels, count)
    },
  })
}
