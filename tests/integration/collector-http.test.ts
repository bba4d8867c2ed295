import { createAdaptorServer } from '@hono/node-server'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bodyOf, openCollector, step, type Bench } from '../support/collector.ts'

/** What only a real connection shows: bodies that lie, break off, never end, or are refused before they are read. */

let bench: Bench
let server: Server
let port: number

beforeAll(async () => {
  bench = await openCollector()
  server = createAdaptorServer({ fetch: (request: Request) => bench.app.fetch(request, {}) }) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Sends bytes as they are, and gives what comes back until the server closes or `enough` is there. */
async function raw(parts: readonly string[], enough: RegExp): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  const done = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (enough.test(answer)) resolve()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })
  await once(socket, 'connect')
  for (const part of parts) socket.write(part)
  await done
  socket.destroy()
  return answer
}

const head = (more: string): string =>
  `POST /v1/events HTTP/1.1\r\nHost: waymark.example\r\nContent-Type: application/json\r\n${more}\r\n`
const good = JSON.stringify(bodyOf([step()]))

describe('over a connection', () => {
  it('stores what comes in one piece, in many, and in chunks', async () => {
    expect(await raw([head(`Content-Length: ${good.length}\r\n`) + good], /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 204 /)
    expect(await raw([head(`Content-Length: ${good.length}\r\n`), ...good], /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 204 /)
    const chunks = [...good].map((character) => `1\r\n${character}\r\n`)
    expect(await raw([head('Transfer-Encoding: chunked\r\n'), ...chunks, '0\r\n\r\n'], /\r\n\r\n/)).toMatch(
      /^HTTP\/1\.1 204 /,
    )
    expect(bench.stored()).toHaveLength(3)
  })

  it('takes the next request of the same connection after each answer', async () => {
    const one = head(`Content-Length: ${good.length}\r\n`) + good
    const bad = head('Content-Length: 2\r\n') + '{}'
    const answer = await raw([one + bad + one], /(HTTP\/1\.1 [\s\S]*){3}\r\n\r\n/)
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 204', 'HTTP/1.1 400', 'HTTP/1.1 204'])
    expect(bench.stored()).toHaveLength(2)
  })

  it('refuses by the announced length, before the body', async () => {
    expect(await raw([head('Content-Length: 262145\r\n')], /too-large/)).toMatch(/^HTTP\/1\.1 413 /)
    expect(await raw([head('Content-Length: 99999999999999999999\r\n')], /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 4/)
  })

  it('stops reading chunks that do not end', async () => {
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    expect(
      await raw([head('Transfer-Encoding: chunked\r\n'), ...Array.from({ length: 5 }, () => chunk)], /too-large/),
    ).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('gives the whole problem to a sender who writes a megabyte first', async () => {
    const body = good.padEnd(1_000_000)
    const answer = await fetch(`http://127.0.0.1:${port}/v1/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([413, 'too-large'])
  })

  it('stores nothing of a body that breaks off, and goes on', async () => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(head(`Content-Length: ${good.length}\r\n`) + good.slice(0, -5))
    socket.destroy()
    await once(socket, 'close')
    expect(await raw([head(`Content-Length: ${good.length}\r\n`) + good], /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 204 /)
    expect(bench.stored()).toHaveLength(1)
    expect(bench.signals.said.filter((said) => said.startsWith('failed'))).toEqual([])
  })

  it('shows the pixel to a plain request', async () => {
    const request =
      'GET /v1/pixel.gif?service=fishing&journey=j&step=start HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    expect(await raw([request], /GIF89a[\s\S]*;/)).toMatch(/^HTTP\/1\.1 200 [\s\S]*content-type: image\/gif/i)
    expect(bench.stored()).toHaveLength(1)
  })
})
