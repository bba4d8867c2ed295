import { Gauge } from 'prom-client'
import type { Telemetry } from './telemetry.ts'

/** Whether the program can do its job, as `/readyz` says it, asked when the metrics are: a probe that Prometheus keeps. */
export function readyTelemetry(
  { metrics }: Pick<Telemetry, 'metrics'>,
  notReady: () => readonly (string | null)[],
): void {
  new Gauge({
    name: 'waymark_ready',
    help: '1 while the program can do its job, else 0: /readyz says why not',
    registers: [metrics],
    collect() {
      this.set(notReady().every((reason) => reason === null) ? 1 : 0)
    },
  })
}
