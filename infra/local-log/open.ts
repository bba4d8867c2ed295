import { NothingKept } from '../../domain/errors.ts'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { EventLog, LogBatch, LogPending } from '../../domain/ports/event-log.ts'
import { Consumer } from './consumer.ts'
import { openCursor } from './cursor.ts'
import { lockDirectory } from './lock.ts'
import { scan } from './scan.ts'
import { syncDirectory, unlinkIfThere } from './segment.ts'
import type { LogState } from './state.ts'
import { Writer } from './writer.ts'

const segmentBytesMax = 32 * 1024 * 1024
const segmentBytesMin = 64 * 1024

export interface LocalLogOptions {
  /** Made when it is not there; nothing else may be in it. */
  readonly directory: string
  readonly limits: Pick<Limits, 'logBytesMax' | 'appendsInFlightMax'>
  readonly clock?: Clock
}

/**
 * The event log as files of this machine: each append is fsynced before it resolves, many sharing one fsync.
 * Takes as long as reading what is pending: it is checked, and counted.
 * @throws {LogLocked} when another process has it open
 */
export async function openLocalLog(options: LocalLogOptions): Promise<EventLog> {
  const { limits, clock = { now: () => Date.now() } } = options
  const directory = resolve(options.directory)
  await makeDirectory(directory)
  const unlock = await lockDirectory(directory)
  try {
    const cursor = await openCursor(directory)
    const found = await scan(directory, cursor.position)
    // The number of the newest must not be used again: before it goes, the cursor that is past it is on the disk.
    await cursor.sync()
    for (const path of found.forgotten) await unlinkIfThere(path)
    await syncDirectory(directory)
    const state: LogState = { directory, ...found, wake: () => undefined }
    const writer = new Writer(state, clock, {
      ...limits,
      segmentBytes: Math.min(segmentBytesMax, Math.max(segmentBytesMin, Math.floor(limits.logBytesMax / 8))),
      firstNumber: found.nextNumber,
    })
    const consumer = new Consumer(state, cursor)
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      await writer.close()
      await consumer.close()
      await cursor.close()
      await unlock()
    }
    const pending = (): LogPending => ({ events: state.events, bytes: state.bytes, oldestAt: state.oldestAt })
    return {
      append: (batch) => writer.append(batch),
      consume: (handle: (batch: LogBatch) => Promise<void>, signal, eventsMax) =>
        consumer.consume(handle, signal, eventsMax),
      pending,
      lag: () => Promise.resolve(pending()),
      roll: () => writer.roll(),
      replay: () => Promise.reject(new NothingKept('the local log keeps nothing that was handled')),
      problem: () => null,
      close: () => (closing ??= close()),
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

/** So that the directory itself, and those above it that had to be made, outlive a power cut. */
async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const above = dirname(resolve(first))
  for (let path = directory; path !== above && path !== dirname(path); path = dirname(path))
    await syncDirectory(dirname(path))
}
