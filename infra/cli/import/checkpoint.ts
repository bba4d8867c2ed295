import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { createHash } from 'node:crypto'

/** How far an import came: kept beside the file, so that the same command goes on where it stopped. */
export interface Checkpoint {
  /** Records that need not be sent again. */
  readonly done: number
  keep(done: number): Promise<void>
  /** The import is complete. */
  remove(): Promise<void>
}

/**
 * @param identity what must be the same for the records to be the same: file size and time, and the options
 */
export async function openCheckpoint(file: string, identity: readonly unknown[]): Promise<Checkpoint> {
  const path = `${file}.waymark-import`
  const of = createHash('sha256').update(JSON.stringify(identity)).digest('hex')
  return {
    done: await doneBefore(path, of),
    keep: async (done) => {
      let handle: FileHandle
      try {
        handle = await open(`${path}.new`, 'w')
      } catch (error) {
        // A folder that cannot be written only costs the going on: a repeated import is harmless.
        if (error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EROFS')) return
        throw error
      }
      await handle.writeFile(JSON.stringify({ of, done }))
      await handle.close()
      await rename(`${path}.new`, path)
    },
    remove: () => rm(path, { force: true }),
  }
}

async function doneBefore(path: string, of: string): Promise<number> {
  try {
    const kept = JSON.parse(await readFile(path, 'utf8')) as { of?: unknown; done?: unknown }
    return kept.of === of && typeof kept.done === 'number' ? kept.done : 0
  } catch {
    return 0
  }
}
