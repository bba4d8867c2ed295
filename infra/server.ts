import { existsSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openWaymark, systemClock, type Waymark } from './compose.ts'
import { readConfig, type Config } from './config.ts'
import { addressOf, close, listen, nodeServer } from './listening.ts'
import { untilStopped, type Start } from './program.ts'
import type { Releasers } from './releasers.ts'
import { loadSample } from './sample/load.ts'

/** The command line talks to the server of a data directory through this socket in it. */
export const socketName = 'waymark.sock'

/** `npm start`: the one process, until it is told to stop. */
export function main({ env, stop }: Start): Promise<number> {
  return untilStopped(
    () => readConfig(env),
    stop,
    async (config, releasers) => {
      const waymark = await openWaymark(config, tellAdminKey)
      releasers.add('waymark', () => waymark.close())
      const { logger } = waymark.telemetry
      await serve(config, waymark, releasers)
      const events = await loadSampleOnce(config, waymark, stop)
      if (events > 0)
        logger.info({ events }, 'made-up sample services loaded: npx waymark sample remove takes them away')
      return logger
    },
  )
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
  logger.info({ url: addressOf(http, config), dataDir: config.dataDir }, 'listening')
}
