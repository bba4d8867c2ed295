import { Hono } from 'hono'
import { createCollector } from '../../collector/app.ts'
import { createBeaconFiles, type BeaconFile } from '../../collector/beacon-files.ts'
import type { KnownNames } from '../../collector/known-names.ts'
import type { Erasures } from '../../domain/ports/erasures.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { sha256 } from '../hash.ts'
import { collectorTelemetry } from '../telemetry/collector.ts'
import type { Ground } from './event-log.ts'
import type { ProgramApp } from './program-app.ts'

export interface CollectingParts extends Ground {
  readonly secret: string
  readonly log: EventLog
  readonly registry: Registry
  readonly erasures: Pick<Erasures, 'has'>
  readonly knownNames: KnownNames
  /** Served beside. */
  readonly beacon: readonly BeaconFile[]
}

/** Events in: the collector's routes. */
export function composeCollecting(parts: CollectingParts): ProgramApp {
  const { config, clock, telemetry, secret, log, registry, erasures, knownNames, beacon } = parts
  const { signals } = collectorTelemetry({ ...telemetry, clock })
  const routes: ProgramApp = new Hono()
  const collector = createCollector({
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
  routes.route('/', collector)
  routes.route('/', createBeaconFiles(beacon))
  return routes
}
