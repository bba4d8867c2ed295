import { randomBytes, randomUUID } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { keyHash } from './hash.ts'
import { syncDirectory } from './local-log/segment.ts'

/** What only this installation knows: kept in the data directory unless the environment gives it. */
export interface Secrets {
  /** Keys the hash of journey references and the sessions of the pages. */
  readonly secret: string
  /** SHA-256 of the admin key. */
  readonly adminKeyHash: Buffer
  /** Tells this data directory from others; it is no secret. */
  readonly holder: string
}

/**
 * @param given from the environment; nothing of it is written
 * @param show is told an admin key that was made, before its hash is kept: a start that is killed in between makes
 *   another, and none is ever in force that nobody has seen
 */
export async function openSecrets(
  directory: string,
  given: { secret: string | undefined; adminKey: string | undefined },
  show: (adminKey: string) => void,
): Promise<Secrets> {
  const secret = given.secret ?? (await readOrMake(join(directory, 'secret'), () => randomBytes(32).toString('hex')))
  const holder = await readOrMake(join(directory, 'holder'), () => randomUUID())
  if (given.adminKey !== undefined) return { secret, adminKeyHash: keyHash(given.adminKey), holder }

  const hash = await readOrMake(join(directory, 'admin-key.sha256'), () => {
    const made = `wma_${randomBytes(24).toString('base64url')}`
    show(made)
    return keyHash(made).toString('hex')
  })
  return { secret, adminKeyHash: Buffer.from(hash, 'hex'), holder }
}

/** Written whole or not at all, and durable before anything is keyed with it. */
async function readOrMake(path: string, make: () => string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const value = make()
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(`${value}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncDirectory(dirname(path))
  return value
}
