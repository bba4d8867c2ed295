import type { Hono } from 'hono'
import type { ConnectionFacts } from '../../api/auth.ts'
import { createCollector } from '../../collector/app.ts'
import type { KnownNames } from '../../collector/known-names.ts'
import type { Erasures } from '../../domain/ports/erasures.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { sha256 } from '../hash.ts'
import { collectorTelemetry } from '../telemetry/collector.ts'
import type { Ground } from './event-log.ts'

export interface CollectingParts extends Ground {
  readonly secret: string
  readonly log: EventLog
  readonly registry: Registry
  readonly erasures: Pick<Erasures, 'has'>
  readonly knownNames: KnownNames
}

/** Events in: the collector's routes. */
export function composeCollecting(parts: CollectingParts): Hono<{ Bindings: ConnectionFacts }> {
  const { config, clock, telemetry, secret, log, registry, erasures, knownNames } = parts
  const { signals } = collectorTelemetry({ ...telemetry, clock })
  return createCollector({
    log,
    registry,
    clock,
    secret,
    sha256,
    limits: config.limits,
    signals,
    erasures,
    knownNames,
  })
}
