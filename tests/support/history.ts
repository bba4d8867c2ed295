import { soleLease } from '../../infra/sole-lease.ts'
import { defaultLimits } from '../../domain/limits.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { serviceInput, type Service } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openErasures } from '../../infra/clickhouse/erasures.ts'
import { createErasing } from '../../processor/erasing.ts'
import { createFactsWriter } from '../../processor/facts-writer.ts'
import { createRebuilds } from '../../processor/rebuild.ts'
import type { ProcessorSignals } from '../../processor/signals.ts'
import { createStepNames, stepNameColumns } from '../../processor/step-names.ts'
import { touchedBy } from '../../processor/touched.ts'
import { trailColumns, trailRow } from '../../processor/trail-rows.ts'
import type { QueryContext } from '../../queries/context.ts'
import { journeyHash } from './answering.ts'
import { openMemoryAnnotations } from './memory-annotations.ts'
import { openMemoryRegistry } from './memory-registry.ts'
import { Crash, crashing, emptyTables, fixedClock, silentSignals } from './processing.ts'
import type { Random } from './random.ts'
import { openSealing } from './sealing.ts'

/**
 * All that a processor does to services, one piece at a time and when it is told to: batches, seals, rebuilds, erasures. The
 * program crashes now and then, before or after any of its statements that write, and starts anew on the same tables. What
 * is durable elsewhere, as the event log and the list of erasures are, is asked for again then.
 */
export interface History {
  readonly context: QueryContext
  readonly clock: ReturnType<typeof fixedClock>
  put(id: string, input: unknown): Promise<Service>
  /** As one batch; again, when the program crashes. */
  write(events: readonly StoredEvent[]): Promise<void>
  /** Resolves when no answer shows them, as the API's DELETE does. */
  erase(service: string, journeys: readonly string[]): Promise<void>
  /** A crash leaves it half done, as it does the next. */
  rebuild(service: string): Promise<void>
  seal(): Promise<void>
  /** A new program on the same tables, without a crash. */
  restart(): Promise<void>
  /** What the program was at when it crashed, and where; each time. */
  readonly crashes: readonly string[]
}

/** On empty tables. @param random when the program crashes */
export async function openHistory(stores: Stores, random: Random): Promise<History> {
  await emptyTables(stores)
  const clock = fixedClock(0)
  const registry = openMemoryRegistry({ clock })
  const crashes: string[] = []
  let program: Program | undefined

  /** @returns whether it was done, by this program */
  async function attempt(what: string, work: (running: Program) => Promise<void>): Promise<boolean> {
    try {
      program ??= await start({ stores, registry, clock }, random)
      await work(program)
      return true
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      crashes.push(`${what}: ${error.message}`)
      program = undefined
      return false
    }
  }
  async function untilDone(what: string, work: (running: Program) => Promise<void>): Promise<void> {
    while (!(await attempt(what, work)));
  }
  /** What is left behind is there when the next question is asked; the program that follows has started. */
  async function once(what: string, work: (running: Program) => Promise<void>): Promise<void> {
    if (!(await attempt(what, work))) await untilDone('start', () => Promise.resolve())
  }

  return {
    context: {
      reads: stores.reads,
      registry,
      annotations: openMemoryAnnotations({ clock }),
      clock,
      limits: defaultLimits,
      journeyHash,
    },
    clock,
    put: (id, input) => registry.putService(id, serviceInput.parse(input)),
    write: (events) => untilDone('write', (running) => running.write(events)),
    erase: async (service, journeys) => {
      let isListed = false
      await untilDone('erase', async (running) => {
        if (!isListed) await running.list(service, journeys)
        isListed = true
        await running.removeListed()
      })
    },
    rebuild: (service) => once('rebuild', (running) => running.rebuild(service)),
    seal: () => once('seal', (running) => running.seal()),
    restart: async () => {
      program = undefined
      await untilDone('start', () => Promise.resolve())
    },
    crashes,
  }
}

interface Program {
  write(events: readonly StoredEvent[]): Promise<void>
  list(service: string, journeys: readonly string[]): Promise<void>
  removeListed(): Promise<void>
  rebuild(service: string): Promise<void>
  seal(): Promise<void>
}

interface On {
  readonly stores: Stores
  readonly registry: Registry
  readonly clock: ReturnType<typeof fixedClock>
}

/**
 * Put together as createProcessor() does it. Its n-th statement that writes is its last: few live long, and every other seal is
 * not to end, so that what lies between any two statements of one is met.
 */
async function start({ stores: whole, registry, clock }: On, random: Random): Promise<Program> {
  let last = random.chance(0.3) ? random.whole(1, 20) : random.whole(1, 200)
  const stores = crashing(whole, () => last, random.pick(['before', 'after']))
  const { parts } = await openSealing({ stores, registry, clock })
  const { ownFunnels, revisions, exclusive, sealer, unsealed } = parts
  const erasures = await openErasures(stores)
  const signals = silentSignals
  const lease = soleLease
  const common = { store: stores.writes, stores, lease, ownFunnels, revisions, exclusive, unsealed, clock, signals }
  const patience = { signal: new AbortController().signal, signals, onWaiting: () => undefined }
  const facts = createFactsWriter({
    ...common,
    lateVerdicts: { ask: () => undefined, isGivenUp: () => false },
    trailEventsMax: defaultLimits.trailEventsMax,
  })
  const erasing = createErasing({
    ...common,
    erasures,
    cohorts: { beforeVerdicts: () => Promise.resolve() },
    purging: { settled: () => Promise.resolve(true) },
  })
  const stepNames = createStepNames()
  await erasing.start(patience)
  return {
    write: (all) =>
      exclusive(async () => {
        const events = all.filter(({ service, journey }) => !erasures.has(service, journey))
        if (events.length === 0) return
        await stores.writes.insert('trail', trailColumns, events.map(trailRow))
        const names = stepNames.unseen(events, clock.now())
        if (names.length > 0) await stores.writes.insert('step_names', stepNameColumns, names)
        await facts.write(touchedBy(events), patience)
      }),
    list: (service, journeys) => erasures.add(journeys.map((journey) => ({ service, journey, at: clock.now() }))),
    removeListed: () => erasing.start(patience),
    rebuild: async (service) => {
      const stop = new AbortController()
      // It has a word to say after it has told that it is done.
      const done: ProcessorSignals = { ...signals, rebuilt: () => void setImmediate(() => stop.abort()) }
      const rebuilds = createRebuilds({ ...common, facts, signals: done })
      rebuilds.ask(service)
      await rebuilds.run({ ...patience, signal: stop.signal })
    },
    seal: async () => {
      if (random.chance(0.5)) last = stores.statements() + random.whole(1, random.pick([6, 30]))
      await sealer.seal(patience.signal)
    },
  }
}
