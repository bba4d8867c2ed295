import { open } from 'node:fs/promises'
import { entriesOf } from './reader.ts'
import { readBytes, readSegmentHeader, segmentFile, segmentHeaderBytes, segmentNumbers } from './segment.ts'
import type { Segment } from './segment.ts'
import type { Position } from './state.ts'

/** What a directory holds, as far as it is not forgotten. */
export interface Scan {
  readonly segments: Segment[]
  readonly head: Position
  readonly events: number
  readonly bytes: number
  readonly oldestAt: number | null
  /** Greater than any number ever used. */
  readonly nextNumber: number
  /** Whole segments that were forgotten. */
  readonly forgotten: string[]
}

/**
 * Finds where each segment ends, and counts. What stands behind the last entry that can be read was being
 * written when the process or the power ended: it was never acknowledged. So were unreadable bytes that stand
 * behind what the last entries say was acknowledged before them; those before that are handed over as unreadable.
 */
export async function scan(directory: string, cursor: Position): Promise<Scan> {
  const numbers = await segmentNumbers(directory)
  const nextNumber = Math.max(cursor.segment, numbers.at(-1) ?? 0) + 1
  const kept = numbers.filter((number) => number >= cursor.segment)
  const forgotten = numbers.filter((number) => !kept.includes(number)).map((number) => segmentFile(directory, number))
  const said = new Map<number, number>()
  const segments: Segment[] = []
  let events = 0
  let bytes = 0
  let oldestAt: number | null = null
  // From the newest back: each says where the one before it ends.
  for (const number of kept.reverse()) {
    const from = number === cursor.segment ? Math.max(cursor.offset, segmentHeaderBytes) : segmentHeaderBytes
    const read = await scanSegment(segmentFile(directory, number), number, from, said.get(number))
    if (read.before !== undefined) said.set(read.before.number, read.before.end)
    events += read.events
    bytes += Math.max(0, read.segment.end - from)
    oldestAt = read.oldestAt ?? oldestAt
    segments.unshift(read.segment)
  }
  return { segments, head: cursor, events, bytes, oldestAt, nextNumber, forgotten }
}

async function scanSegment(path: string, number: number, from: number, said: number | undefined) {
  const file = await open(path, 'r')
  try {
    const before = readSegmentHeader(await readBytes(file, 0, segmentHeaderBytes), number)
    const size = (await file.stat()).size
    const segment: Segment = {
      number,
      file: path,
      end: said ?? from,
      acknowledged: said ?? segmentHeaderBytes,
      writing: false,
    }
    let events = 0
    let oldestAt: number | null = null
    const unreadable: { start: number; events: number }[] = []
    for await (const { found, position } of entriesOf(file, segment, from, said ?? size)) {
      if (found.kind === 'unreadable') {
        unreadable.push({ start: position + found.start, events: found.events })
        continue
      }
      events += found.events
      oldestAt = Math.min(oldestAt ?? found.appendedAt, found.appendedAt)
      if (said !== undefined) continue
      segment.end = position + found.end
      segment.acknowledged = Math.max(segment.acknowledged, found.acknowledged)
    }
    for (const lost of unreadable) if (lost.start < segment.acknowledged) events += lost.events
    return { segment, before, events, oldestAt }
  } finally {
    await file.close()
  }
}
