import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Whole } from './whole.ts'

/** The whole process on a port of its own, for clients that want one. */
export async function serve(
  { waymark }: Whole,
  facts: { readonly trusted: boolean },
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const listener = getRequestListener((request) => waymark.fetch(request, facts))
  const server = createServer((request, response) => void listener(request, response))
  return listening(server)
}

/** On a free port of this machine; `close` breaks what is connected. */
export async function listening(server: Server): Promise<{ readonly url: string; close(): Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
