import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { BeaconScript } from '../api/snippet.ts'
import type { BeaconFile } from '../collector/beacon-files.ts'
import { brotlied, gzipped } from './bin/compressed.js'
import { sha256 } from './hash.ts'
import { projectFile } from './project.ts'

/** The scripts that this version of Waymark is made with, and those that are served. */
export interface Beacon {
  readonly files: readonly BeaconFile[]
  /** For the snippet: of this version, the core first. */
  readonly scripts: readonly BeaconScript[]
}

interface Built {
  readonly name: string
  readonly code: string
}

/**
 * The beacon, to be served and to be shown to teams. Copies with a hash in their name are kept in the data directory,
 * so that a page which names one from before an update still gets it: a missing script counts nothing, and says
 * nothing.
 */
export async function openBeacon(dataDir: string): Promise<Beacon> {
  const built = await builtFiles()
  const kept = join(dataDir, 'beacon')
  await mkdir(kept, { recursive: true, mode: 0o700 })
  const scripts = built.map(scriptOf)
  for (const { hashedName, code } of scripts) await keep(join(kept, hashedName), code)
  const hashed = (await readdir(kept)).filter((name) => /^beacon-(?:[a-z]+-)?[0-9a-f]{16}\.js$/.test(name)).sort()
  const copies = await Promise.all(
    hashed.map(async (name) => fileOf(`/${name}`, await readFile(join(kept, name), 'utf8'), true)),
  )
  return {
    files: [...scripts.map(({ name, code }) => fileOf(name, code, false)), ...copies],
    scripts: scripts.map(shownOf),
  }
}

/** Scripts of this version, for a program that shows them and serves none. */
export async function beaconScripts(): Promise<readonly BeaconScript[]> {
  return (await builtFiles()).map((built) => shownOf(scriptOf(built)))
}

/** Beside the running program when it is part of a build; made now when it is not, which only tests do. */
async function builtFiles(): Promise<readonly Built[]> {
  const folder = join(dirname(fileURLToPath(import.meta.url)), 'beacon')
  if (!existsSync(join(folder, 'core.js'))) {
    // By its address, so that the bundler leaves it out.
    const builder = (await import(pathToFileURL(projectFile('infra', 'bin', 'beacon.js')).href)) as {
      buildBeacon: () => Promise<Built[]>
    }
    return builder.buildBeacon()
  }
  const names = (await readdir(folder)).filter((name) => name.endsWith('.js'))
  // The core first, whatever the folder says.
  names.sort((one, other) => Number(other === 'core.js') - Number(one === 'core.js') || one.localeCompare(other))
  return Promise.all(
    names.map(async (name) => ({ name: name.slice(0, -3), code: await readFile(join(folder, name), 'utf8') })),
  )
}

function scriptOf({ name, code }: Built) {
  const extension = name === 'core' ? null : name
  const stem = extension === null ? 'beacon' : `beacon-${extension}`
  const hash = sha256(code).slice(0, 16)
  return {
    extension,
    code,
    name: `/${stem}.js`,
    hashedName: `${stem}-${hash}.js`,
    integrity: `sha384-${createHash('sha384').update(code).digest('base64')}`,
  }
}

const shownOf = ({ extension, name, hashedName, integrity }: ReturnType<typeof scriptOf>): BeaconScript => ({
  extension,
  path: name,
  hashedPath: `/${hashedName}`,
  integrity,
})

/** Whole or not at all. */
async function keep(path: string, code: string): Promise<void> {
  if (existsSync(path)) return
  await writeFile(`${path}.new`, code, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

function fileOf(path: string, code: string, immutable: boolean): BeaconFile {
  return {
    path,
    immutable,
    bytes: Uint8Array.from(Buffer.from(code)),
    gzip: Uint8Array.from(gzipped(code)),
    brotli: Uint8Array.from(brotlied(code)),
    tag: createHash('sha256').update(code).digest('base64url').slice(0, 22),
  }
}
