import { Counter, Histogram } from 'prom-client'
import type { PageSignals } from '../../api/pages/index.tsx'
import type { ApiSignals } from '../../api/signals.ts'
import type { Telemetry } from './telemetry.ts'

/** Metrics and log lines of the API and the pages. Labels are ids of operations and status codes only. */
export function apiTelemetry({ metrics, logger }: Telemetry): ApiSignals & PageSignals {
  const seconds = new Histogram({
    name: 'waymark_api_seconds',
    help: 'Time to answer a call of the API',
    labelNames: ['operation', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [metrics],
  })
  const pagesFailed = new Counter({
    name: 'waymark_pages_failed_total',
    help: 'Pages that could not be made',
    registers: [metrics],
  })
  return {
    answered({ operation, status, ms }) {
      seconds.observe({ operation: operation ?? 'none', status: String(status) }, ms / 1000)
    },
    failed({ operation, error }) {
      logger.error({ operation, err: error }, 'a call failed')
    },
    pageFailed(error) {
      pagesFailed.inc()
      logger.error({ err: error }, 'a page failed')
    },
  }
}
