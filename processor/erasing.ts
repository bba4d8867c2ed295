import { QueryTooLarge, StoreRefused, StoreUnavailable } from '../domain/errors.ts'
import type { Erasure, Erasures } from '../domain/ports/erasures.ts'
import type { LogBatch } from '../domain/ports/event-log.ts'
import type { Lease } from '../domain/ports/lease.ts'
import { param, sql } from '../domain/sql.ts'
import type { Exclusive } from './exclusive.ts'
import type { Purging } from './purging.ts'
import { removeJourneys, settleRemovals, type RemovalParts, type Removed } from './removal.ts'
import { pause, untilDone, type Patience } from './retry.ts'
import type { SetAside } from './set-aside.ts'
import type { ProcessorSignals } from './signals.ts'
import { createWaking } from './waking.ts'

/**
 * Erasures of journeys: the list of them is durable first (domain/ports/erasures.ts), and is asked for every event
 * of a batch from then on. Then what there is of the journeys is removed, between two batches, so that no
 * batch that was read before can bring anything back. Those that are asked for at the same time are removed
 * together.
 *
 * Every start removes again whatever there is of a journey in the list: after a crash, and after a restore of an
 * older backup.
 */
export interface Erasing {
  /** Removes what there is of every journey in the list. Before anything else is done. */
  start(patience: Patience): Promise<void>
  /**
   * Resolves when no answer shows the journeys, which are in the list already.
   * @throws {StoreUnavailable} the processor stops, or the store refuses: they are removed later, at the next start
   *   at the latest
   */
  erase(erasures: readonly Pick<Erasure, 'service' | 'journey'>[]): Promise<void>
  /** Works on what was asked for until aborted. */
  run(patience: Patience): Promise<void>
}

export interface ErasingParts extends RemovalParts {
  readonly lease: Pick<Lease, 'held' | 'check'>
  readonly erasures: Erasures
  readonly exclusive: Exclusive
  readonly purging: Pick<Purging, 'settled'>
  readonly signals: ProcessorSignals
}

/** Journeys of one statement. */
const journeysMax = 1_000
/** How long what the store refused is left alone. */
const refusedMs = 60_000

interface Asked {
  readonly service: string
  readonly journey: bigint
  readonly done: (error?: Error) => void
}

export function createErasing(parts: ErasingParts): Erasing {
  const { lease, erasures, exclusive, purging, signals } = parts
  const asked: Asked[] = []
  const waking = createWaking()
  let stopped = false

  const remove = async (journeys: readonly Pick<Asked, 'service' | 'journey'>[], patience: Patience) => {
    const count = await untilDone('erasure', patience, () => removeJourneys(parts, byService(journeys), 'erased'))
    if (count > 0) signals.removed('erased', count)
  }

  /** Whoever asked is told, and need not ask again. */
  function putOff(some: readonly Asked[], cause: unknown): void {
    for (const { done } of some)
      done(new StoreUnavailable('the erasure is listed, and removed later', { cause, retryAfterSeconds: 60 }))
    asked.push(...some.map((one) => ({ ...one, done: () => undefined })))
  }

  async function removeSome(some: readonly Asked[], patience: Patience): Promise<void> {
    try {
      // A deletion waits for the purge of the parts that it is about: here, rather than with all batches behind it.
      if (!(await purging.settled(patience.signal))) return putOff(some, new Error('a purge is under way'))
      await exclusive(() => remove(some, patience))
      await lease.check()
      for (const { done } of some) done()
    } catch (error) {
      putOff(some, error)
      if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
      signals.retrying('erasure', error, refusedMs)
      await pause(refusedMs, patience.signal)
    }
  }

  return {
    async start(patience) {
      await untilDone('start', patience, () => settleRemovals(parts))
      await untilDone('start', patience, () => erasures.refresh())
      if (erasures.size() === 0) return
      for (;;) {
        const some = await untilDone('start', patience, () => heldAndErased(parts))
        if (some.length === 0) return
        await exclusive(() => remove(some, patience))
      }
    },

    erase: (journeys) =>
      new Promise((resolve, reject) => {
        if (journeys.length === 0) return resolve()
        if (stopped) return reject(new StoreUnavailable('the processor has stopped', { retryAfterSeconds: 5 }))
        asked.push(...askedOf(journeys, resolve, reject))
        waking.wake()
      }),

    async run(patience) {
      try {
        while (!patience.signal.aborted) {
          const some = asked.splice(0, journeysMax)
          if (some.length > 0) await removeSome(some, patience)
          else await waking.wait(patience.signal)
        }
      } finally {
        stopped = true
        for (const { done } of asked.splice(0))
          done(new StoreUnavailable('the processor stops', { retryAfterSeconds: 5 }))
      }
    },
  }
}

