// `node infra/bin/release.js DIRECTORY`: writes there what runs and nothing that only makes it: the build, the files that it
// reads, the launcher. With the production dependencies beside it (node_modules), programs start from it as from a
// checkout, by `node infra/bin/start.cjs NAME`, and write nothing outside their data directory.
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { build, releaseFile, root, rooms } from './build.js'

/** The launcher, and what the programs say of themselves. */
const files = [
  'package.json',
  'infra/bin/build.js',
  'infra/bin/health.js',
  'infra/bin/launch.js',
  'infra/bin/ports.js',
  'infra/bin/start.cjs',
  'infra/bin/waymark.js',
]

/** @param {string} folder below the root @returns {string[]} folders named `assets` below it: files that programs read as they are */
function assets(folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => (name === 'assets' ? [`${folder}/assets`] : assets(`${folder}/${name}`)))
}

const [given] = process.argv.slice(2)
if (given === undefined || (existsSync(given) && readdirSync(given).length > 0)) {
  process.stderr.write('usage: node infra/bin/release.js DIRECTORY: expected one that is new or empty\n')
  process.exit(2)
}
const out = resolve(given)
const built = await build()
const name = basename(built)
const shipped = rooms.filter((room) => !room.startsWith('tests/'))
for (const path of [...files, ...shipped.flatMap(assets), `dist/${name}`]) {
  mkdirSync(dirname(join(out, path)), { recursive: true })
  cpSync(join(root, path), join(out, path), { recursive: true })
}
writeFileSync(join(out, releaseFile), `${JSON.stringify({ build: name })}\n`)
process.stdout.write(`${out}: build ${name}\n`)
