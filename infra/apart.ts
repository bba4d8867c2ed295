import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createKnownNames, type KnownNames } from '../collector/known-names.ts'
import { StoreUnavailable } from '../domain/errors.ts'
import type { Stores } from '../domain/ports/store.ts'
import { sql } from '../domain/sql.ts'
import { beaconScripts, openBeacon } from './beacon.ts'
import { createErasures, openErasures } from './clickhouse/erasures.ts'
import { seenNames, seenNamesSince } from './clickhouse/known-names.ts'
import { prepareDatabase } from './clickhouse/server-database.ts'
import { connectServer } from './clickhouse/server.ts'
import { composeAnswering } from './compose/answering.ts'
import { composeCollecting } from './compose/collecting.ts'
import { openSharedLog, type Ground } from './compose/event-log.ts'
import { startProcessing } from './compose/processing.ts'
import { programApp, type ProgramApp } from './compose/program-app.ts'
import type { ApartConfig } from './config.ts'
import { keyHash } from './hash.ts'
import { answerCalls, askProcessor } from './processor-calls.ts'
import { errorLine } from './program.ts'
import { openSharedRegistry } from './shared-registry.ts'

/** What a program apart stands on. */
export interface ApartGround extends Ground {
  readonly config: ApartConfig
}

/** What other programs may have changed is looked at so often. */
const refreshMs = 5_000

/**
 * Events in → Kafka. ClickHouse may be away, also at the start, if the registry was read once before: it is kept in the
 * data directory.
 * @throws {ConfigError}
 * @throws {StoreUnavailable} ClickHouse is away, and no registry is kept
 */
export async function openCollector(ground: ApartGround): Promise<ProgramApp> {
  const { config, clock, telemetry } = ground
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const log = await openSharedLog(ground, config.kafka)
  const stores = connect(ground)
  await prepareDatabase(config.clickHouse).catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error
  })
  const registry = await openRegistry(ground, stores, join(config.dataDir, 'registry.json'))
  const erasures = createErasures(stores)
  const knownNames = createKnownNames({ clock, limits: config.limits })
  const { files } = await openBeacon(config.dataDir)
  const follow = followNames(ground, stores, knownNames)
  await every(ground, 'what other programs have written', async () => {
    await erasures.refresh()
    await follow()
  })
  return programApp(registry, { telemetry, notReady: () => [log.problem()] }, [
    composeCollecting({ ...ground, secret: config.secret, log, registry, erasures, knownNames, beacon: files }),
  ])
}

/**
 * Kafka → ClickHouse, while it is its turn; answers what the API asks of it.
 * @throws {ConfigError | StoreUnavailable}
 */
export async function openProcessor(ground: ApartGround): Promise<ProgramApp> {
  const { clock, telemetry, releasers } = ground
  const { log, stores, registry, erasures } = await openShared(ground)
  const holder = `${hostname()} ${process.pid} ${randomUUID()}`
  const processor = startProcessing({ ...ground, log, stores, registry, erasures, holder })
  const onTrouble = (error: unknown) => telemetry.logger.warn({ err: error }, 'a call of another program: trying again')
  releasers.add('calls', answerCalls({ stores, erasures, processor, clock, onTrouble }))
  const notReady = () => {
    const status = processor.status()
    return [status.standsBy ? null : status.notReady, log.problem()]
  }
  return programApp(registry, { telemetry, notReady }, [])
}

/**
 * ClickHouse → answers.
 * @throws {ConfigError | StoreUnavailable}
 */
export async function openApi(ground: ApartGround): Promise<ProgramApp> {
  const { config, clock, telemetry } = ground
  const shared = await openShared(ground)
  const { stores, registry } = shared
  const answering = await composeAnswering({
    ...ground,
    ...shared,
    secrets: { secret: config.secret, adminKeyHash: keyHash(config.adminKey) },
    processor: askProcessor(stores, clock),
    scripts: await beaconScripts(),
  })
  const storeProblem = await watchStore(ground, stores)
  return programApp(registry, { telemetry, notReady: () => [storeProblem()] }, [answering.routes], answering.notFound)
}

/** What a program stands on that cannot start without ClickHouse. */
async function openShared(ground: ApartGround) {
  const { config } = ground
  await prepareDatabase(config.clickHouse)
  const log = await openSharedLog(ground, config.kafka)
  const stores = connect(ground)
  return { log, stores, registry: await openRegistry(ground, stores), erasures: await openErasures(stores) }
}

function connect({ config, releasers }: ApartGround): Stores {
  const stores = connectServer(config.clickHouse, config.limits)
  releasers.add('ClickHouse', () => stores.close())
  return stores
}

async function openRegistry({ config, clock, telemetry, releasers }: ApartGround, stores: Stores, file?: string) {
  const shared = await openSharedRegistry({
    stores,
    clock,
    random: randomBytes,
    adminKeyHash: keyHash(config.adminKey),
    ...(file !== undefined && { file }),
    onUnavailable: (error) =>
      telemetry.logger.warn({ err: error }, 'the registry cannot be looked at: it stands as it is'),
  })
  releasers.add('registry', () => shared.close())
  return shared.registry
}

/** Once at the start and then every few seconds; what fails is tried again the next time. */
async function every({ telemetry, releasers }: Ground, what: string, work: () => Promise<void>): Promise<void> {
  const once = async () => {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      telemetry.logger.warn({ err: error, what }, 'cannot be looked at now')
    }
  }
  await once()
  let looking: Promise<void> | undefined
  const timer = setInterval(() => {
    looking ??= once()
      .catch((error: unknown) => telemetry.logger.error({ err: error, what }, 'cannot be looked at'))
      .finally(() => (looking = undefined))
  }, refreshMs)
  timer.unref()
  releasers.add(what, async () => {
    clearInterval(timer)
    await looking
  })
}

/** Revisions are the time of the processor that wrote the facts: by so much its clock may differ from this one. */
const clocksMs = 60_000

/** Names that other collectors have brought into use count here too, within seconds. */
function followNames({ config, clock }: Ground, { reads }: Stores, known: KnownNames): () => Promise<void> {
  const { limits } = config
  let lookedAt: number | undefined
  return async () => {
    const now = clock.now()
    known.learn(
      lookedAt === undefined
        ? await seenNames(reads, limits, now)
        : await seenNamesSince(reads, limits, now, lookedAt - clocksMs),
    )
    lookedAt = now
  }
}

/** Whether ClickHouse answers, as it was lately. */
async function watchStore(ground: Ground, { reads }: Stores): Promise<() => string | null> {
  let problem: string | null = null
  await every(ground, 'whether ClickHouse answers', async () => {
    try {
      await reads.select(sql`SELECT 1`)
      problem = null
    } catch (error) {
      problem = errorLine(error)
      throw error
    }
  })
  return () => problem
}
