import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectionFacts } from '../api/auth.ts'
import { createKnownNames } from '../collector/known-names.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { EventLog } from '../domain/ports/event-log.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Stores } from '../domain/ports/store.ts'
import { openBeacon } from './beacon.ts'
import { openEmbedded } from './clickhouse/embedded.ts'
import { openErasures } from './clickhouse/erasures.ts'
import { seenNames } from './clickhouse/known-names.ts'
import { openServer } from './clickhouse/server.ts'
import { composeAnswering } from './compose/answering.ts'
import { composeCollecting } from './compose/collecting.ts'
import { openOwnLog } from './compose/event-log.ts'
import { startProcessing } from './compose/processing.ts'
import { programApp } from './compose/program-app.ts'
import type { Config } from './config.ts'
import { journeyHashWith } from './hash.ts'
import { openRegistry } from './registry.ts'
import { Releasers } from './releasers.ts'
import { openSecrets } from './secrets.ts'
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts'

/** The one process: everything but the sockets it listens on. */
export interface Waymark {
  fetch(request: Request, facts: ConnectionFacts): Response | Promise<Response>
  readonly telemetry: Telemetry
  readonly registry: Registry
  readonly log: EventLog
  readonly stores: Stores
  /** Keyed hash of a service's reference for a journey. */
  readonly journeyHash: (service: string, reference: string) => string
  /** What is under way ends, what is acknowledged is kept, everything is released. */
  close(): Promise<void>
}

export const systemClock: Clock = { now: () => Date.now() }

/**
 * Opens a data directory with everything that works on it.
 * @param showAdminKey is told the admin key when one is made: never again
 * @throws {LogLocked} another process has the directory open
 */
export async function openWaymark(
  config: Config,
  showAdminKey: (adminKey: string) => void,
  clock: Clock = systemClock,
): Promise<Waymark> {
  const releasers = new Releasers()
  try {
    const telemetry = createTelemetry(config.logLevel)
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
    const ground = { config, clock, telemetry, releasers }
    const log = await openOwnLog(ground)
    const secrets = await openSecrets(config.dataDir, config, showAdminKey)
    const stores = await openStores(config)
    releasers.add('ClickHouse', () => stores.close())
    const registry = await openRegistry({ stores, clock, random: randomBytes, adminKeyHash: secrets.adminKeyHash })
    const erasures = await openErasures(stores)
    const parts = { ...ground, log, stores, registry, erasures, secrets, secret: secrets.secret }
    const holder = config.clickHouse === undefined ? null : secrets.holder
    const processor = startProcessing({ ...parts, holder })
    // An older backup may hold journeys that were erased since: no answer shows them.
    await processor.healed()
    const knownNames = createKnownNames({
      clock,
      limits: config.limits,
      seen: await seenNames(stores.reads, config.limits, clock.now()),
    })
    const asked = { ...processor, status: () => Promise.resolve(processor.status()) }
    const beacon = await openBeacon(config.dataDir)
    const answering = await composeAnswering({
      ...parts,
      processor: asked,
      scripts: beacon.scripts,
    })
    const app = programApp(
      registry,
      { telemetry, notReady: () => [processor.status().notReady, log.problem()] },
      [composeCollecting({ ...parts, knownNames, beacon: beacon.files }), answering.routes],
      answering.notFound,
    )
    return {
      fetch: (request, facts) => app.fetch(request, facts),
      telemetry,
      registry,
      log,
      stores,
      journeyHash: journeyHashWith(secrets.secret),
      close: () => releasers.release(),
    }
  } catch (error) {
    await releasers.release()
    throw error
  }
}

function openStores({ clickHouse, dataDir, limits }: Config): Promise<Stores> {
  return clickHouse === undefined ? openEmbedded(join(dataDir, 'clickhouse'), limits) : openServer(clickHouse, limits)
}
