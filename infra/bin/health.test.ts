import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { root } from './build.js'

const servers: Server[] = []
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(async (server) => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }),
  )
})

/** A program whose /healthz has this status, or that never answers. @returns its port */
async function serve(status: number | 'never'): Promise<number> {
  const server = createServer((request, response) => {
    if (status === 'never') return
    response.writeHead(request.url === '/healthz' ? status : 404).end('{}')
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** As a container's health check does, with a shell nowhere. */
async function health(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [join(root, 'infra/bin/health.js')], { env })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, said }
}

it('is well while /healthz answers', async () => {
  const port = String(await serve(200))
  expect(await health({ WAYMARK_PORT: port })).toEqual({ code: 0, said: '' })
  // A program that listens everywhere, as in a container.
  expect(await health({ WAYMARK_PORT: port, WAYMARK_HOST: '0.0.0.0' })).toEqual({ code: 0, said: '' })
})

it('says what it met when nothing does', async () => {
  const [ill, silent] = [String(await serve(503)), String(await serve('never'))]
  expect(await health({ WAYMARK_PORT: ill })).toEqual({ code: 1, said: `http://127.0.0.1:${ill}/healthz: 503\n` })
  const { code, said } = await health({ WAYMARK_PORT: silent })
  expect([code, said]).toEqual([1, expect.stringContaining(`http://127.0.0.1:${silent}/healthz: `)])
  // Nothing listens on port 9.
  expect((await health({ WAYMARK_PORT: '9' })).code).toBe(1)
})

it('without a port asks where each program listens by default', async () => {
  const { said } = await health({ WAYMARK_HOST: '127.0.0.254' })
  for (const port of [8080, 8081, 8082]) expect(said).toContain(`http://127.0.0.254:${port}/healthz: `)
})
