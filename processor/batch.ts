import { QueryTooLarge, StoreRefused } from '../domain/errors.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { LogBatch, Unreadable } from '../domain/ports/event-log.ts'
import type { Stores } from '../domain/ports/store.ts'
import type { StoredEvent } from '../domain/stored-event.ts'
import { bisect, reasonOf, setAsideColumns, withRoomForOne, type SetAside } from './set-aside.ts'
import type { ProcessorSignals } from './signals.ts'
import { stepNameColumns, type StepNames } from './step-names.ts'
import { touchedBy, type Arrived } from './touched.ts'
import { trailColumns, trailRow } from './trail-rows.ts'
import type { Cohorts } from './cohorts.ts'
import type { FactsWriter } from './facts-writer.ts'
import { untilDone, type Patience } from './retry.ts'

export interface AsideParts {
  readonly stores: Stores
  readonly clock: Clock
  readonly signals: ProcessorSignals
  /** Told how many entries were put aside for good. */
  readonly onSetAside: (entries: number) => void
}

export interface BatchParts extends AsideParts {
  readonly facts: FactsWriter
  readonly stepNames: StepNames
  readonly cohorts: Cohorts
}

/**
 * Puts a batch into every answer. Each step may run again from its beginning, alone or with all before it,
 * and changes nothing then: a crash between any two of them heals when the log hands the batch out again.
 *
 * The order matters: facts are read after the trail is durable, and the log forgets after facts are visible.
 */
export async function processBatch(batch: LogBatch, parts: BatchParts, patience: Patience): Promise<void> {
  const { clock, signals } = parts
  const begun = clock.now()
  const stored = await putTrail(batch, parts, patience)
  const trailed = clock.now()
  const touched = touchedBy(stored)
  await markCohorts(touched, parts, patience)
  await parts.facts.write(touched, patience)
  const done = clock.now()
  await putStepNames(stored, parts, patience)
  signals.processed({
    events: batch.events.length,
    journeys: touched.reduce((sum, { journeys }) => sum + journeys.length, 0),
    services: touched.length,
    trailSeconds: secondsBetween(begun, trailed),
    factsSeconds: secondsBetween(trailed, done),
    seconds: secondsBetween(begun, clock.now()),
  })
}

/** None when the clock was set back meanwhile. */
const secondsBetween = (from: number, to: number): number => Math.max(0, to - from) / 1000

/** @returns the events that are in the trail now; the others are set aside */
async function putTrail(batch: LogBatch, parts: BatchParts, patience: Patience): Promise<readonly StoredEvent[]> {
  const aside: SetAside[] = batch.unreadable.map(unreadable)
  const events: StoredEvent[] = []
  const rows: (readonly unknown[])[] = []
  for (const event of batch.events) {
    try {
      rows.push(trailRow(event))
      events.push(event)
    } catch (error) {
      aside.push({ reason: reasonOf(error), bytes: JSON.stringify(event) })
    }
  }
  const order = rows.map((_, index) => index)
  const refused = await untilDone('trail', patience, () =>
    bisect(order, (some) =>
      withRoomForOne(some, () =>
        parts.stores.writes.insert(
          'trail',
          trailColumns,
          some.length === rows.length ? rows : some.flatMap((index) => [rows[index] ?? []]),
        ),
      ),
    ),
  )
  for (const { item, error } of refused) aside.push({ reason: reasonOf(error), bytes: JSON.stringify(events[item]) })
  await putAside(aside, parts, patience)
  if (refused.length === 0) return events
  const bad = new Set(refused.map(({ item }) => item))
  return events.filter((_, index) => !bad.has(index))
}

/** Journeys with which this takes too long revise nothing here: they are judged late, and revise then. */
async function markCohorts(touched: readonly Arrived[], parts: BatchParts, patience: Patience): Promise<void> {
  try {
    await untilDone('cohorts', patience, () => parts.cohorts.beforeFacts(touched))
  } catch (error) {
    if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
  }
}

export async function putAside(entries: readonly SetAside[], parts: AsideParts, patience: Patience): Promise<void> {
  if (entries.length === 0) return
  const rows = entries.map(({ reason, bytes }) => [parts.clock.now(), reason, bytes.slice(0, asideCharsMax)])
  await untilDone('set aside', patience, () => parts.stores.writes.insert('set_aside', setAsideColumns, rows))
  parts.onSetAside(entries.length)
  for (const { reason } of entries) parts.signals.setAside(1, reason)
}

async function putStepNames(events: readonly StoredEvent[], parts: BatchParts, patience: Patience): Promise<void> {
  const rows = parts.stepNames.unseen(events, parts.clock.now())
  if (rows.length === 0) return
  await untilDone('step names', patience, () => parts.stores.writes.insert('step_names', stepNameColumns, rows))
  parts.stepNames.written(rows)
}

const asideCharsMax = 64 * 1024

/** As text where it is text, so that a person can read it; else in base64. */
function unreadable({ bytes, reason }: Unreadable): SetAside {
  try {
    return { reason, bytes: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { reason, bytes: `base64:${Buffer.from(bytes).toString('base64')}` }
  }
}
