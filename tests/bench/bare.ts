import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { Start } from '../../infra/program.ts'

/** The limit that the collector is held against: a Hono route that parses the same body and does nothing else. */
export function main({ stop }: Start): Promise<number> {
  const app = new Hono()
  app.post('/v1/events', async (c) => {
    await c.req.json()
    return c.body(null, 204)
  })
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
      process.stdout.write(`${JSON.stringify({ msg: 'listening', url: `http://127.0.0.1:${port}` })}\n`)
    })
    stop.addEventListener('abort', () => {
      server.close()
      resolve(0)
    })
  })
}
