import { LogFull, LogUnavailable } from '../../domain/errors.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { headerBytes, stampEntry, writeHeader } from './entry.ts'
import { encodeEvents } from '../event-text.ts'
import { createSegment, type OpenSegment } from './open-segment.ts'
import { segmentHeaderBytes, unlinkIfThere } from './segment.ts'
import type { LogState } from './state.ts'

/**
 * Groups that are written at once: while the disk has some, the event loop fills the next. Four made groups
 * smaller, and nothing faster (ADR 4).
 */
const groupsUnderWayMax = 3
/** Bytes that wait for the disk: they are in memory. */
const unsyncedBytesMax = 64 * 1024 * 1024
/** A buffer that one large group made larger than this is not kept. */
const keptBufferBytes = 4 * 1024 * 1024
const retryAfterSeconds = 5

/** Appends that share one durable write. */
interface Group {
  buffer: Buffer<ArrayBuffer>
  length: number
  /** Where its entries start in the buffer. */
  readonly entries: number[]
  events: number
  appendedAt: number
  readonly waiters: { resolve: () => void; reject: (error: Error) => void }[]
}

export interface WriterOptions {
  readonly logBytesMax: number
  readonly appendsInFlightMax: number
  readonly segmentBytes: number
  readonly firstNumber: number
}

/**
 * Writes to the end of the log. While groups are on their way to the disk, the appends that come form the next;
 * so the slower the disk, the more share a write, and nobody waits for a timer. A group is acknowledged when it
 * and all before it are on the disk.
 */
export class Writer {
  private filling = emptyGroup()
  private readonly spares: Buffer<ArrayBuffer>[] = []
  private dispatching: Promise<void> | undefined
  /** Oldest first: each resolves, never rejects, when its group is answered. */
  private readonly underWay: Promise<void>[] = []
  private inFlight = 0
  private inFlightBytes = 0
  private current: OpenSegment | undefined
  private nextNumber: number
  private closing = false
  /** The segment that is written to has come to its end, however short it is. */
  private rolling = false

  constructor(
    private readonly state: LogState,
    private readonly clock: Clock,
    private readonly options: WriterOptions,
    private readonly create: typeof createSegment = createSegment,
  ) {
    this.nextNumber = options.firstNumber
  }

  append(batch: readonly StoredEvent[]): Promise<void> {
    if (this.closing) return Promise.reject(new LogUnavailable('the event log is closing', { retryAfterSeconds }))
    if (batch.length === 0) return Promise.resolve()
    if (this.inFlight >= this.options.appendsInFlightMax)
      return Promise.reject(new LogFull('too many requests wait for the disk', { retryAfterSeconds: 1 }))
    const group = this.filling
    const start = group.length
    this.encode(group, batch)
    const bytes = group.length - start
    if (this.state.bytes + this.inFlightBytes + bytes > this.options.logBytesMax) {
      group.length = start
      return Promise.reject(new LogFull('the event log holds as much as it may', { retryAfterSeconds }))
    }
    if (this.inFlightBytes > 0 && this.inFlightBytes + bytes > unsyncedBytesMax) {
      group.length = start
      return Promise.reject(new LogFull('too many bytes wait for the disk', { retryAfterSeconds: 1 }))
    }
    group.entries.push(start)
    group.events += batch.length
    this.inFlight += 1
    this.inFlightBytes += bytes
    return new Promise((resolve, reject) => {
      group.waiters.push({ resolve, reject })
      // After this turn, so that requests that came in together share the first group too.
      this.dispatching ??= new Promise((done) => setImmediate(() => done(this.dispatch())))
    })
  }

  /** Ends the segment that is written to, so that its file can go once it is forgotten. */
  async roll(): Promise<void> {
    const open = this.current
    if (open === undefined || this.closing) return
    this.rolling = true
    // What is sent to the disk from here on begins the next one; what is under way goes to this one.
    while (this.current === open && (this.dispatching !== undefined || this.underWay.length > 0)) {
      await Promise.all(this.underWay)
      await this.dispatching
    }
    // One that cannot be closed is closed to us: the process lets go of it at its end.
    if (this.current === open) await this.closeSegment().catch(() => undefined)
    this.state.wake()
  }

  /** Takes no more, waits for what is under way. */
  async close(): Promise<void> {
    this.closing = true
    await this.dispatching
    await Promise.all(this.underWay)
    await this.closeSegment()
  }

  private encode(group: Group, batch: readonly StoredEvent[]): void {
    const text = encodeEvents(batch)
    const offset = group.length
    const start = offset + headerBytes
    // A UTF-16 unit takes at most three bytes.
    reserve(group, start + text.length * 3)
    const written = group.buffer.write(text, start)
    const now = this.clock.now()
    if (group.entries.length === 0) group.appendedAt = now
    writeHeader({ buffer: group.buffer, offset }, written, batch.length, now)
    group.length = start + written
  }

