import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../../infra/bin/build.js'
import { serverChild, startServer } from '../support/server.ts'

let dataDir: string

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'waymark-life-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

describe('the start', () => {
  it.each([
    ['WAYMARK_PORT', '80a', 'WAYMARK_PORT is "80a": expected a whole number'],
    ['WAYMARK_NONSENSE', '1', 'WAYMARK_NONSENSE is unknown: expected one of'],
    ['WAYMARK_SECRET', 'short', 'WAYMARK_SECRET is not usable: expected 24 to 128'],
  ])('stops with exit code 2 and one line when %s is %j', async (name, value, message) => {
    const { code, errors } = await serverChild({ WAYMARK_DATA_DIR: dataDir, [name]: value }).ended
    expect(code).toBe(2)
    expect(errors).toContain(message)
    expect(errors.trim().split('\n')).toHaveLength(1)
  })

  it('says which setting is wrong when the port is taken, and when the directory is', async () => {
    const first = await startServer({ WAYMARK_DATA_DIR: dataDir })
    const { port } = new URL(first.url)
    const other = mkdtempSync(join(tmpdir(), 'waymark-life-'))
    const onPort = await serverChild({ WAYMARK_DATA_DIR: other, WAYMARK_PORT: port }).ended
    expect(onPort.errors).toContain(`WAYMARK_PORT is ${port}: something listens there already`)
    expect(onPort.code).toBe(2)
    const onDirectory = await serverChild({ WAYMARK_DATA_DIR: dataDir, WAYMARK_PORT: '0' }).ended
    expect(onDirectory.code).not.toBe(0)
    expect(onDirectory.errors.trim().split('\n')).toHaveLength(1)
    first.process.kill('SIGTERM')
    await first.ended
    rmSync(other, { recursive: true, force: true })
  })

  it('prints the admin key that it makes, once', async () => {
    const settings = { WAYMARK_DATA_DIR: dataDir, WAYMARK_PORT: '0', WAYMARK_SAMPLE: 'off' }
    const outputs: string[] = []
    for (let start = 0; start < 2; start++) {
      const child = serverChild(settings)
      await child.said((line) => line.includes('"msg":"listening"'))
      child.process.kill('SIGTERM')
      const { errors, code } = await child.ended
      expect(code).toBe(0)
      outputs.push(`${errors}${child.lines.join('\n')}`)
    }
    expect(outputs[0]).toMatch(/admin key \(shown once\): wma_[\w-]{32}/)
    expect(outputs[1]).not.toContain('wma_')
  })

  it('loads the made-up services once, also after a start that was cut short, and not beside real ones', async () => {
    const settings = { WAYMARK_DATA_DIR: dataDir, WAYMARK_SAMPLE: 'on' }
    const killed = await startServer(settings)
    killed.process.kill('SIGKILL')
    await killed.ended
    const loaded = await startServer(settings)
    await loaded.said((line) => line.includes('made-up sample services loaded'))
    loaded.process.kill('SIGTERM')
    await loaded.ended
    const again = await startServer(settings)
    again.process.kill('SIGTERM')
    expect((await again.ended).code).toBe(0)
    expect(again.lines.join('')).not.toContain('made-up')
  })

  it('makes a socket and secrets that only their owner can use', async () => {
    const server = await startServer({ WAYMARK_DATA_DIR: dataDir })
    for (const file of ['waymark.sock', 'secret']) expect(statSync(join(dataDir, file)).mode & 0o777, file).toBe(0o600)
    server.process.kill('SIGTERM')
    await server.ended
  })
})

describe('the stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s to the program exits 0; a second one changes nothing',
    async (signal) => {
      const server = await startServer({ WAYMARK_DATA_DIR: dataDir })
      server.process.kill(signal)
      server.process.kill(signal)
      expect(await server.ended).toMatchObject({ code: 0, signal: null })
    },
  )

  it('during the start exits 0 too', async () => {
    const child = serverChild({ WAYMARK_DATA_DIR: dataDir, WAYMARK_PORT: '0' })
    // The first thing that is there for a stop is the data directory's lock.
    while (!statSync(join(dataDir, 'log'), { throwIfNoEntry: false }))
      await new Promise((resolve) => setImmediate(resolve))
    child.process.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
  })

  it.each(['npm', 'its process group'] as const)('by a signal to %s ends everything', async (target) => {
    const npm = spawn('npm', ['start', '--silent'], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'], WAYMARK_DATA_DIR: dataDir, WAYMARK_PORT: '0', WAYMARK_SAMPLE: 'off' },
    })
    let url = ''
    for await (const line of createInterface({ input: npm.stdout })) {
      if (!line.includes('"msg":"listening"')) continue
      url = (JSON.parse(line) as { url: string }).url
      break
    }
    npm.stdout.resume()
    const pid = npm.pid ?? 0
    const ended = once(npm, 'exit')
    process.kill(target === 'npm' ? pid : -pid, 'SIGINT')
    expect(await ended).toEqual([0, null])
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })
})
