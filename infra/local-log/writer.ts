import { open, type FileHandle } from 'node:fs/promises'
import { LogFull, LogUnavailable } from '../../domain/errors.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { headerBytes, stampEntry, writeHeader } from './entry.ts'
import { encodeEvents } from './events.ts'
import { segmentFile, segmentHeader, segmentHeaderBytes, syncDirectory, unlinkIfThere, writeBytes } from './segment.ts'
import type { Segment } from './segment.ts'
import type { LogState } from './state.ts'

/** Bytes that wait for an fsync: they are in memory. */
const unsyncedBytesMax = 64 * 1024 * 1024
/** A buffer that one large group made larger than this is not kept. */
const keptBufferBytes = 4 * 1024 * 1024
const retryAfterSeconds = 5

/** Appends that share one write and one fsync. */
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
 * Writes to the end of the log. While one group is being written and fsynced, the appends that come form the
 * next; so the slower the disk, the more share an fsync, and nobody waits for a timer.
 */
export class Writer {
  private filling = emptyGroup()
  private spare: Buffer<ArrayBuffer> | undefined
  private running: Promise<void> | undefined
  private inFlight = 0
  private inFlightBytes = 0
  private current: { segment: Segment; file: FileHandle } | undefined
  private nextNumber: number
  private closing = false

  constructor(
    private readonly state: LogState,
    private readonly clock: Clock,
    private readonly options: WriterOptions,
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
      this.running ??= new Promise((done) => setImmediate(() => done(this.run())))
    })
  }

  /** Takes no more, waits for what is under way. */
  async close(): Promise<void> {
    this.closing = true
    await this.running
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

  private async run(): Promise<void> {
    while (this.filling.entries.length > 0) {
      const group = this.filling
      this.filling = emptyGroup(this.spare)
      this.spare = undefined
      let failure: LogUnavailable | undefined
      try {
        await this.commit(group)
      } catch (error) {
        await this.abandon()
        failure = unavailable(error)
      }
      this.inFlight -= group.waiters.length
      this.inFlightBytes -= group.length
      for (const waiter of group.waiters)
        if (failure === undefined) waiter.resolve()
        else waiter.reject(failure)
      if (group.buffer.length <= keptBufferBytes) this.spare = group.buffer
    }
    this.running = undefined
  }

  private async commit(group: Group): Promise<void> {
    const fresh = await this.openSegment()
    const { segment, file } = this.current ?? unopened()
    for (const offset of group.entries) stampEntry({ buffer: group.buffer, offset }, segment.end, segment.number)
    if (fresh !== undefined) await writeBytes(file, fresh, 0)
    await writeBytes(file, group.buffer.subarray(0, group.length), segment.end)
    await file.datasync()
    if (fresh !== undefined) await syncDirectory(this.state.directory)
    segment.end += group.length
    segment.acknowledged = segment.end
    this.state.events += group.events
    this.state.bytes += group.length
    this.state.oldestAt ??= group.appendedAt
    this.state.wake()
  }

  /** @returns the header to write with the first group, when a new segment had to be begun */
  private async openSegment(): Promise<Buffer | undefined> {
    if (this.current !== undefined && this.current.segment.end < this.options.segmentBytes) return undefined
    const before = this.state.segments.at(-1)
    await this.closeSegment()
    const number = this.nextNumber++
    const path = segmentFile(this.state.directory, number)
    const file = await open(path, 'wx', 0o600)
    const segment = { number, file: path, end: segmentHeaderBytes, acknowledged: segmentHeaderBytes, writing: true }
    this.state.segments.push(segment)
    this.current = { segment, file }
    return segmentHeader(number, before)
  }

  private async closeSegment(): Promise<void> {
    if (this.current === undefined) return
    const { segment, file } = this.current
    this.current = undefined
    segment.writing = false
    await file.close()
  }

  /**
   * After a failure nothing more is written to this segment: what an fsync that failed has left in the page
   * cache may never reach the disk, though the next fsync succeeds (LWN 752063). The next append begins a new
   * one, so the log works again by itself as soon as the disk does.
   */
  private async abandon(): Promise<void> {
    // A segment that is forgotten already may hold the very space that is missing.
    this.state.wake()
    if (this.current === undefined) return
    const { segment, file } = this.current
    this.current = undefined
    segment.writing = false
    try {
      if (segment.end > segmentHeaderBytes) await file.truncate(segment.end)
    } catch {
      // The next segment says where this one ends, so what stands behind does no harm.
    }
    try {
      await file.close()
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
