// Starts one of our programs: `node infra/bin/launch.js NAME …`. Node 20 does not read TypeScript, so the
// sources are bundled first when they changed (0.3 s); nothing of the bundler stays in the process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, programs } from './build.js'

// From the very start, so that a signal during the start is a clean stop too. A terminal sends one to the whole
// process group and npm passes its own on: the second one changes nothing.
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort())

const [name = '', ...args] = process.argv.slice(2)
if (!(name in programs)) {
  process.stderr.write(`unknown program "${name}": expected one of ${Object.keys(programs).join(', ')}\n`)
  process.exit(2)
}
/** @typedef {{ main: (start: { args: string[], env: NodeJS.ProcessEnv, stop: AbortSignal }) => Promise<number> }} Program */
/** @type {unknown} */
const loaded = await import(pathToFileURL(join(await build(), `${name}.js`)).href)
const program = /** @type {Program} */ (loaded)
// The engine keeps threads of its own: the end of main is the end of the process.
process.exit(await program.main({ args, env: process.env, stop: stop.signal }))
