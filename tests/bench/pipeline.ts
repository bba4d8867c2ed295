import { randomBytes } from 'node:crypto'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLimits } from '../../domain/limits.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { serviceInput } from '../../domain/service.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'
import { openRegistry } from '../../infra/registry.ts'
import { calendar } from '../../queries/period.ts'
import { createProcessor } from '../../processor/processor.ts'
import { nothingRemoved, silentSignals } from '../support/processing.ts'
import { steps } from './programs.ts'
import { syntheticEvents } from './synthetic.ts'

export const services = Array.from({ length: 10 }, (_, index) => `service-${index}`)

const clock = { now: () => Date.now() }

/** Log, processor and ClickHouse without HTTP, on a data directory of their own. */
export interface Pipeline {
  readonly stores: Stores
  readonly log: EventLog
  /** Runs the processor until the log is empty. @returns seconds */
  readonly drain: () => Promise<number>
  close(): Promise<void>
}

export async function openPipeline(): Promise<Pipeline> {
  const directory = mkdtempSync(join(tmpdir(), 'waymark-bench-'))
  mkdirSync(join(directory, 'log'))
  const stores = await openEmbedded(join(directory, 'clickhouse'))
  const registry = await openRegistry({
    stores,
    clock,
    random: randomBytes,
    adminKeyHash: createHash('sha256').update('bench').digest(),
  })
  for (const id of services)
    await registry.putService(id, serviceInput.parse({ name: id, dimensions: ['licence-type'], funnel: { steps } }))
  const log = await openLocalLog({ directory: join(directory, 'log'), limits: defaultLimits, clock })
  return {
    stores,
    log,
    drain: async () => {
      const processor = createProcessor({
        log,
        stores,
        registry,
        clock,
        limits: defaultLimits,
        ...nothingRemoved,
        signals: silentSignals,
        calendar,
      })
      const stop = new AbortController()
      const began = performance.now()
      const running = processor.run(stop.signal)
      while (log.pending().events > 0) await new Promise((resolve) => setTimeout(resolve, 5))
      const seconds = (performance.now() - began) / 1000
      stop.abort()
      await running
      return seconds
    },
    close: async () => {
      await log.close()
      await stores.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Appends so many synthetic events, durable when it resolves. */
export async function fill(log: EventLog, seed: number, events: number): Promise<void> {
  const from = Date.now() - 60 * 24 * 60 * 60 * 1000
  let open: Promise<void>[] = []
  for (const batch of syntheticEvents(seed, events, services, from)) {
    open.push(log.append(batch))
    if (open.length === 2_000) {
      await Promise.all(open)
      open = []
    }
  }
  await Promise.all(open)
}
