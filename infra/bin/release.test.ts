import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startChild } from '../../tests/support/child.ts'
import { projectVersion } from '../project.ts'
import { root, rooms } from './build.js'

const run = promisify(execFile)
const made = mkdtempSync(join(tmpdir(), 'waymark-release-'))
const release = join(made, 'release')

beforeAll(async () => {
  await run(process.execPath, [join(root, 'infra/bin/release.js'), release])
  symlinkSync(join(root, 'node_modules'), join(release, 'node_modules'))
})
afterAll(() => rmSync(made, { recursive: true, force: true }))

const files = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  )
const sources = rooms
  .filter((room) => !room.startsWith('tests/') && existsSync(join(root, room)))
  .flatMap((room) => files(join(root, room)))
  .filter((file) => /\.(ts|tsx)$/.test(file) && !/\.test\.tsx?$/.test(file))

it('has every file that the programs read by its path', () => {
  const read = sources.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bprojectFile\(('[^)]*')\)/g)].map(([, path = '']) =>
      path
        .split(',')
        .map((part) => part.trim().slice(1, -1))
        .join('/'),
    ),
  )
  expect(read).toContain('api/docs/assets/try-it.mjs')
  // The beacon is part of a build; only where there is none, in tests, it is made.
  const atRunTime = read.filter((path) => path !== 'infra/bin/beacon.js')
  expect(files(join(release, 'dist')).some((file) => file.endsWith('/beacon/core.js'))).toBe(true)
  expect(atRunTime.filter((path) => !existsSync(join(release, path)))).toEqual([])
})

it('has no source, no test and no data', () => {
  const inside = files(release).map((file) => file.slice(release.length + 1))
  expect(inside.filter((file) => /\.tsx?$/.test(file))).toEqual([])
  const own = /^(package\.json|release\.json|infra\/bin\/\w+\.c?js|dist\/[0-9a-f]{16}\/.*\.js|\w+(\/\w+)*\/assets\/.*)$/
  expect(inside.filter((file) => !own.test(file) && !file.startsWith('node_modules'))).toEqual([])
})

it('starts the programs from there, and writes nothing there', async () => {
  const state = (): string[] =>
    files(release)
      .filter((file) => !file.startsWith(join(release, 'node_modules')))
      .map((file) => `${file} ${statSync(file).mtimeMs}`)
  const before = state()
  const { stdout } = await run(process.execPath, [join(release, 'infra/bin/waymark.js'), '--version'], { cwd: made })
  expect(stdout).toBe(`${projectVersion()}\n`)

  const child = startChild('env', [
    `WAYMARK_DATA_DIR=${join(made, 'data')}`,
    'WAYMARK_PORT=0',
    'WAYMARK_SAMPLE=off',
    process.execPath,
    join(release, 'infra/bin/start.cjs'),
    'server',
  ])
  const { url } = JSON.parse(await child.said((line) => line.includes('"msg":"listening"'))) as { url: string }
  for (const path of ['/healthz', '/docs', '/openapi.json']) expect((await fetch(`${url}${path}`)).status).toBe(200)
  child.process.kill('SIGTERM')
  expect((await child.ended).code).toBe(0)
  expect(state()).toEqual(before)
})

it('is not written over what is there', async () => {
  await expect(run(process.execPath, [join(root, 'infra/bin/release.js'), release])).rejects.toMatchObject({ code: 2 })
})
