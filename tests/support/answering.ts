import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLimits, type Limits } from '../../domain/limits.ts'
import type { Annotations } from '../../domain/ports/annotations.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { serviceInput, type Service } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { createProcessor } from '../../processor/processor.ts'
import type { Questions } from '../../queries/context.ts'
import { createQuestions } from '../../queries/questions.ts'
import { openMemoryAnnotations } from './memory-annotations.ts'
import { MemoryLog } from './memory-log.ts'
import { openMemoryRegistry } from './memory-registry.ts'
import { fixedClock, nothingRemoved, silentSignals } from './processing.ts'

/** Processor and questions on a real ClickHouse, with a clock that the test sets. */
export interface Answering {
  readonly questions: Questions
  readonly registry: Registry
  readonly annotations: Annotations
  readonly stores: Stores
  readonly clock: { now(): number; set(now: number): void }
  putService(id: string, input: unknown, options?: { sample?: boolean }): Promise<Service>
  /** Resolves when answers show these events. */
  send(events: readonly StoredEvent[]): Promise<void>
  close(): Promise<void>
}

/** @param openStores of a server, in place of the engine in this process */
export async function openAnswering(
  now: number,
  limits: Limits = defaultLimits,
  openStores: (directory: string) => Promise<Stores> = (directory) => openEmbedded(directory, limits),
): Promise<Answering> {
  const directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  const stores = await openStores(directory)
  const clock = fixedClock(now)
  const registry = openMemoryRegistry({ clock })
  const annotations = openMemoryAnnotations({ clock })
  const log = new MemoryLog({ now: () => clock.now() })
  const stop = new AbortController()
  const processor = createProcessor({
    ...nothingRemoved,
    log,
    stores,
    registry,
    clock,
    limits,
    signals: silentSignals,
  })
  const running = processor.run(stop.signal)
  return {
    questions: createQuestions({ reads: stores.reads, registry, annotations, clock, limits, journeyHash }),
    registry,
    annotations,
    stores,
    clock,
    putService: (id, input, options) => registry.putService(id, serviceInput.parse(input), options),
    send: async (events) => {
      await log.append(events)
      const deadline = Date.now() + 30_000
      while (log.pending().events > 0) {
        if (Date.now() > deadline) throw new Error(`events wait for the processor: ${processor.status().notReady}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    close: async () => {
      stop.abort()
      await running
      await stores.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** No keyed hash, but like one: 16 hex digits of service and reference. */
export function journeyHash(service: string, reference: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(`${service}\0${reference}`))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}
