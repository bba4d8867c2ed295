import { Hono } from 'hono'
import { setTimeout as wait } from 'node:timers/promises'
import type { ConnectionFacts } from '../api/auth.ts'
import { problemResponse } from '../api/refused.ts'
import { WaymarkError } from '../domain/errors.ts'
import { problem } from '../domain/problems.ts'
import type { ApartGround } from './apart.ts'
import { systemClock } from './compose.ts'
import type { ProgramApp } from './compose/program-app.ts'
import { readApartConfig, type ApartConfig, type ApartName } from './config.ts'
import { ConfigError } from './config-error.ts'
import { addressOf, close, listen, nodeServer, settingFault } from './listening.ts'
import { operationRoutes } from './operation.ts'
import { errorLine, exitCodes, type Start } from './program.ts'
import { Releasers } from './releasers.ts'
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts'

/** Between two tries to open what is not there yet. */
const againMs = 2_000

/**
 * A program apart, until it is told to stop. It listens from the start: while ClickHouse or the brokers are away it says on
 * `/readyz` what it waits for. Programs may so be started in any order.
 */
export async function runApart(
  { env, stop }: Start,
  name: ApartName,
  open: (ground: ApartGround) => Promise<ProgramApp>,
): Promise<number> {
  let config: ApartConfig
  try {
    config = readApartConfig(env, name)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    return exitCodes.configuration
  }
  const releasers = new Releasers()
  try {
    const telemetry = createTelemetry(config.logLevel)
    const { logger } = telemetry
    let waitsFor = 'starting'
    let app = startingApp(telemetry, () => waitsFor)
    const server = nodeServer((request) => app.fetch(request, { trusted: false }))
    await listen(server, { host: config.host, port: config.port })
    logger.info({ program: name, url: addressOf(server, config) }, 'listening')
    const opened = await untilOpened({ config, telemetry, clock: systemClock, releasers }, open, stop, (why) => {
      waitsFor = why
      logger.warn({ program: name, why }, 'waiting to start')
    })
    // Last opened, first closed: requests end before what they need goes.
    releasers.add('server', () => close(server))
    if (opened !== undefined) {
      app = opened
      logger.info({ program: name }, 'started')
    }
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
    logger.info({ program: name }, 'stopping')
    return exitCodes.clean
  } catch (error) {
    const fault = settingFault(error, config)
    process.stderr.write(`${fault ?? `Waymark could not start: ${errorLine(error)}`}\n`)
    return fault === undefined ? exitCodes.failed : exitCodes.configuration
  } finally {
    await releasers.release()
  }
}

/** While there is nothing yet to ask. */
function startingApp(telemetry: Telemetry, waitsFor: () => string): ProgramApp {
  const app: ProgramApp = new Hono<{ Bindings: ConnectionFacts }>()
  app.route('/', operationRoutes({ telemetry, notReady: () => [waitsFor()] }))
  app.notFound(() => problemResponse(problem('store-unavailable', undefined, { retryAfterSeconds: 5 })))
  return app
}

/** @returns undefined when it was stopped before */
async function untilOpened(
  ground: ApartGround,
  open: (ground: ApartGround) => Promise<ProgramApp>,
  stop: AbortSignal,
  onWaiting: (why: string) => void,
): Promise<ProgramApp | undefined> {
  const { metrics } = ground.telemetry
  const names = () => metrics.getMetricsAsArray().map(({ name }) => name)
  const before = new Set(names())
  while (!stop.aborted) {
    const tried = new Releasers()
    try {
      const app = await open({ ...ground, releasers: tried })
      ground.releasers.add('program', () => tried.release())
      return app
    } catch (error) {
      await tried.release()
      // The next try makes them anew.
      for (const name of names()) if (!before.has(name)) metrics.removeSingleMetric(name)
      if (!(error instanceof WaymarkError && error.retriable)) throw error
      onWaiting(errorLine(error))
    }
    await wait(againMs, undefined, { signal: stop }).catch(() => undefined)
  }
  return undefined
}
