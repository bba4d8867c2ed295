import { randomBytes } from 'node:crypto'
import { open, readdir, type FileHandle } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { WaymarkError } from '../../domain/errors.ts'
import { unlinkIfThere } from './segment.ts'

/** Another process, or this one, has the directory open. */
export class LogLocked extends WaymarkError {
  readonly code = 'log-locked'
  readonly retriable = false
}

/** Longer names of sockets do not fit the kernel's address. */
const socketPathCharsMax = 100

/**
 * One opener a directory. Whoever opens it listens on a socket of its own in it, then looks for others: one
 * that answers is alive, one that does not was left by a process that is gone. The kernel ends the listening
 * with the process, so `kill -9` leaves no lock, and it works across containers that share the volume, where
 * process ids do not. Two that open at the same moment see each other and may both be refused, never both admitted.
 * @returns releases it
 * @throws {LogLocked}
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const name = `lock-${randomBytes(6).toString('hex')}.sock`
  const reach = await socketDirectory(directory)
  try {
    const server = await listen(join(reach.path, name))
    for (const other of await readdir(directory)) {
      if (other === name || !/^lock-[0-9a-f]{12}\.sock$/.test(other)) continue
      if (await answers(join(reach.path, other))) {
        await closed(server)
        throw new LogLocked(
          `another process has the event log in ${directory} open: stop it, or give this one another data directory`,
        )
      }
      await unlinkIfThere(join(directory, other))
    }
    return async () => {
      await closed(server)
      await reach.handle?.close()
    }
  } catch (error) {
    await reach.handle?.close()
    throw error
  }
}

/** A way to the directory that is short enough: through its handle, where the path itself is too long. */
async function socketDirectory(directory: string): Promise<{ path: string; handle?: FileHandle }> {
  if (Buffer.byteLength(directory) <= socketPathCharsMax - 'lock-0123456789ab.sock'.length) return { path: directory }
  if (process.platform !== 'linux')
    throw new LogLocked(`the path of the data directory is too long for a socket: ${directory}`)
  const handle = await open(directory, 'r')
  return { path: `/proc/self/fd/${handle.fd}`, handle }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen({ path }, () => resolve(server))
    // It keeps the directory, not the process.
    server.unref()
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      // Busy is alive.
      else if (error.code === 'EAGAIN') resolve(true)
      else reject(error)
    })
  })
}
