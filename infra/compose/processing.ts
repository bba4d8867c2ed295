import type { Erasures } from '../../domain/ports/erasures.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import type { Leases } from '../../domain/ports/lease.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { createProcessor, type Processor } from '../../processor/processor.ts'
import { calendar } from '../../queries/period.ts'
import { openLeases } from '../clickhouse/leases.ts'
import { soleLeases } from '../sole-lease.ts'
import { processorTelemetry, turnTelemetry } from '../telemetry/processor.ts'
import type { Ground } from './event-log.ts'

export interface ProcessingParts extends Ground {
  readonly log: EventLog
  readonly stores: Stores
  readonly registry: Registry
  readonly erasures: Erasures
  /** Under which it holds the lease of a database that others can reach; null when none can. */
  readonly holder: string | null
}

/** Log → trails, facts and tallies, until released; what it was doing then ends first. */
export function startProcessing(parts: ProcessingParts): Processor {
  const { config, clock, telemetry, releasers, log, stores, registry, erasures } = parts
  const processor: Processor = createProcessor({
    log,
    stores,
    leases: leasesOf(parts, () => JSON.stringify(processor.status())),
    registry,
    clock,
    limits: config.limits,
    erasures,
    retentionMs: config.retentionMs,
    signals: processorTelemetry(telemetry),
    calendar,
    sampling: { chance: Math.random, intervalMs: 60_000, journeys: 200 },
  })
  turnTelemetry(telemetry, () => processor.status().isActive)
  const stop = new AbortController()
  const running = processor.run(stop.signal).catch((error: unknown) => {
    telemetry.logger.fatal({ err: error }, 'the processor stopped')
  })
  releasers.add('processor', async () => {
    stop.abort()
    await running
  })
  return processor
}

function leasesOf({ stores, holder, telemetry }: ProcessingParts, status: () => string): Leases {
  if (holder === null) return soleLeases
  return openLeases({
    store: stores.reads,
    name: 'processor',
    holder,
    status,
    onTrouble: (error) => telemetry.logger.warn({ err: error }, 'the lease of the processor: trying again'),
  })
}
