import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Hono, type MiddlewareHandler } from 'hono'
import { apiRoutes, createApi, notFound, type ApiOptions } from '../api/app.ts'
import { keyOf, type ConnectionFacts } from '../api/auth.ts'
import { createPages } from '../api/pages/index.tsx'
import { problemOf, problemResponse } from '../api/refused.ts'
import { createCollector } from '../collector/app.ts'
import { createBeaconFiles } from '../collector/beacon-files.ts'
import { createKnownNames } from '../collector/known-names.ts'
import { journeyHash } from '../domain/identity.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Erasures } from '../domain/ports/erasures.ts'
import type { EventLog, LogPending } from '../domain/ports/event-log.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Stores } from '../domain/ports/store.ts'
import type { Status } from '../api/routes/status.ts'
import { createProcessor, type Processor, type ProcessorStatus } from '../processor/processor.ts'
import { calendar } from '../queries/period.ts'
import { createQuestions } from '../queries/questions.ts'
import { openAnnotations } from './annotations.ts'
import { openBeacon } from './beacon.ts'
import { createErasureCalls } from './erasure-calls.ts'
import { openEmbedded } from './clickhouse/embedded.ts'
import { openErasures } from './clickhouse/erasures.ts'
import { openServer } from './clickhouse/server.ts'
import { seenNames } from './clickhouse/known-names.ts'
import type { Config } from './config.ts'
import { diagnose } from './doctor.ts'
import { openDocumentation } from './documentation.ts'
import { sha256 } from './hash.ts'
import { openKafkaLog, type KafkaLog } from './kafka/open.ts'
import { lockDirectory } from './local-log/lock.ts'
import { openLocalLog } from './local-log/open.ts'
import { operationRoutes } from './operation.ts'
import { originOf } from './origin.ts'
import { readPageAssets } from './page-assets.ts'
import { openRegistry } from './registry.ts'
import { Releasers } from './releasers.ts'
import { openSecrets } from './secrets.ts'
import { apiTelemetry } from './telemetry/api.ts'
import { collectorTelemetry } from './telemetry/collector.ts'
import { kafkaTelemetry, lagTelemetry } from './telemetry/kafka.ts'
import { processorTelemetry } from './telemetry/processor.ts'
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
    const log = await openLog(config, clock, telemetry, releasers)
    const secrets = await openSecrets(config.dataDir, config, showAdminKey)
    const stores = await openStores(config)
    releasers.add('ClickHouse', () => stores.close())
    const registry = await openRegistry({ stores, clock, random: randomBytes, adminKeyHash: secrets.adminKeyHash })
    const erasures = await openErasures(stores)
    const parts = { config, clock, telemetry, log, stores, registry, erasures }
    const processor = startProcessor(parts, releasers)
    // An older backup may hold journeys that were erased since: no answer shows them.
    await processor.healed()
    const app = await createApp({ ...parts, processor, secrets })
    return {
      fetch: (request, facts) => app.fetch(request, facts),
      telemetry,
      registry,
      log,
      stores,
      journeyHash: (service, reference) => journeyHash(sha256, secrets.secret, service, reference),
      close: () => releasers.release(),
    }
  } catch (error) {
    await releasers.release()
    throw error
  }
}

/** First of all, since it locks the directory: ClickHouse says it less clearly. */
async function openLog(config: Config, clock: Clock, telemetry: Telemetry, releasers: Releasers): Promise<KafkaLog> {
  const { limits } = config
  const directory = join(config.dataDir, 'log')
  if (config.kafka === undefined) {
    const log = await openLocalLog({ directory, limits, clock })
    releasers.add('event log', () => log.close())
    return { ...log, problem: () => null }
  }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  releasers.add('data directory', await lockDirectory(directory))
  const log = await openKafkaLog({ settings: config.kafka, limits, clock, signals: kafkaTelemetry(telemetry) })
  releasers.add('event log', () => log.close())
  lagTelemetry(
    telemetry,
    () => log.lag(),
    () => clock.now(),
  )
  return log
}

function openStores({ clickHouse, dataDir, limits }: Config): Promise<Stores> {
  return clickHouse === undefined ? openEmbedded(join(dataDir, 'clickhouse'), limits) : openServer(clickHouse, limits)
}

interface Parts {
  readonly config: Config
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly log: KafkaLog
  readonly stores: Stores
  readonly registry: Registry
  readonly erasures: Erasures
}

