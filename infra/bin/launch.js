// Starts one of our programs: `node infra/bin/launch.js NAME …`. Node 20 does not read TypeScript, so the
// sources are bundled first when they changed (0.3 s); nothing of the bundler stays in the process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, programs } from './build.js'

const [name = '', ...rest] = process.argv.slice(2)
if (!(name in programs)) {
  process.stderr.write(`unknown program "${name}": expected one of ${Object.keys(programs).join(', ')}\n`)
  process.exit(2)
}
process.argv.splice(1, process.argv.length - 1, name, ...rest)
await import(pathToFileURL(join(await build(), `${name}.js`)).href)
