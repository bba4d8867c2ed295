import pino from 'pino'
import { Registry as MetricsRegistry } from 'prom-client'
import { expect, it } from 'vitest'
import { operationRoutes } from './operation.ts'

function open(metrics = new MetricsRegistry()) {
  const reasons: { log: string | null } = { log: null }
  const app = operationRoutes({
    telemetry: { metrics, logger: pino({ level: 'silent' }) },
    notReady: () => [null, reasons.log],
  })
  const text = async (path: string) => {
    const response = await app.request(path)
    return [response.status, await response.text()] as const
  }
  return { reasons, text }
}

it('says the same to whoever probes and to Prometheus', async () => {
  const { reasons, text } = open()
  expect((await text('/readyz'))[0]).toBe(200)
  expect((await text('/metrics'))[1]).toContain('waymark_ready 1\n')

  reasons.log = 'no broker answers'
  expect(await text('/readyz')).toEqual([503, '{"status":"not ready","reasons":["no broker answers"]}'])
  expect((await text('/metrics'))[1]).toContain('waymark_ready 0\n')
  // It lives all the same.
  expect((await text('/healthz'))[0]).toBe(200)
})

it('asks the routes that were made last', async () => {
  const metrics = new MetricsRegistry()
  const starting = open(metrics)
  starting.reasons.log = 'starting'
  const started = open(metrics)
  expect((await started.text('/metrics'))[1]).toContain('waymark_ready 1\n')
  expect((await starting.text('/metrics'))[1]).toContain('waymark_ready 1\n')
})
