import { join } from 'node:path'
import { root } from '../../infra/bin/build.js'
import { startChild, type Child } from './child.ts'

/** The one process as a program of its own, as `npm start` runs it. */
export interface ServerChild extends Child {
  readonly url: string
  /** From the log line that it prints. */
  readonly log: () => readonly Record<string, unknown>[]
}

export const adminSecret = 'test-admin-key-0123456789abcdef'

/**
 * Resolves when it listens; rejects when it ends before.
 * @param settings variables of the environment beside those that keep it to itself
 */
export async function startServer(settings: Readonly<Record<string, string>>): Promise<ServerChild> {
  const child = serverChild({ WAYMARK_PORT: '0', WAYMARK_SAMPLE: 'off', WAYMARK_ADMIN_KEY: adminSecret, ...settings })
  const line = await child.said((text) => text.includes('"msg":"listening"'))
  const { url } = JSON.parse(line) as { url: string }
  const log = () =>
    child.lines.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as Record<string, unknown>)
  return { ...child, url, log }
}

/** Does not wait for it to listen. */
export function serverChild(settings: Readonly<Record<string, string>>): Child {
  const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  return startChild('env', [...assignments, process.execPath, join(root, 'infra', 'bin', 'launch.js'), 'server'])
}