/** Runs until released; what it was doing then ends first. */
function startProcessor(parts: Parts, releasers: Releasers): Processor {
  const { config, clock, telemetry, log, stores, registry, erasures } = parts
  const processor = createProcessor({
    log,
    stores,
    registry,
    clock,
    limits: config.limits,
    erasures,
    retentionMs: config.retentionMs,
    signals: processorTelemetry(telemetry),
    calendar,
    sampling: { chance: Math.random, intervalMs: 60_000, journeys: 200 },
  })
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

async function createApp(
  parts: Parts & { processor: Processor; secrets: { secret: string; adminKeyHash: Buffer } },
): Promise<Hono<{ Bindings: ConnectionFacts }>> {
  const { config, clock, telemetry, log, stores, registry, erasures, processor, secrets } = parts
  const { limits } = config
  const collected = collectorTelemetry({ ...telemetry, clock })
  const annotations = await openAnnotations({ stores, clock, random: randomBytes })
  const hashOf = (service: string, reference: string) => journeyHash(sha256, secrets.secret, service, reference)
  const questions = createQuestions({
    annotations,
    reads: stores.reads,
    registry,
    clock,
    limits,
    journeyHash: hashOf,
  })
  const signals = apiTelemetry(telemetry)
  const collector = createCollector({
    log,
    registry,
    clock,
    secret: secrets.secret,
    sha256,
    limits,
    signals: collected.signals,
    erasures,
    knownNames: createKnownNames({ clock, limits, seen: await seenNames(stores.reads, limits, clock.now()) }),
  })
  const status = async () => statusOf(processor.status(), await log.lag(), await questions.revision(), clock)
  const doctor = () => diagnose({ dataDir: config.dataDir, log, stores, status: () => processor.status(), clock })
  const verify: ApiOptions['verify'] = (asked) => processor.verify(asked)
  const erasing = createErasureCalls({ reads: stores.reads, erasures, processor, clock, journeyHash: hashOf })
  const beacon = await openBeacon(config.dataDir)
  const calls = { status, doctor, verify, erasures: erasing, scripts: beacon.scripts }
  const apiParts = { questions, registry, annotations, clock, limits, ...calls }
  const api = createApi({ ...apiParts, signals })
  const assets = await readPageAssets()
  const base = originOf(config.host, config.port)
  const docs = await openDocumentation({ routes: apiRoutes(apiParts), limits, registry, assets, base })
  const pages = createPages({
    questions,
    registry,
    clock,
    auth: {
      loopback: isLoopback(config.host),
      signingSecret: `${secrets.secret}\0${secrets.adminKeyHash.toString('hex')}`,
      newId: randomUUID,
    },
    assets,
    signals,
  })

  const app = new Hono<{ Bindings: ConnectionFacts }>()
  app.use(refuseBadKeys(registry))
  app.route('/', operationRoutes({ telemetry, notReady: () => [processor.status().notReady, log.problem()] }))
  app.route('/', collector)
  app.route('/', createBeaconFiles(beacon.files))
  app.route('/', api)
  app.route('/', docs)
  app.route('/', pages)
  // A program that asks for what is not there gets a problem document, a person a page.
  const noSuchCall = notFound({ registry, clock, signals })
  app.notFound((c) =>
    /^\/v1(\/|$)/.test(c.req.path) || !c.req.header('Accept')?.includes('text/html')
      ? noSuchCall(c)
      : pages.fetch(c.req.raw),
  )
  return app
}

/** As the API tells it. */
function statusOf(processor: ProcessorStatus, pending: LogPending, revision: string, clock: Clock): Status {
  const { refusedEvents, rebuilding, sealing } = processor
  const pendingSeconds = pending.oldestAt === null ? 0 : Math.max(0, (clock.now() - pending.oldestAt) / 1000)
  const versions = [
    ...rebuilding.map((one) => ({ ...one, stage: 'judging' as const })),
    ...sealing.map((one) => ({ ...one, stage: 'sealing' as const })),
  ]
  return { pendingEvents: pending.events, pendingSeconds, refusedEvents, revision, versions }
}

/** A bad key is refused wherever it is sent, so also where none is asked for. Calls look for themselves. */
function refuseBadKeys(registry: Registry): MiddlewareHandler<{ Bindings: ConnectionFacts }> {
  return async (c, next) => {
    if (c.req.path.startsWith('/v1/')) return next()
    try {
      await keyOf(c.req.raw, registry, c.env)
    } catch (error) {
      return problemResponse(problemOf(error))
    }
    return next()
  }
}

/** Pages are open there: who can connect is on this machine. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
