import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { exitCodes, type Start } from '../../../infra/program.ts'
import type { Fault } from './faults.ts'
import { startFront, type Front, type FrontOptions } from './front.ts'

/**
 * The front as a program of its own: `npm run chdb-http-front`, or with options of its own in JSON. Says in one line
 * of JSON where it listens and where it is steered, and ends by SIGTERM.
 */
export async function main({ args, stop }: Start): Promise<number> {
  const [given] = args
  const front = await startFront(given === undefined ? toTry() : (JSON.parse(given) as FrontOptions))
  const control = createServer((request, response) => {
    void text(request)
      .then((body) => steer(front, request.url ?? '', body))
      .then(
        (said) => response.end(JSON.stringify(said)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  })
  control.listen(0, '127.0.0.1')
  await once(control, 'listening')
  const { port } = control.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ url: front.url, control: `http://127.0.0.1:${port}` })}\n`)
  await Promise.race([stop.aborted ? undefined : once(stop, 'abort'), orphaned()])
  control.closeAllConnections()
  control.close()
  await front.close()
  return exitCodes.clean
}

/** In the place of a server, for whoever tries the programs apart without one. */
function toTry(): FrontOptions {
  const path = join('data', 'chdb-http-front')
  mkdirSync(path, { recursive: true })
  return { path, port: 8123, statementsMax: 12 }
}

/** When whoever started it is gone without having said so: nothing is left running. */
function orphaned(): Promise<void> {
  const parent = process.ppid
  return new Promise((resolve) => {
    setInterval(() => process.ppid !== parent && resolve(), 1_000).unref()
  })
}

async function steer(front: Front, path: string, body: string): Promise<unknown> {
  switch (path) {
    case '/faults':
      for (const fault of JSON.parse(body) as Fault[]) front.faults.add(fault)
      return null
    case '/clear':
      front.faults.clear()
      return null
    case '/away':
      await front.away()
      return null
    case '/back':
      await front.back()
      return null
    case '/done':
      return front.faults.done().length
    case '/ran': {
      const like = new RegExp(JSON.parse(body) as string)
      return front.statements.filter((statement) => like.test(statement)).length
    }
    case '/state':
      return { done: front.faults.done(), statements: front.statements }
    default:
      throw new Error(`no ${path}`)
  }
}
