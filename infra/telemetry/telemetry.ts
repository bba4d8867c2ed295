import pino, { type Logger } from 'pino'
import { collectDefaultMetrics, Registry as MetricsRegistry } from 'prom-client'
import type { LogLevel } from '../config.ts'

/** Logs as JSON lines on stdout, metrics for Prometheus. Nothing global: a test has its own. */
export interface Telemetry {
  readonly logger: Logger
  readonly metrics: MetricsRegistry
}

export function createTelemetry(level: LogLevel): Telemetry {
  const metrics = new MetricsRegistry()
  collectDefaultMetrics({ register: metrics, prefix: 'waymark_' })
  const logger = pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Belt and braces: nothing here logs headers or bodies.
    redact: ['*.authorization', '*.cookie', '*.secret', '*.key'],
  })
  return { logger, metrics }
}
