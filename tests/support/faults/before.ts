import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../infra/bin/build.js'
import { startChild, type Child } from '../child.ts'

/** The last one before there were programs apart: one process, which has its log in Kafka and its tables on a server. */
const before = 'c378add'

export interface ProgramBefore extends Child {
  readonly url: string
}

export interface VersionBefore {
  /** Starts its one process; resolves when it listens. */
  start(settings: Readonly<Record<string, string>>): Promise<ProgramBefore>
  /** Takes its files away. */
  remove(): void
}

/** The version before, as the repository has it. @throws Error when its history is not there */
export function versionBefore(): VersionBefore {
  const directory = mkdtempSync(join(tmpdir(), 'waymark-before-'))
  const archive = execFileSync('git', ['archive', before], { cwd: root, maxBuffer: 2 ** 28 })
  execFileSync('tar', ['-x'], { cwd: directory, input: archive })
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  return {
    async start(settings) {
      const dataDir = mkdtempSync(join(directory, 'data-'))
      const all = { WAYMARK_PORT: '0', WAYMARK_SAMPLE: 'off', WAYMARK_DATA_DIR: dataDir, ...settings }
      const assignments = Object.entries(all).map(([name, value]) => `${name}=${value}`)
      const start = [process.execPath, join(directory, 'infra', 'bin', 'start.cjs'), 'server']
      const child = startChild('env', [...assignments, ...start])
      const line = await child.said((text) => text.includes('"msg":"listening"'))
      return { ...child, url: (JSON.parse(line) as { url: string }).url }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
