import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { readBytes, writeBytes } from './segment.ts'
import type { Position } from './state.ts'

/**
 * What was forgotten, in a file of two slots written in turn: u32 CRC-32 of the rest, then as f64 the write's
 * number, the segment and the offset. It is not fsynced: after a power cut an older one stands, and the events
 * since then come again. Written in place, so that it needs no space on a full disk.
 */
const slotBytes = 512
const usedBytes = 28

export interface Cursor {
  readonly position: Position
  write(position: Position): Promise<void>
  /** After this not even a power cut takes back what was written. */
  sync(): Promise<void>
  close(): Promise<void>
}

export async function openCursor(directory: string): Promise<Cursor> {
  const file = await openOrCreate(join(directory, 'cursor'))
  const slots = await readBytes(file, 0, 2 * slotBytes)
  // Space for both slots is taken now.
  if (slots.length < 2 * slotBytes) {
    await writeBytes(file, Buffer.concat([slots, Buffer.alloc(2 * slotBytes - slots.length)]), 0)
    await file.datasync()
  }
  let { written, position } = newest([readSlot(slots, 0), readSlot(slots, slotBytes)])
  return {
    get position() {
      return position
    },
    async write(to) {
      written += 1
      position = to
      const slot = Buffer.alloc(slotBytes)
      slot.writeDoubleLE(written, 4)
      slot.writeDoubleLE(to.segment, 12)
      slot.writeDoubleLE(to.offset, 20)
      slot.writeUInt32LE(crc32(slot.subarray(4, usedBytes)), 0)
      await writeBytes(file, slot, (written % 2) * slotBytes)
    },
    sync: () => file.datasync(),
    close: () => file.close(),
  }
}

async function openOrCreate(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    return await open(path, 'wx+', 0o600)
  }
}

interface Slot {
  readonly written: number
  readonly position: Position
}

function readSlot(slots: Buffer, at: number): Slot | undefined {
  if (slots.length < at + usedBytes) return undefined
  if (crc32(slots.subarray(at + 4, at + usedBytes)) !== slots.readUInt32LE(at)) return undefined
  return {
    written: slots.readDoubleLE(at + 4),
    position: { segment: slots.readDoubleLE(at + 12), offset: slots.readDoubleLE(at + 20) },
  }
}

function newest(slots: readonly (Slot | undefined)[]): Slot {
  let found: Slot = { written: 0, position: { segment: 0, offset: 0 } }
  for (const slot of slots) if (slot !== undefined && slot.written > found.written) found = slot
  return found
}
