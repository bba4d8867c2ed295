import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Programs that can be started: the name on the command line → the file that runs. */
export const programs = {
  server: 'infra/server.ts',
  collector: 'infra/collector.ts',
  processor: 'infra/processor.ts',
  api: 'infra/api.ts',
  waymark: 'infra/cli/main.ts',
  bench: 'tests/bench/main.ts',
  'bench-bare': 'tests/bench/bare.ts',
  'bench-kafkajs': 'tests/bench/kafkajs.ts',
  'bench-collector': 'tests/bench/collector-alone.ts',
  'sample-receipts': 'infra/sample/receipts.ts',
  kafka: 'infra/local-kafka/main.ts',
  'chdb-http-front': 'tests/support/chdb-http-front/program.ts',
}

/** Folders with what ends up in a build. */
export const rooms = [
  'domain',
  'beacon',
  'collector',
  'processor',
  'queries',
  'api',
  'alerts',
  'infra',
  'tests/bench',
  'tests/support',
]

/** @param {string} folder @returns {string[]} the files below it that end up in a build, sorted */
function sources(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return sources(path)
      return /\.(ts|tsx|js|json)$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name) ? [path] : []
    })
    .sort()
}

/** In a release (release.js), and nowhere else: which build it holds. */
export const releaseFile = 'release.json'

/**
 * Bundles the programs when their sources changed, and says where they are. A release has its build already: there no
 * source is looked for and nothing is written. The folder is named after the
 * hash of what it was made from, and appears by one rename, so two programs started at once cannot meet a
 * half-written build.
 * @returns {Promise<string>} the folder with one `NAME.js` a program
 */
export async function build() {
  const released = join(root, releaseFile)
  if (existsSync(released)) {
    /** @type {unknown} */
    const release = JSON.parse(readFileSync(released, 'utf8'))
    return join(root, 'dist', /** @type {{ build: string }} */ (release).build)
  }

  const hash = createHash('sha256')
  for (const file of [...rooms.flatMap((room) => sources(join(root, room))), join(root, 'package-lock.json')]) {
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  }
  const builds = join(root, 'dist')
  const out = join(builds, hash.digest('hex').slice(0, 16))
  if (existsSync(out)) return out

  const { buildBeacon } = await import('./beacon.js')
  const beacon = await buildBeacon()
  const esbuild = await import('esbuild')
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(Object.entries(programs).filter(([, file]) => existsSync(join(root, file)))),
    outdir: out,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    sourcemap: 'inline',
    splitting: true,
    write: false,
    logLevel: 'warning',
  })
  await esbuild.stop()

  const making = `${out}.${process.pid}`
  mkdirSync(making, { recursive: true })
  for (const file of result.outputFiles) {
    const path = join(making, relative(out, file.path))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, file.contents)
  }
  // Beside the programs, which look there for what browsers load.
  mkdirSync(join(making, 'beacon'))
  for (const { name, code } of beacon) writeFileSync(join(making, 'beacon', `${name}.js`), code)
  try {
    renameSync(making, out)
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    if (!existsSync(out)) throw error // another program made the same build first: that one serves
  }
  removeOldBuilds(builds, out)
  return out
}

/** @param {string} builds @param {string} keep */
function removeOldBuilds(builds, keep) {
  const dayMs = 24 * 60 * 60 * 1000
  for (const name of readdirSync(builds)) {
    // Beside the builds others keep what they fetched.
    if (!/^[0-9a-f]{16}(\.\d+)?$/.test(name)) continue
    const path = join(builds, name)
    // A program that still runs may load a chunk of its build later: only builds of days ago go.
    if (path !== keep && Date.now() - statSync(path).mtimeMs > dayMs) rmSync(path, { recursive: true, force: true })
  }
}
