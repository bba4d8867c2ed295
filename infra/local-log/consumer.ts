import type { LogBatch } from '../../domain/ports/event-log.ts'
import type { Cursor } from './cursor.ts'
import { Reader, type ReadBatch } from './reader.ts'
import { unlinkIfThere } from './segment.ts'
import type { LogState } from './state.ts'

/** Between one refusal of a batch and the next try. */
const pauseMsMin = 50
const pauseMsMax = 5_000

/** Hands over the log from its head, and forgets what was taken. */
export class Consumer {
  private running: Promise<void> | undefined
  private readonly reader: Reader
  private readonly closing = new AbortController()

  constructor(
    private readonly state: LogState,
    private readonly cursor: Cursor,
  ) {
    this.reader = new Reader(state)
  }

  async consume(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal, eventsMax: number): Promise<void> {
    if (this.running !== undefined) throw new Error('the local event log has one consumer at a time')
    this.running = this.run(handle, AbortSignal.any([signal, this.closing.signal]), eventsMax)
    try {
      await this.running
    } finally {
      this.running = undefined
    }
  }

  /** Ends the consumer, after the batch that it has in hand. */
  async close(): Promise<void> {
    this.closing.abort()
    await this.running?.catch(() => undefined)
  }

  private async run(handle: (batch: LogBatch) => Promise<void>, signal: AbortSignal, eventsMax: number): Promise<void> {
    let ahead: Promise<ReadBatch | undefined> | undefined
    const stop = (): void => this.state.wake()
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        const batch = (await ahead) ?? (await this.read(eventsMax, signal))
        ahead = undefined
        if (batch === undefined) {
          await this.release()
          await this.more(signal)
          continue
        }
        // Read the next while this one is handled, when a whole one waits.
        if (this.state.events - batch.countedEvents >= eventsMax) {
          ahead = this.reader.read(batch.next, eventsMax).catch(() => undefined)
        }
        if (!(await this.handled(batch, handle, signal))) return
        await this.forget(batch)
      }
    } finally {
      signal.removeEventListener('abort', stop)
      await ahead
    }
  }

  /** Until it can: what is short, such as open files, may come back, and nothing is lost by waiting. */
  private async read(eventsMax: number, signal: AbortSignal): Promise<ReadBatch | undefined> {
    for (let pauseMs = pauseMsMin; !signal.aborted; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      try {
        return await this.reader.read(this.state.head, eventsMax)
      } catch {
        await pause(pauseMs, signal)
      }
    }
    return undefined
  }

  /** Until the handler takes it, or the consumer is to stop. */
  private async handled(
    batch: ReadBatch,
    handle: (batch: LogBatch) => Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { events, unreadable, appendedAt = this.state.oldestAt ?? 0 } = batch
    // Only bytes that were never acknowledged.
    if (events.length === 0 && unreadable.length === 0) return true
    for (let pauseMs = pauseMsMin; !signal.aborted; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      try {
        await handle({ events, unreadable, appendedAt })
        return true
      } catch {
        // The handler has said why where it failed; what the log does about it is to come again.
        await pause(pauseMs, signal)
      }
    }
    return false
  }

  private async forget(batch: ReadBatch): Promise<void> {
    const { state } = this
    const drained = this.isEnd(batch)
    state.head = batch.next
    state.events = drained ? 0 : state.events - batch.countedEvents
    state.bytes = drained ? 0 : state.bytes - batch.bytes
    state.oldestAt = drained ? null : state.oldestAt
    // When it cannot be written, events come again after a restart, no more.
    await this.cursor.write(batch.next).catch(() => undefined)
    await this.release()
    if (!drained) state.oldestAt = (await this.reader.appendedAt(batch.next).catch(() => undefined)) ?? state.oldestAt
  }

  /** Deletes the segments that are forgotten whole, but for the one that is written to. */
  private async release(): Promise<void> {
    const { segments, head } = this.state
    for (let first = segments[0]; first !== undefined && !first.writing; first = segments[0]) {
      if (first.number > head.segment || (first.number === head.segment && first.end > head.offset)) return
      try {
        // The number of the newest must not be used again: the cursor keeps it.
        if (segments.length === 1) await this.cursor.sync()
        await unlinkIfThere(first.file)
      } catch {
        // It stays until the next time.
        return
      }
      segments.splice(segments.indexOf(first), 1)
    }
  }

  private isEnd({ next }: ReadBatch): boolean {
    return this.state.segments.every(
      ({ number, end }) => number < next.segment || (number === next.segment && end <= next.offset),
    )
  }

  /** Until there is something to read, or the consumer is to stop. */
  private async more(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.state.wake = resolve
      if (signal.aborted || this.state.bytes > 0) resolve()
    })
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve()
    }
    const timer = setTimeout(stop, ms)
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
  })
}
