import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const adminKey = 'bench-admin-key-0123456789abcdef'

export interface Running {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/**
 * The one process as a user starts it, on a free port and a new data directory.
 * @param settings more variables of the environment
 */
export async function startServer(settings: Record<string, string> = {}): Promise<Running & { dataDir: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'waymark-bench-'))
  const running = await start('server', {
    WAYMARK_DATA_DIR: dataDir,
    WAYMARK_PORT: '0',
    WAYMARK_ADMIN_KEY: adminKey,
    WAYMARK_SAMPLE: 'off',
    ...settings,
  })
  return {
    ...running,
    dataDir,
    stop: async () => {
      await running.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Any of our programs that logs `listening` with its url. */
export async function start(program: string, env: Record<string, string>): Promise<Running> {
  const child = spawn(process.execPath, [join(process.cwd(), 'infra/bin/start.cjs'), program], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await listening(child)
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function listening(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the program has no output')
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) {
    if (!line.startsWith('{')) continue
    const entry = JSON.parse(line) as { msg?: string; url?: string }
    if (entry.msg === 'listening' && entry.url !== undefined) {
      // Keep reading, or the pipe fills and the program stops.
      child.stdout.resume()
      return entry.url
    }
  }
  throw new Error('the program ended before it listened')
}

export async function api(server: Running, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.status === 204 ? undefined : await response.json()
}

/** A funnel of seven steps, as most services have. */
export const steps = ['start', 'your-name', 'your-address', 'licence-type', 'check-answers', 'pay', 'done']

export async function putService(server: Running, id: string): Promise<void> {
  await api(server, 'PUT', `/v1/services/${id}`, {
    name: `Benchmark ${id}`,
    dimensions: ['licence-type'],
    funnel: { steps },
  })
}

/** Resolves when answers show all that was acknowledged. */
export async function drained(server: Running): Promise<void> {
  const deadline = Date.now() + 600_000
  while (Date.now() < deadline) {
    const status = (await api(server, 'GET', '/v1/status')) as { pendingEvents: number }
    if (status.pendingEvents === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the processor did not catch up in ten minutes')
}
