import { Hono } from 'hono'
import { problemResponse } from '../api/refused.ts'
import { problem } from '../domain/problems.ts'
import { readyTelemetry } from './telemetry/ready.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

export interface OperationParts {
  readonly telemetry: Telemetry
  /** Why it cannot do its job now, a line a part; null of those that can. */
  readonly notReady: () => readonly (string | null)[]
}

/** For those who run it: is it alive, can it do its job, what has it done. No key: bind it where they alone reach it. */
export function operationRoutes({ telemetry, notReady }: OperationParts): Hono {
  readyTelemetry(telemetry, notReady)
  const app = new Hono()
  const plain = { 'Cache-Control': 'no-store' }
  app.get('/healthz', (c) => c.json({ status: 'ok' }, 200, plain))
  app.get('/readyz', (c) => {
    const reasons = notReady().filter((reason) => reason !== null)
    return reasons.length === 0
      ? c.json({ status: 'ready' }, 200, plain)
      : c.json({ status: 'not ready', reasons }, 503, plain)
  })
  app.get('/metrics', async (c) =>
    c.body(await telemetry.metrics.metrics(), 200, { ...plain, 'Content-Type': telemetry.metrics.contentType }),
  )
  for (const path of ['/healthz', '/readyz', '/metrics'])
    app.all(path, () => problemResponse(problem('method-not-allowed', undefined, { allow: ['GET', 'HEAD'] })))
  return app
}
