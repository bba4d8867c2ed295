import { serve } from '@hono/node-server'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCollector } from '../../collector/app.ts'
import { createKnownNames } from '../../collector/known-names.ts'
import { defaultLimits } from '../../domain/limits.ts'
import { serviceInput } from '../../domain/service.ts'
import { systemClock } from '../../infra/compose.ts'
import { sha256 } from '../../infra/hash.ts'
import { openKafkaLog } from '../../infra/kafka/open.ts'
import { readKafkaSettings } from '../../infra/kafka/settings.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'
import type { Start } from '../../infra/program.ts'
import { collectorTelemetry } from '../../infra/telemetry/collector.ts'
import { kafkaTelemetry } from '../../infra/telemetry/kafka.ts'
import { createTelemetry } from '../../infra/telemetry/telemetry.ts'
import { openMemoryErasures } from '../support/memory-erasures.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'
import { steps } from './programs.ts'

/**
 * The collector and its log in a process of their own: the local log, or with KAFKA_BROKERS one in Kafka. What the rest
 * of the one process costs is then known.
 */
export async function main({ env, stop }: Start): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'waymark-bench-'))
  const clock = systemClock
  const telemetry = createTelemetry('info')
  const kafka = readKafkaSettings(env)
  const log =
    kafka === undefined
      ? await openLocalLog({ directory: join(directory, 'log'), limits: defaultLimits, clock })
      : await openKafkaLog({ settings: kafka, limits: defaultLimits, clock, signals: kafkaTelemetry(telemetry) })
  const registry = openMemoryRegistry({ clock })
  await registry.putService(
    'bench',
    serviceInput.parse({ name: 'Benchmark', dimensions: ['licence-type'], funnel: { steps } }),
  )
  const { signals } = collectorTelemetry({ ...telemetry, clock })
  const knownNames = createKnownNames({ clock, limits: defaultLimits })
  const app = createCollector({
    log,
    registry,
    clock,
    secret: 'bench',
    sha256,
    limits: defaultLimits,
    signals,
    knownNames,
    erasures: openMemoryErasures(),
  })
  const server = serve({ fetch: (request) => app.fetch(request, {}), hostname: '127.0.0.1', port: 0 }, ({ port }) => {
    process.stdout.write(`${JSON.stringify({ msg: 'listening', url: `http://127.0.0.1:${port}` })}\n`)
  })
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  server.close()
  await log.close()
  rmSync(directory, { recursive: true, force: true })
  return 0
}
