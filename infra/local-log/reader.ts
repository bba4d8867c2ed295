import { open, type FileHandle } from 'node:fs/promises'
import type { Unreadable } from '../../domain/ports/event-log.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { appendedAt, entryAt, headerBytes, type Found } from './entry.ts'
import { decodeLine } from '../event-text.ts'
import { readBytes, segmentHeaderBytes, type Segment } from './segment.ts'
import type { LogState, Position } from './state.ts'

/** Bytes read at once. */
const windowBytes = 1024 * 1024
/** Unreadable bytes that one batch hands over; the rest comes with the next. */
const unreadableBytesMax = 8 * 1024 * 1024

/** A batch, and what forgetting it means. */
export interface ReadBatch {
  readonly events: StoredEvent[]
  readonly unreadable: Unreadable[]
  appendedAt: number | undefined
  next: Position
  /** Events that were counted as pending when these entries were appended. */
  countedEvents: number
  bytes: number
}

/** Walks over a segment's entries, a window at a time. */
export async function* entriesOf(
  file: FileHandle,
  segment: { readonly number: number },
  from: number,
  to: number,
): AsyncGenerator<{ found: Exclude<Found, { kind: 'more' }>; bytes: Buffer; position: number }> {
  let position = from
  let size = windowBytes
  while (position < to) {
    const bytes = await readBytes(file, position, Math.min(size, to - position))
    // A file that is shorter than it was ends here.
    const whole = position + bytes.length >= to || bytes.length < Math.min(size, to - position)
    if (bytes.length === 0) return
    let at = 0
    size = windowBytes
    while (at < bytes.length) {
      const found = entryAt(bytes, at, segment.number, whole)
      if (found.kind === 'more') {
        size = Math.max(windowBytes, found.bytes)
        break
      }
      yield { found, bytes, position }
      at = found.end
    }
    position += at
  }
}

/** Reads batches from the log, oldest first, without taking anything away. */
export class Reader {
  constructor(private readonly state: LogState) {}

  /** The batch at this place; `undefined` when nothing stands there yet. */
  async read(from: Position, eventsMax: number): Promise<ReadBatch | undefined> {
    const batch: ReadBatch = {
      events: [],
      unreadable: [],
      appendedAt: undefined,
      next: from,
      countedEvents: 0,
      bytes: 0,
    }
    for (const segment of [...this.state.segments]) {
      if (segment.number < from.segment) continue
      const offset = segment.number === from.segment ? from.offset : segmentHeaderBytes
      if (offset >= segment.end) continue
      if (!(await this.readSegment(batch, segment, offset, eventsMax))) break
    }
    return batch.bytes === 0 ? undefined : batch
  }

  /** When the entry at this place was appended, if one can be read there. */
  async appendedAt(position: Position): Promise<number | undefined> {
    const segment = this.state.segments.find(
      ({ number, end }) => number >= position.segment && end > (number === position.segment ? position.offset : 0),
    )
    if (segment === undefined) return undefined
    const offset = segment.number === position.segment ? position.offset : segmentHeaderBytes
    const file = await open(segment.file, 'r')
    try {
      return appendedAt(await readBytes(file, offset, headerBytes), 0, segment.number)
    } finally {
      await file.close()
    }
  }

  /** @returns whether the batch can take more */
  private async readSegment(batch: ReadBatch, segment: Segment, offset: number, eventsMax: number): Promise<boolean> {
    const to = segment.end
    const file = await openIfThere(segment.file)
    if (file === undefined) {
      setAside(batch, new Uint8Array(), `${to - offset} bytes are gone with their file`)
      batch.bytes += to - offset
      batch.next = { segment: segment.number, offset: to }
      return true
    }
    let reached = offset
    try {
      for await (const { found, bytes, position } of entriesOf(file, segment, offset, to)) {
        if (found.kind === 'entry') {
          if (batch.countedEvents > 0 && batch.countedEvents + found.events > eventsMax) return false
          await decode(batch, bytes, found)
        } else if (position + found.start < segment.acknowledged) {
          batch.countedEvents += found.events
          setAside(batch, bytes.subarray(found.start, found.end), found.reason)
        }
        batch.bytes += found.end - found.start
        reached = position + found.end
        batch.next = { segment: segment.number, offset: reached }
        if (batch.countedEvents >= eventsMax || unreadableBytes(batch) > unreadableBytesMax) return false
      }
    } finally {
      await file.close()
    }
    // The file is shorter than what was fsynced: the rest is lost, and that is said too.
    if (reached < to) {
      setAside(batch, new Uint8Array(), `${to - reached} bytes are missing`)
      batch.bytes += to - reached
      batch.next = { segment: segment.number, offset: to }
    }
    return true
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function decode(batch: ReadBatch, bytes: Buffer, found: Extract<Found, { kind: 'entry' }>): Promise<void> {
  const text = bytes.subarray(found.start + headerBytes, found.end)
  const events: StoredEvent[] = []
  try {
    const lines = text.toString('utf8').split('\n')
    for (const [index, line] of lines.entries()) {
      // A large entry, or many small ones, must not hold up everybody else.
      if (
        index > 0 ||
        Math.floor(batch.countedEvents / 1000) !== Math.floor((batch.countedEvents + found.events) / 1000)
      )
        await new Promise((resolve) => setImmediate(resolve))
      for (const event of decodeLine(line)) events.push(event)
    }
    for (const event of events) batch.events.push(event)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no events'
    setAside(batch, bytes.subarray(found.start, found.end), `cannot be decoded: ${why}`)
  }
  batch.countedEvents += found.events
  batch.appendedAt = Math.min(batch.appendedAt ?? found.appendedAt, found.appendedAt)
}

function setAside(batch: ReadBatch, bytes: Uint8Array, reason: string): void {
  // A copy: the window they stand in is large.
  batch.unreadable.push({ bytes: Uint8Array.from(bytes), reason })
}

function unreadableBytes(batch: ReadBatch): number {
  return batch.unreadable.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
