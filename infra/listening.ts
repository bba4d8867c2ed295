import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from './config.ts'
import { originOf } from './origin.ts'

/** A stop ends within 10 s: after so long, what still holds a connection is cut off. */
const connectionMsMax = 3_000

export function nodeServer(fetch: (request: Request) => Response | Promise<Response>): Server {
  return createAdaptorServer({ fetch }) as Server
}

export function listen(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Takes no more connections, lets requests under way end, and cuts off what is still there near the deadline. */
export function close(server: Server): Promise<void> {
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

/** Where a server listens, as a person would type it. */
export function addressOf(server: Server, { host }: Pick<Config, 'host'>): string {
  return originOf(host, (server.address() as AddressInfo).port)
}
