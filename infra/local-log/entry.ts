import { crc32 } from 'node:zlib'

/**
 * How one appended batch stands in a segment: a header of 32 bytes, then the events as text.
 *
 *  0  "WME" and the format's version
 *  4  u32  bytes of the text
 *  8  u32  events in it
 * 12  u32  what stands before this place in the segment was acknowledged before the entry was written
 * 16  f64  when it was appended, ms since 1970
 * 24  u32  CRC-32 of the text
 * 28  u32  CRC-32 of the 28 bytes before, begun with the segment's number, so that a block of another file
 *          that a power cut left here is not taken for an entry
 *
 * Numbers are little-endian.
 */
export const headerBytes = 32
export const formatVersion = 1
const magic = Buffer.from('WME')

/** Writes an entry's header but for what `stampEntry` adds, once it goes to a segment. */
export function writeHeader(at: { buffer: Buffer; offset: number }, textBytes: number, events: number, now: number) {
  const { buffer, offset } = at
  magic.copy(buffer, offset)
  buffer[offset + 3] = formatVersion
  buffer.writeUInt32LE(textBytes, offset + 4)
  buffer.writeUInt32LE(events, offset + 8)
  buffer.writeDoubleLE(now, offset + 16)
  const start = offset + headerBytes
  buffer.writeUInt32LE(crc32(buffer.subarray(start, start + textBytes)), offset + 24)
}

export function stampEntry(at: { buffer: Buffer; offset: number }, acknowledged: number, segment: number): void {
  at.buffer.writeUInt32LE(acknowledged, at.offset + 12)
  at.buffer.writeUInt32LE(headerSum(at.buffer, at.offset, segment), at.offset + 28)
}

function headerSum(buffer: Buffer, offset: number, segment: number): number {
  return crc32(buffer.subarray(offset, offset + 28), segment >>> 0)
}

/** What stands at a place. `end` is where the next thing starts. */
export type Found =
  | {
      readonly kind: 'entry'
      readonly start: number
      readonly end: number
      readonly events: number
      readonly acknowledged: number
      readonly appendedAt: number
    }
  /** `events` it said that it holds, 0 where even that cannot be read. */
  | { readonly kind: 'unreadable'; readonly start: number; readonly end: number; readonly reason: string; readonly events: number } // prettier-ignore
  /** The bytes given end too early: so many are needed. */
  | { readonly kind: 'more'; readonly bytes: number }

/**
 * What stands at `start` of these bytes.
 * @param whole that nothing follows these bytes
 */
export function entryAt(bytes: Buffer, start: number, segment: number, whole: boolean): Found {
  const left = bytes.length - start
  if (left < headerBytes && !whole) return { kind: 'more', bytes: headerBytes }
  if (!isHeader(bytes, start, segment)) return unreadable(bytes, start, segment, whole)
  const textBytes = bytes.readUInt32LE(start + 4)
  const end = start + headerBytes + textBytes
  if (end > bytes.length && !whole) return { kind: 'more', bytes: end - start }
  const events = bytes.readUInt32LE(start + 8)
  const text = bytes.subarray(start + headerBytes, end)
  if (end > bytes.length || crc32(text) !== bytes.readUInt32LE(start + 24))
    return { kind: 'unreadable', start, end: Math.min(end, bytes.length), reason: 'checksum differs', events }
  const version = bytes[start + 3]
  if (version !== formatVersion) return { kind: 'unreadable', start, end, reason: `format version ${version}`, events }
  const acknowledged = bytes.readUInt32LE(start + 12)
  return { kind: 'entry', start, end, events, acknowledged, appendedAt: bytes.readDoubleLE(start + 16) }
}

/** When the entry that starts here was appended; `undefined` when none can be read. Needs its header only. */
export function appendedAt(bytes: Buffer, start: number, segment: number): number | undefined {
  return isHeader(bytes, start, segment) ? bytes.readDoubleLE(start + 16) : undefined
}

function isHeader(bytes: Buffer, offset: number, segment: number): boolean {
  return (
    offset + headerBytes <= bytes.length &&
    magic.compare(bytes, offset, offset + 3) === 0 &&
    headerSum(bytes, offset, segment) === bytes.readUInt32LE(offset + 28)
  )
}

/** No header here: everything up to the next one is unreadable. */
function unreadable(bytes: Buffer, start: number, segment: number, whole: boolean): Found {
  const found = { kind: 'unreadable', start, reason: 'no entry starts here', events: 0 } as const
  for (let at = bytes.indexOf(magic, start + 1); at !== -1; at = bytes.indexOf(magic, at + 1))
    if (isHeader(bytes, at, segment)) return { ...found, end: at }
  // The last bytes may be the beginning of a header.
  return { ...found, end: whole ? bytes.length : Math.max(start + 1, bytes.length - headerBytes + 1) }
}
