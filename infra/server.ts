import { createAdaptorServer } from '@hono/node-server'
import { chmod, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openWaymark, systemClock, type Waymark } from './compose.ts'
import { ConfigError, readConfig, type Config } from './config.ts'
import { originOf } from './origin.ts'
import { exitCodes, type Start } from './program.ts'
import { Releasers } from './releasers.ts'
import { loadSample } from './sample/load.ts'

/** The command line talks to the server of a data directory through this socket in it. */
export const socketName = 'waymark.sock'

/** A stop ends within 10 s; what still holds a connection by then is cut off. */
const stopMsMax = 8_000

/** `npm start`: the one process, until it is told to stop. */
export async function main({ env, stop }: Start): Promise<number> {
  let config: Config
  try {
    config = readConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    return exitCodes.configuration
  }
  const releasers = new Releasers()
  try {
    const waymark = await openWaymark(config)
    releasers.add('waymark', () => waymark.close())
    // Not into the log, which is kept: only who starts it for the first time sees the key, once.
    if (waymark.madeAdminKey !== undefined) process.stderr.write(`admin key (shown once): ${waymark.madeAdminKey}\n`)
    await serve(config, waymark, releasers)
    if (waymark.isNew && config.sample) {
      const events = await loadSample({ ...waymark, clock: systemClock })
      waymark.telemetry.logger.info(
        { events },
        'made-up sample services loaded: npx waymark sample remove takes them away',
      )
    }
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
    waymark.telemetry.logger.info('stopping')
    return exitCodes.clean
  } catch (error) {
    process.stderr.write(`${startFault(error, config)}\n`)
    return error instanceof ConfigError ? exitCodes.configuration : exitCodes.failed
  } finally {
    await releasers.release()
  }
}

/** One line: what went wrong and what to do. */
function startFault(error: unknown, config: Config): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE')
    return `WAYMARK_PORT is ${config.port}: something listens there already; expected a free port on ${config.host}`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `WAYMARK_HOST is ${JSON.stringify(config.host)}: expected an address of this machine`
  if (code === 'EACCES' || code === 'EROFS')
    return `WAYMARK_DATA_DIR is ${JSON.stringify(config.dataDir)} or WAYMARK_PORT is ${config.port}: no permission; expected a directory this user may write and a port it may open`
  const cause =
    error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message.split('\n')[0] ?? ''})` : ''
  return `Waymark could not start: ${error instanceof Error ? error.message : String(error)}${cause}`
}

async function serve(config: Config, waymark: Waymark, releasers: Releasers): Promise<void> {
  const { logger } = waymark.telemetry
  const socketPath = join(config.dataDir, socketName)
  // What is left of a server that was killed; the data directory's lock says that none runs now.
  await rm(socketPath, { force: true })
  const socket = nodeServer((request) => waymark.fetch(request, { trusted: true }))
  await listen(socket, { path: socketPath })
  releasers.add('socket', () => close(socket))
  await chmod(socketPath, 0o600)

  const http = nodeServer((request) => waymark.fetch(request, { trusted: false }))
  await listen(http, { host: config.host, port: config.port })
  releasers.add('http', () => close(http))
  const { port } = http.address() as AddressInfo
  logger.info({ url: originOf(config.host, port), dataDir: config.dataDir }, 'listening')
}

function nodeServer(fetch: (request: Request) => Response | Promise<Response>): Server {
  return createAdaptorServer({ fetch }) as Server
}

function listen(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Takes no more connections, lets requests under way end, and cuts off what is still there near the deadline. */
function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const cut = setTimeout(() => server.closeAllConnections(), stopMsMax / 2)
    server.close((error) => {
      clearTimeout(cut)
      if (error === undefined) resolve()
      else reject(error)
    })
    server.closeIdleConnections()
  })
}