/** The first that fails says so; the last that is done says that all are. */
function askedOf(
  journeys: readonly Pick<Erasure, 'service' | 'journey'>[],
  resolve: () => void,
  reject: (error: Error) => void,
): readonly Asked[] {
  let left = journeys.length
  const done = (error?: Error) => {
    if (error !== undefined) reject(error)
    else if (--left === 0) resolve()
  }
  return journeys.map(({ service, journey }) => ({ service, journey: BigInt(`0x${journey}`), done }))
}

/**
 * The batch without events of erased journeys, which are counted.
 * @returns services: of these events; they are nowhere but in the log, whose bytes have to go as others do
 */
export function withoutErased(
  batch: LogBatch,
  erasures: Erasures,
  signals: ProcessorSignals,
): { readonly batch: LogBatch; readonly services: readonly string[] } {
  if (erasures.size() === 0) return { batch, services: [] }
  const services = new Set<string>()
  const events = batch.events.filter(({ service, journey }) => {
    if (!erasures.has(service, journey)) return true
    services.add(service)
    return false
  })
  if (services.size === 0) return { batch, services: [] }
  signals.erasedEvents(batch.events.length - events.length)
  return { batch: { ...batch, events }, services: [...services] }
}

/** Entries that say nothing of a journey that was erased meanwhile. */
export function asideWithoutErased(entries: readonly SetAside[], erasures: Erasures): readonly SetAside[] {
  return entries.filter(({ bytes }) => {
    const { service, journey } = JSON.parse(bytes) as { service: string; journey: string }
    return !erasures.has(service, journey)
  })
}

function byService(journeys: readonly Pick<Asked, 'service' | 'journey'>[]): readonly Removed[] {
  const services = new Map<string, Set<bigint>>()
  for (const { service, journey } of journeys) {
    const some = services.get(service)
    if (some === undefined) services.set(service, new Set([journey]))
    else some.add(journey)
  }
  return Array.from(services, ([service, some]) => ({ service, journeys: [...some] }))
}

/**
 * Journeys in the list of which there is something.
 *
 * Reads   erasures; of trail and facts the keys of these journeys; set_aside.
 * Cost    a look-up for each erasure, once a start.
 */
async function heldAndErased({ stores }: ErasingParts): Promise<readonly Pick<Asked, 'service' | 'journey'>[]> {
  const rows = await stores.writes.select<{ service: string; journey: string }>(sql`
    SELECT DISTINCT service, journey FROM (
      SELECT service, journey FROM trail WHERE (service, journey) IN (SELECT service, journey FROM erasures)
      UNION ALL
      SELECT service, journey FROM facts WHERE (service, journey) IN (SELECT service, journey FROM erasures)
      UNION ALL
      SELECT service, journey FROM erasures WHERE leftPad(lower(hex(journey)), 16, '0') IN (
        SELECT arrayJoin(extractAll(if(startsWith(bytes, 'base64:'), tryBase64Decode(substring(bytes, 8)), bytes), '[0-9a-f]{16}'))
        FROM set_aside)
    ) LIMIT ${param('UInt32', journeysMax)}`)
  return rows.map(({ service, journey }) => ({ service, journey: BigInt(journey) }))
}
