import { randomBytes, randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { apiRoutes, createApi, notFound, type ApiOptions } from '../../api/app.ts'
import { createPages } from '../../api/pages/index.tsx'
import type { Status } from '../../api/routes/status.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Erasures } from '../../domain/ports/erasures.ts'
import type { EventLog, LogPending } from '../../domain/ports/event-log.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { ProcessorStatus } from '../../processor/processor.ts'
import { createQuestions } from '../../queries/questions.ts'
import { openAnnotations } from '../annotations.ts'
import { diagnose } from '../doctor.ts'
import { openDocumentation } from '../documentation.ts'
import { createErasureCalls } from '../erasure-calls.ts'
import { originOf } from '../origin.ts'
import { readPageAssets } from '../page-assets.ts'
import { journeyHashWith } from '../hash.ts'
import { createReplay } from '../replay.ts'
import type { Secrets } from '../secrets.ts'
import { apiTelemetry } from '../telemetry/api.ts'
import type { Ground } from './event-log.ts'
import type { programApp, ProgramApp } from './program-app.ts'

/** The processor as those see it who ask: in this process, or another program. */
export interface AskedProcessor {
  erase(erasures: Parameters<Erasures['add']>[0]): Promise<void>
  readonly verify: NonNullable<ApiOptions['verify']>
  /** @throws {StoreUnavailable} */
  status(): Promise<ProcessorStatus>
}

export interface AnsweringParts extends Ground {
  readonly secrets: Pick<Secrets, 'secret' | 'adminKeyHash'>
  readonly log: Pick<EventLog, 'append' | 'lag' | 'problem' | 'replay'>
  readonly stores: Stores
  readonly registry: Registry
  readonly erasures: Erasures
  readonly processor: AskedProcessor
  /** Of the beacon, for the snippet. */
  readonly scripts: ApiOptions['scripts']
}

export interface Answering {
  readonly routes: ProgramApp
  readonly notFound: NonNullable<Parameters<typeof programApp>[3]>
}

/** Answers out: the query API, its documentation and the pages. */
export async function composeAnswering(parts: AnsweringParts): Promise<Answering> {
  const { config, clock, telemetry, secrets, log, stores, registry, erasures, processor } = parts
  const { limits } = config
  const annotations = await openAnnotations({ stores, clock, random: randomBytes })
  const journeyHash = journeyHashWith(secrets.secret)
  const questions = createQuestions({ annotations, reads: stores.reads, registry, clock, limits, journeyHash })
  const signals = apiTelemetry(telemetry)
  const status = async () => statusOf(await processor.status(), await log.lag(), await questions.revision(), clock)
  const doctor = () => diagnose({ config, log, stores, status: () => processor.status(), clock })
  const erasing = createErasureCalls({ reads: stores.reads, erasures, processor, clock, journeyHash })
  const { verify } = processor
  const replay = createReplay({ log, stores })
  const asked = { status, doctor, verify, replay, scripts: parts.scripts }
  const apiParts = { questions, registry, annotations, erasures: erasing, clock, limits, ...asked }
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
  const routes: ProgramApp = new Hono()
  routes.route('/', api)
  routes.route('/', docs)
  routes.route('/', pages)
  // A program that asks for what is not there gets a problem document, a person a page.
  const noSuchCall = notFound({ registry, clock, signals })
  return {
    routes,
    notFound: (c) =>
      /^\/v1(\/|$)/.test(c.req.path) || !c.req.header('Accept')?.includes('text/html')
        ? noSuchCall(c)
        : pages.fetch(c.req.raw),
  }
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

/** Pages are open there: who can connect is on this machine. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
