import { existsSync } from 'node:fs'
import { serve } from '@hono/node-server'
import { chromium, type Browser } from 'playwright-core'

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

/** Tests that need one are skipped by name where it is missing; with CI=true a skip fails the run. */
export const hasBrowser = existsSync(executablePath)

/** Names that lead to this machine as a name in the world's directory would. */
export const farName = 'waymark.test'

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--host-resolver-rules=MAP *.test 127.0.0.1`,
    ],
  })
}

export interface Served {
  readonly port: number
  close(): Promise<void>
}

/** Serves an app on a free port of this machine. */
export function serveLocally(fetch: (request: Request) => Response | Promise<Response>): Promise<Served> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve({
        port,
        close: () =>
          new Promise((closed, failed) => {
            server.close((error) => (error === undefined ? closed() : failed(error)))
            if ('closeAllConnections' in server) server.closeAllConnections()
          }),
      }),
    )
    server.on('error', reject)
  })
}
