import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../infra/bin/build.js'
import { startChild } from '../child.ts'
import type { Fault } from './faults.ts'
import type { FrontOptions } from './front.ts'

/** A front in a process of its own, on a directory of its own. */
export interface FrontChild {
  readonly url: string
  fault(...faults: Fault[]): Promise<void>
  clear(): Promise<void>
  away(): Promise<void>
  back(): Promise<void>
  /** Faults that were done, and statements that the engine ended. */
  /** How many faults were done. */
  done(): Promise<number>
  /** How many of the last statements that ran are like this, as a regular expression. */
  ran(statement: string): Promise<number>
  state(): Promise<{ readonly done: readonly Fault[]; readonly statements: readonly string[] }>
  close(): Promise<void>
}

export async function startFrontChild(options: Omit<FrontOptions, 'path'> = {}): Promise<FrontChild> {
  // In memory where there is such a place: the tests make tables by the hundred, and nothing of them is to last.
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'waymark-front-'))
  const program = [process.execPath, join(root, 'infra', 'bin', 'start.cjs'), 'chdb-http-front']
  const threads = `UV_THREADPOOL_SIZE=${(options.statementsMax ?? 24) + 8}`
  const child = startChild('env', [threads, ...program, JSON.stringify({ ...options, path })])
  const { url, control } = JSON.parse(await child.said((line) => line.startsWith('{"url"'))) as {
    url: string
    control: string
  }
  const steer = async (to: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${control}${to}`, { method: 'POST', body: JSON.stringify(body ?? null) })
    if (!response.ok) throw new Error(await response.text())
    return response.json()
  }
  return {
    url,
    fault: async (...faults) => void (await steer('/faults', faults)),
    clear: async () => void (await steer('/clear')),
    away: async () => void (await steer('/away')),
    back: async () => void (await steer('/back')),
    done: async () => (await steer('/done')) as number,
    ran: async (statement) => (await steer('/ran', statement)) as number,
    state: async () => (await steer('/state')) as Awaited<ReturnType<FrontChild['state']>>,
    close: async () => {
      // Its directory goes too, so it need not take leave of that.
      child.process.kill('SIGKILL')
      await child.ended
      rmSync(path, { recursive: true, force: true })
    },
  }
}
