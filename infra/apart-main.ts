import { Hono } from 'hono'
import { setTimeout as wait } from 'node:timers/promises'
import type { ConnectionFacts } from '../api/auth.ts'
import { problemResponse } from '../api/refused.ts'
import { WaymarkError } from '../domain/errors.ts'
import { problem } from '../domain/problems.ts'
import type { ApartGround } from './apart.ts'
import { systemClock } from './compose.ts'
import type { ProgramApp } from './compose/program-app.ts'
import { readApartConfig, type ApartName } from './config.ts'
import { addressOf, close, listen, nodeServer } from './listening.ts'
import { operationRoutes } from './operation.ts'
import { errorLine, untilStopped, type Start } from './program.ts'
import { Releasers } from './releasers.ts'
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts'

/** Between two tries to open what is not there yet. */
const againMs = 2_000

/**
 * A program apart, until it is told to stop. It listens from the start: while ClickHouse or the brokers are away it says on
 * `/readyz` what it waits for. Programs may so be started in any order.
 */
export function runApart(
  { env, stop }: Start,
  name: ApartName,
  open: (ground: ApartGround) => Promise<ProgramApp>,
): Promise<number> {
  return untilStopped(
    () => readApartConfig(env, name),
    stop,
    async (config, releasers) => {
      const telemetry = createTelemetry(config.logLevel)
      const logger = telemetry.logger.child({ program: name })
      let waitsFor = 'starting'
      let app = startingApp(telemetry, () => waitsFor)
      const server = nodeServer((request) => app.fetch(request, { trusted: false }))
      await listen(server, { host: config.host, port: config.port })
      logger.info({ url: addressOf(server, config) }, 'listening')
      const opened = await untilOpened({ config, telemetry, clock: systemClock, releasers }, open, stop, (why) => {
        waitsFor = why
        logger.warn({ why }, 'waiting to start')
      })
      // Last opened, first closed: requests end before what they need goes.
      releasers.add('server', () => close(server))
      if (opened !== undefined) {
        app = opened
        logger.info('started')
      }
      return logger
    },
  )
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
