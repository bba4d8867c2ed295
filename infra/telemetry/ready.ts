import { Gauge } from 'prom-client'
import type { Telemetry } from './telemetry.ts'

const name = 'waymark_ready'

/**
 * Whether the program can do its job, as `/readyz` says it, asked when the metrics are: a probe that Prometheus keeps. Who
 * asks for it later, as a program that has started does after one that was starting, is the one that is asked.
 */
export function readyTelemetry(
  { metrics }: Pick<Telemetry, 'metrics'>,
  notReady: () => readonly (string | null)[],
): void {
  metrics.removeSingleMetric(name)
  new Gauge({
    name,
    help: '1 while the program can do its job, else 0: /readyz says why not',
    registers: [metrics],
    collect() {
      this.set(notReady().every((reason) => reason === null) ? 1 : 0)
    },
  })
}