  /** Sends what has been filled to the disk, as far as it may go there yet. */
  private async dispatch(): Promise<void> {
    while (this.filling.entries.length > 0) {
      const oldest = this.underWay[0]
      // A new segment says where the one before it ends, which must have come to its end for that.
      if (oldest !== undefined && (this.underWay.length >= groupsUnderWayMax || !this.hasRoom())) {
        await oldest
        continue
      }
      try {
        if (!this.hasRoom()) await this.beginSegment()
      } catch (error) {
        // A segment that is forgotten already may hold the very space that is missing.
        this.state.wake()
        this.answer(this.take(), unavailable(error))
        continue
      }
      this.underWay.push(this.commit(this.take(), this.current ?? unopened()))
    }
    this.dispatching = undefined
  }

  private hasRoom(): boolean {
    return (
      this.current !== undefined &&
      !this.rolling &&
      !this.current.failed &&
      this.current.next < this.options.segmentBytes
    )
  }

  private take(): Group {
    const group = this.filling
    this.filling = emptyGroup(this.spares.pop())
    return group
  }

  private async commit(group: Group, open: OpenSegment): Promise<void> {
    const { segment } = open
    for (const offset of group.entries) stampEntry({ buffer: group.buffer, offset }, segment.end, segment.number)
    const before = this.underWay.at(-1)
    let failure: unknown
    try {
      await open.write(group.buffer.subarray(0, group.length))
    } catch (error) {
      failure = error
    }
    await before
    // A gap before it would end the segment for whoever reads it.
    if (failure !== undefined) open.failed ??= unavailable(failure)
    if (open.failed === undefined) this.keep(group, open)
    // The last that was on its way to it.
    else if (this.underWay.length === 1) await this.abandon(open)
    void this.underWay.shift()
    this.answer(group, open.failed)
  }

  private keep(group: Group, { segment }: OpenSegment): void {
    segment.end += group.length
    segment.acknowledged = segment.end
    this.state.events += group.events
    this.state.bytes += group.length
    this.state.oldestAt ??= group.appendedAt
    this.state.wake()
  }

  private answer(group: Group, failure: LogUnavailable | undefined): void {
    this.inFlight -= group.waiters.length
    this.inFlightBytes -= group.length
    for (const waiter of group.waiters)
      if (failure === undefined) waiter.resolve()
      else waiter.reject(failure)
    if (group.buffer.length <= keptBufferBytes && this.spares.length < groupsUnderWayMax) this.spares.push(group.buffer)
  }

  private async beginSegment(): Promise<void> {
    this.rolling = false
    const before = this.state.segments.at(-1)
    await this.closeSegment()
    this.current = await this.create(this.state.directory, this.nextNumber++, before, groupsUnderWayMax)
    this.state.segments.push(this.current.segment)
  }

  private async closeSegment(): Promise<void> {
    const open = this.current
    this.current = undefined
    if (open === undefined) return
    this.rolling = false
    open.segment.writing = false
    await open.close()
  }

  /**
   * After a failure nothing more is written to this segment: what a sync that failed has left in the page
   * cache may never reach the disk, though the next sync succeeds (LWN 752063). The next append begins a new
   * one, so the log works again by itself as soon as the disk does.
   */
  private async abandon(open: OpenSegment): Promise<void> {
    // A segment that is forgotten already may hold the very space that is missing.
    this.state.wake()
    const { segment } = open
    this.current = undefined
    segment.writing = false
    try {
      if (segment.end > segmentHeaderBytes) await open.truncate(segment.end)
    } catch {
      // The next segment says where this one ends, so what stands behind does no harm.
    }
    try {
      await open.close()
      if (segment.end <= segmentHeaderBytes) await unlinkIfThere(segment.file)
    } catch {
      // It holds nothing, and goes when the log is opened next.
    }
    if (segment.end <= segmentHeaderBytes) this.state.segments.splice(this.state.segments.indexOf(segment), 1)
  }
}

function unopened(): never {
  throw new Error('no segment is open')
}

function emptyGroup(buffer = Buffer.allocUnsafeSlow(256 * 1024)): Group {
  return { buffer, length: 0, entries: [], events: 0, appendedAt: 0, waiters: [] }
}

function reserve(group: Group, bytes: number): void {
  if (bytes <= group.buffer.length) return
  const larger = Buffer.allocUnsafeSlow(Math.max(bytes, group.buffer.length * 2))
  group.buffer.copy(larger, 0, 0, group.length)
  group.buffer = larger
}

/** The one place where an error of the file system becomes one of ours. */
function unavailable(error: unknown): LogUnavailable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const what = code === 'ENOSPC' || code === 'EDQUOT' ? 'the disk is full' : 'the disk does not take the events'
  return new LogUnavailable(what, { cause: error, retryAfterSeconds })
}
