import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { root } from '../../infra/bin/build.js'

/**
 * Makes a TypeScript file into one that Node 20 can run, as a process that a test may kill.
 * @returns the file's path
 */
export async function bundled(file: string): Promise<string> {
  // Within the repository, so that packages are found.
  const directory = join(root, 'dist', 'children')
  await mkdir(directory, { recursive: true })
  const outfile = join(directory, `${basename(file, '.ts')}.mjs`)
  const own = `${outfile}.${process.pid}`
  await build({
    absWorkingDir: root,
    entryPoints: [file],
    outfile: own,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  // At once: another test may be starting the same.
  await rename(own, outfile)
  return outfile
}

/** A child process, line by line. */
export interface Child {
  readonly process: ChildProcess
  /** What it has said so far, whole lines only. */
  readonly lines: string[]
  /** Resolves when a line satisfies the condition; rejects when the process ends without. */
  said(condition: (line: string) => boolean): Promise<string>
  /** When it is gone and everything it said is read. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }>
}

export function startChild(command: string, args: readonly string[]): Child {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  const waiting = new Set<{ condition: (line: string) => boolean; found: (line: string) => void; fail: () => void }>()
  const reader = createInterface({ input: child.stdout })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  reader.on('line', (line) => {
    lines.push(line)
    for (const one of waiting)
      if (one.condition(line)) {
        waiting.delete(one)
        one.found(line)
      }
  })
  const closed = new Promise<void>((resolve) => reader.once('close', resolve))
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
    child.once('error', reject)
  })
  const ended = exited.then(async (end) => {
    await closed
    for (const one of waiting) one.fail()
    return { ...end, errors }
  })
  return {
    process: child,
    lines,
    ended,
    said: (condition) =>
      new Promise((resolve, reject) => {
        const before = lines.find(condition)
        if (before !== undefined) return resolve(before)
        waiting.add({
          condition,
          found: resolve,
          fail: () => reject(new Error(`the child ended without saying it: ${errors}`)),
        })
      }),
  }
}
