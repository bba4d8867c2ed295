import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { syncDirectory } from '../local-log/segment.ts'

/**
 * How often all directories are fsynced whether or not something was inserted: several times within
 * `old_parts_lifetime` (migrations.ts), so that a merged part has its name on the disk before those it was merged
 * from are deleted.
 */
const intervalMs = 10_000

/** Makes durable what the engine in process leaves to the file system: the names of parts and of tables. */
export interface DurableNames {
  /** The parts that a statement has made, and the tables, are there after a power cut. */
  after(statement: string): Promise<void>
  close(): void
}

/**
 * The engine (26.7) fsyncs the files of a part and the part's own directory, but not the directory in which it
 * then gives the part its name, so an INSERT that was answered could be gone after a power cut (ClickHouse pull
 * request 111861 mends it); nor any directory of a table that it creates. Here it is done after every statement that
 * writes, before that is answered.
 * @param directory of the data
 */
export function durableNames(directory: string): DurableNames {
  const everything = async (): Promise<void> => {
    const found = await directoriesIn(directory, 3)
    await Promise.all([dirname(resolve(directory)), directory, ...found].map(syncIfThere))
  }
  // What fails here fails again at the next write, where somebody is told.
  const timer = setInterval(() => void everything().catch(() => undefined), intervalMs)
  timer.unref()
  return {
    async after(statement) {
      const table = /^\s*INSERT\s+INTO\s+(\w+)/i.exec(statement)?.[1]
      // A link to where the table keeps its parts; a table that keeps none has no link.
      const known = table !== undefined && (await syncIfThere(join(directory, 'data', 'default', table)))
      if (!known) await everything()
    },
    close: () => clearInterval(timer),
  }
}

/** Below this one, to a depth: `store/abc/abcdef…` holds the parts of a table; what is in a part, the engine fsyncs. */
async function directoriesIn(directory: string, depth: number): Promise<string[]> {
  if (depth === 0) return []
  const entries = (await ifThere(readdir(directory, { withFileTypes: true }))) ?? []
  const here = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name))
  const below = await Promise.all(here.map((path) => directoriesIn(path, depth - 1)))
  return [...here, ...below.flat()]
}

/** @returns whether there is such a directory */
async function syncIfThere(path: string): Promise<boolean> {
  return (await ifThere(syncDirectory(path).then(() => true))) ?? false
}

/** `undefined` for what is gone: a table may be dropped meanwhile. */
async function ifThere<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
