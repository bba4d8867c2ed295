import { createAdaptorServer } from '@hono/node-server'
import { existsSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openWaymark, systemClock, type Waymark } from './compose.ts'
import { readConfig, type Config } from './config.ts'
import { ConfigError } from './config-error.ts'
import { originOf } from './origin.ts'
import { errorLine, exitCodes, type Start } from './program.ts'
import { Releasers } from './releasers.ts'
import { loadSample } from './sample/load.ts'

/** The command line talks to the server of a data directory through this socket in it. */
export const socketName = 'waymark.sock'

/** A stop ends within 10 s: after so long, what still holds a connection is cut off. */
const connectionMsMax = 3_000

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
    const waymark = await openWaymark(config, tellAdminKey)
    releasers.add('waymark', () => waymark.close())
    const { logger } = waymark.telemetry
    await serve(config, waymark, releasers)
    const events = await loadSampleOnce(config, waymark, stop)
    if (events > 0) logger.info({ events }, 'made-up sample services loaded: npx waymark sample remove takes them away')
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
    logger.info('stopping')
    return exitCodes.clean
  } catch (error) {
    const fault = settingFault(error, config)
    process.stderr.write(`${fault ?? `Waymark could not start: ${errorLine(error)}`}\n`)
    return fault === undefined ? exitCodes.failed : exitCodes.configuration
  } finally {
    await releasers.release()
  }
}

/** Not into the log, which is kept: only who starts it for the first time sees the key, once. */
export function tellAdminKey(adminKey: string): void {
  process.stderr.write(`admin key (shown once): ${adminKey}\n`)
}

/**
 * On a data directory that has no real service yet, and only once: the marker is written when all of it is in, so a
 * start that was cut short is made good by the next.
 * @returns events loaded
 */
async function loadSampleOnce(config: Config, waymark: Waymark, stop: AbortSignal): Promise<number> {
  const marker = join(config.dataDir, 'sample')
  if (existsSync(marker)) return 0
  const wanted = config.sample && (await waymark.registry.services()).every(({ sample }) => sample)
  const events = wanted ? await loadSample({ ...waymark, clock: systemClock, stop }) : 0
  if (!stop.aborted) await writeFile(marker, wanted ? 'loaded\n' : 'not wanted\n', { mode: 0o600 })
  return events
}

/** A setting that turned out to be unusable, in one line; undefined when it is something else. */
function settingFault(error: unknown, config: Config): string | undefined {
  if (error instanceof ConfigError) return error.message
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE')
    return `WAYMARK_PORT is ${config.port}: something listens there already; expected a free port on ${config.host}`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `WAYMARK_HOST is ${JSON.stringify(config.host)}: expected an address of this machine`
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST')
    return `WAYMARK_DATA_DIR is ${JSON.stringify(config.dataDir)} or WAYMARK_PORT is ${config.port}: no permission; expected a directory this user may write and a port it may open`
  return undefined
}

async function serve(config: Config, waymark: Waymark, releasers: Releasers): Promise<void> {
  const { logger } = waymark.telemetry
  const socketPath = join(config.dataDir, socketName)
  // What is left of a server that was killed; the data directory's lock says that none runs now.
  await rm(socketPath, { force: true })
  const socket = nodeServer((request) => waymark.fetch(request, { trusted: true }))
  await listen(socket, { path: socketPath })
  const servers = [socket]
  // Together: each may have to wait for a slow client.
  releasers.add('servers', async () => {
    await Promise.all(servers.map(close))
  })
  await chmod(socketPath, 0o600)

  const http = nodeServer((request) => waymark.fetch(request, { trusted: false }))
  await listen(http, { host: config.host, port: config.port })
  servers.push(http)
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
    const cut = setTimeout(() => server.closeAllConnections(), connectionMsMax)
    server.close((error) => {
      clearTimeout(cut)
      if (error === undefined) resolve()
      else reject(error)
    })
    server.closeIdleConnections()
  })
}
