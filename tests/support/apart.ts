import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../infra/bin/build.js'
import type { ApartName } from '../../infra/config.ts'
import { startChild, type Child } from './child.ts'
import { listening } from './served.ts'
import { adminSecret } from './server.ts'

/** A program apart, as `npm run NAME` runs it. */
export interface ProgramChild extends Child {
  readonly name: ApartName
  readonly url: string
  readonly dataDir: string
}

export interface Apart {
  /** A reverse proxy before all of them, as docs/operations.md has it. */
  readonly url: string
  readonly programs: readonly ProgramChild[]
  /** Those that live. */
  of(name: ApartName): readonly ProgramChild[]
  /** One more; resolves when it is ready, but for a processor that stands by when it does that. */
  start(name: ApartName, settings?: Readonly<Record<string, string>>): Promise<ProgramChild>
  /** Resolves when it is gone. */
  end(program: ProgramChild, signal?: NodeJS.Signals): Promise<Awaited<Child['ended']>>
  /** Resolves with the processor that works. */
  active(): Promise<ProgramChild>
  close(): Promise<void>
}

export const apartSecret = 'the-same-secret-for-all-of-them'

/** The programs apart on a Kafka and a ClickHouse; `close` takes them and their data directories away. */
export async function startApart(
  settings: Readonly<Record<string, string>>,
  names: readonly ApartName[] = ['collector', 'processor', 'api'],
): Promise<Apart> {
  const programs: ProgramChild[] = []
  const folders: string[] = []
  const of = (name: ApartName) =>
    programs.filter((one) => one.name === name && one.process.exitCode === null && one.process.signalCode === null)
  const proxy = await startProxy(of)

  const start: Apart['start'] = async (name, more = {}) => {
    const dataDir = more['WAYMARK_DATA_DIR'] ?? mkdtempSync(join(tmpdir(), `waymark-${name}-`))
    folders.push(dataDir)
    const program = await startProgram(name, { ...settings, ...more, WAYMARK_DATA_DIR: dataDir })
    programs.push(program)
    await until(async () => (await fetch(`${program.url}/readyz`)).status === 200)
    return program
  }
  const end: Apart['end'] = async (program, signal = 'SIGTERM') => {
    program.process.kill(signal)
    return program.ended
  }
  for (const name of names) await start(name)
  return {
    url: proxy.url,
    programs,
    of,
    start,
    end,
    async active() {
      let found: ProgramChild | undefined
      await until(async () => {
        for (const one of of('processor')) {
          const metrics = await (await fetch(`${one.url}/metrics`)).text()
          if (/^waymark_processor_active 1$/m.test(metrics)) found = one
        }
        return found !== undefined
      })
      if (found === undefined) throw new Error('there is none')
      return found
    },
    async close() {
      await Promise.all(programs.map((program) => end(program)))
      await proxy.close()
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Resolves when it listens; rejects when it ends before. */
export async function startProgram(
  name: ApartName,
  settings: Readonly<Record<string, string>> & { readonly WAYMARK_DATA_DIR: string },
): Promise<ProgramChild> {
  const child = programChild(name, {
    WAYMARK_PORT: '0',
    WAYMARK_ADMIN_KEY: adminSecret,
    WAYMARK_SECRET: apartSecret,
    ...settings,
  })
  const line = await child.said((text) => text.includes('"msg":"listening"'))
  const { url } = JSON.parse(line) as { url: string }
  return { ...child, name, url, dataDir: settings.WAYMARK_DATA_DIR }
}

/** Does not wait for it to listen. */
export function programChild(name: ApartName, settings: Readonly<Record<string, string>>): Child {
  const assignments = Object.entries(settings).map(([variable, value]) => `${variable}=${value}`)
  return startChild('env', [...assignments, process.execPath, join(root, 'infra', 'bin', 'start.cjs'), name])
}

/** Resolves when the condition holds, which is looked at again and again; what it throws counts as not yet. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** What a collector answers; everything else is the API's. */
const collected = /^\/(v1\/events|v1\/pixel\.gif|beacon(-[\w-]+)?\.js)(\?|$)/

async function startProxy(of: Apart['of']): Promise<{ url: string; close: () => Promise<void> }> {
  let turn = 0
  const pass = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const targets = of(collected.test(incoming.url ?? '') ? 'collector' : 'api')
    const target = targets[turn++ % Math.max(1, targets.length)]
    const fail = () => {
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end()
    }
    if (target === undefined) return fail()
    const { method, url, headers } = incoming
    const onward = request(new URL(url ?? '/', target.url), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
      answer.on('error', fail)
    })
    onward.on('error', fail)
    incoming.pipe(onward)
    incoming.on('error', () => onward.destroy())
  }
  const server = createServer(pass)
  return listening(server)
}
