import { constants, fdatasync, write } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { LogUnavailable } from '../../domain/errors.ts'
import { segmentFile, segmentHeader, segmentHeaderBytes, syncDirectory, unlinkIfThere } from './segment.ts'
import type { Segment } from './segment.ts'

/**
 * On Linux a write to a file that was opened so is on the disk when it returns: one trip through the thread pool
 * where a write and an fdatasync are two. Elsewhere it may stop at the drive's cache (macOS), or not be there.
 */
const durableWrites = process.platform === 'linux'
const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (durableWrites ? constants.O_DSYNC : 0)

/** A segment that is being written, from front to back. */
export class OpenSegment {
  /** Why nothing more is written to it. */
  failed: LogUnavailable | undefined
  /** Where the next bytes go: those up to there are on the disk, or under way. */
  next = 0
  #turn = 0

  /**
   * @param files one and the same, opened as often as writes may be under way at once: the kernel tells a failed
   * write-back once to each that opened it, so through a shared one the first to ask would take the answer
   * that another should have had
   */
  constructor(
    readonly segment: Segment,
    private readonly files: readonly FileHandle[],
  ) {}

  /** Resolves when the bytes are on the disk. Writes may end in another order than they began. */
  write(bytes: Buffer): Promise<void> {
    const file = this.files[this.#turn++ % this.files.length]
    if (file === undefined) throw new Error('the segment has no file')
    const position = this.next
    this.next += bytes.length
    return writeDurably(file.fd, bytes, position)
  }

  async truncate(bytes: number): Promise<void> {
    await this.files[0]?.truncate(bytes)
  }

  async close(): Promise<void> {
    await Promise.all(this.files.map((file) => file.close()))
  }
}

/** Begins a file. It has its header, and outlives a power cut, before anything is written behind it. */
export async function createSegment(
  directory: string,
  number: number,
  before: Segment | undefined,
  writesAtOnce: number,
): Promise<OpenSegment> {
  const path = segmentFile(directory, number)
  const files = [await open(path, flags, 0o600)]
  const segment = { number, file: path, end: segmentHeaderBytes, acknowledged: segmentHeaderBytes, writing: true }
  const opened = new OpenSegment(segment, files)
  try {
    while (files.length < writesAtOnce) files.push(await open(path, flags & ~(constants.O_CREAT | constants.O_EXCL)))
    await opened.write(segmentHeader(number, before))
    await syncDirectory(directory)
    return opened
  } catch (error) {
    await opened.close()
    await unlinkIfThere(path)
    throw error
  }
}

/** The kernel may take less than it was given, most of all when the disk is nearly full. */
function writeDurably(fd: number, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (error: Error | null): void => (error === null ? resolve() : reject(error))
    const writeFrom = (start: number): void =>
      write(fd, bytes, start, bytes.length - start, position + start, (error, written) => {
        if (error !== null) reject(error)
        else if (start + written < bytes.length) writeFrom(start + written)
        else if (durableWrites) resolve()
        else fdatasync(fd, ended)
      })
    writeFrom(0)
  })
}
