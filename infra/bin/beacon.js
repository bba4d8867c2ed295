// Builds what browsers load: `npm run build:beacon` does it and prints what each file weighs.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './build.js'
import { brotlied, gzipped } from './compressed.js'

/**
 * Files of the beacon → the most that each may weigh as sent, in bytes. The core passes no hard stop; all together
 * weigh less than the sum of what each may, for a page that names them all.
 */
export const budgets = {
  core: { gzip: 760, brotli: 610 },
  forms: { gzip: 400 },
}
export const hardStopGzip = 900
export const togetherGzip = 2_000

/** @typedef {{ name: string, code: string }} BeaconFile */

/**
 * The files as browsers get them, in the ES5 that their sources are written in.
 * @returns {Promise<BeaconFile[]>}
 */
export async function buildBeacon() {
  const esbuild = await import('esbuild')
  const names = Object.keys(budgets).filter((name) => existsSync(source(name)))
  const files = await Promise.all(
    names.map(async (name) => {
      // In two steps: names are given by how often letters stand in the text, and types would count.
      const options = { target: 'es5', charset: /** @type {const} */ ('utf8') }
      const plain = await esbuild.transform(readFileSync(source(name), 'utf8'), { loader: 'ts', ...options })
      const { code } = await esbuild.transform(plain.code, { loader: 'js', minify: true, ...options })
      return { name, code: code.trimEnd() }
    }),
  )
  await esbuild.stop()
  return files
}

/** @param {string} name */
const source = (name) => join(root, 'beacon', `${name}.ts`)

/** @param {readonly BeaconFile[]} files @returns {string} what each weighs, beside what it may */
export function sizeTable(files) {
  const rows = files.map(({ name, code }) => {
    const { gzip, brotli } = /** @type {Record<string, { gzip: number, brotli?: number }>} */ (budgets)[name] ?? {}
    return [name, Buffer.byteLength(code), gzipped(code).length, gzip ?? '', brotlied(code).length, brotli ?? '']
  })
  const sum = (/** @type {number} */ column) => rows.reduce((total, row) => total + Number(row[column]), 0)
  const table = [
    ['file', 'raw', 'gzip', 'at most', 'brotli', 'at most'],
    ...rows,
    ['together', sum(1), sum(2), togetherGzip, sum(4), ''],
  ]
  return table
    .map(([name, ...cells]) => [String(name).padEnd(9), ...cells.map((cell) => String(cell).padStart(8))].join(''))
    .join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${sizeTable(await buildBeacon())}\n`)
