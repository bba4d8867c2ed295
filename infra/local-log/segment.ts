import { open, readdir, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/**
 * The log is a row of files, each written from front to back and deleted whole. A file starts with 32 bytes:
 *
 *  0  "WMS" and the format's version
 *  8  f64  number of the segment before it
 * 16  f64  where the fsynced part of that one ends: what stands behind was never acknowledged
 * 24  u32  CRC-32 of the 24 bytes before, begun with this segment's number
 */
export const segmentHeaderBytes = 32
const magic = Buffer.from('WMS\x01')

/** One file, as far as the process knows it. */
export interface Segment {
  readonly number: number
  readonly file: string
  /** Where the entries end that may be handed over. */
  end: number
  /** What stands before this was acknowledged: if it cannot be read, that is said. */
  acknowledged: number
  /** The writer may still write to it. */
  writing: boolean
}

/** Numbers are never used again, so a cursor that a power cut left behind cannot name another file. */
export function segmentFile(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(16, '0')}.log`)
}

/** Of the segments in the directory, oldest first. */
export async function segmentNumbers(directory: string): Promise<number[]> {
  const names = await readdir(directory)
  return names
    .filter((name) => /^\d{16}\.log$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b)
}

export function segmentHeader(number: number, before: Segment | undefined): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes)
  magic.copy(header)
  header.writeDoubleLE(before?.number ?? 0, 8)
  header.writeDoubleLE(before?.end ?? 0, 16)
  header.writeUInt32LE(crc32(header.subarray(0, 24), number >>> 0), 24)
  return header
}

/** What a segment says of the one before it; `undefined` when its header cannot be read. */
export function readSegmentHeader(bytes: Buffer, number: number): { number: number; end: number } | undefined {
  if (bytes.length < segmentHeaderBytes || magic.compare(bytes, 0, 4) !== 0) return undefined
  if (crc32(bytes.subarray(0, 24), number >>> 0) !== bytes.readUInt32LE(24)) return undefined
  return { number: bytes.readDoubleLE(8), end: bytes.readDoubleLE(16) }
}

const blockBytes = 4096

/** As much of an open file as reading takes. */
export interface ReadableFile {
  read(into: Buffer, at: number, length: number, position: number): Promise<{ bytesRead: number }>
}

/** Bytes of a file from `position`: fewer than asked for where it ends, and zeros where the disk cannot read them. */
export async function readBytes(file: ReadableFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const bytesRead = await readOrZeros(file, buffer, filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

async function readOrZeros(file: ReadableFile, into: Buffer, at: number, position: number): Promise<number> {
  try {
    return (await file.read(into, at, into.length - at, position)).bytesRead
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) throw error
    // To the end of the block: what stands behind may be sound.
    const toBlock = Math.min(into.length - at, blockBytes - (position % blockBytes))
    try {
      return (await file.read(into, at, toBlock, position)).bytesRead
    } catch {
      into.fill(0, at, at + toBlock)
      return toBlock
    }
  }
}

/** The kernel may take less than it was given, most of all when the disk is nearly full. */
export async function writeBytes(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
}

/** A new file outlives a power cut only when its directory is fsynced too. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
