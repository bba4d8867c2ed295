import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Refused } from './send.ts'

/** What became of the records so far. */
export interface Progressed {
  /** Records that need not be sent again. */
  readonly records: number
  readonly accepted: number
  readonly refused: number
  /** The first of the refused, as they are told at the end. */
  readonly told: readonly Refused[]
}

/** How far an import came: kept beside the file, so that the same command goes on where it stopped. */
export interface Checkpoint {
  readonly before: Progressed
  keep(now: Progressed): Promise<void>
  /** The import is complete. */
  remove(): Promise<void>
}

export const nothingYet: Progressed = { records: 0, accepted: 0, refused: 0, told: [] }

/**
 * @param identity what must be the same for the records to be the same and where they are: file size and time, the options, the data
 */
export async function openCheckpoint(file: string, identity: readonly unknown[]): Promise<Checkpoint> {
  const path = `${file}.waymark-import`
  const of = createHash('sha256').update(JSON.stringify(identity)).digest('hex')
  return {
    before: await keptBefore(path, of),
    keep: async (now) => {
      let handle: FileHandle
      try {
        handle = await open(`${path}.new`, 'w')
      } catch (error) {
        // A folder that cannot be written only costs the going on: a repeated import is harmless.
        if (error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EROFS')) return
        throw error
      }
      await handle.writeFile(JSON.stringify({ of, ...now }))
      await handle.close()
      await rename(`${path}.new`, path)
    },
    remove: () => rm(path, { force: true }),
  }
}

const kept = z.object({
  of: z.string(),
  records: z.int().min(0),
  accepted: z.int().min(0),
  refused: z.int().min(0),
  told: z.array(z.object({ line: z.int(), code: z.string(), detail: z.string() })),
})

/** A checkpoint of another file, of other data or of none is no checkpoint. */
async function keptBefore(path: string, of: string): Promise<Progressed> {
  try {
    const found = kept.parse(JSON.parse(await readFile(path, 'utf8')))
    return found.of === of ? found : nothingYet
  } catch {
    return nothingYet
  }
}
