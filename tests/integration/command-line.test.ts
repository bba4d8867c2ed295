import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../../infra/bin/build.js'
import { adminSecret, startServer, type ServerChild } from '../support/server.ts'

let folder: string
let server: ServerChild
let serverDir: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-cli-'))
  serverDir = join(folder, 'served')
  server = await startServer({ WAYMARK_DATA_DIR: serverDir })
})
afterAll(async () => {
  server.process.kill('SIGTERM')
  await server.ended
  rmSync(folder, { recursive: true, force: true })
})

async function waymark(
  args: readonly string[],
  env: Record<string, string> = { WAYMARK_DATA_DIR: serverDir },
  input = '',
) {
  const child = spawn(process.execPath, [join(root, 'infra', 'bin', 'waymark.js'), ...args], {
    env: { PATH: process.env['PATH'], ...env },
  })
  child.stdin.end(input)
  let out = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, errors }
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const definition = `services:
  - id: fishing
    name: Renew a fishing licence
    timeZone: Europe/London
    funnel:
      steps: [start, pay, done]
      window: P3D
`

describe('services apply', () => {
  it('shows a new service, then no change, then only what changed', async () => {
    const path = file('services.yaml', definition)
    const dry = await waymark(['services', 'apply', path, '--dry-run'])
    expect(dry.out).toContain('+ new service')
    expect((await waymark(['services', 'list'])).out).not.toContain('fishing')
    expect((await waymark(['services', 'apply', path])).out).toContain('fishing: applied, funnel version 1')
    expect((await waymark(['services', 'apply', path])).out.trim()).toBe('fishing: no change')
    const changed = await waymark([
      'services',
      'apply',
      file('changed.yaml', definition.replace('pay, done', 'pay, review, done')),
    ])
    expect(changed.out).toContain('- funnel: {"steps":["start","pay","done"],"window":"P3D"}')
    expect(changed.out).toContain('+ funnel: {"steps":["start","pay","review","done"],"window":"P3D"}')
    expect(changed.out).toContain('applied, funnel version 2')
    await waymark(['services', 'apply', path])
  })

  it('finds no change in what the server shows', async () => {
    const shown = await fetch(`${server.url}/v1/services/fishing`, {
      headers: { authorization: `Bearer ${adminSecret}` },
    })
    expect((await waymark(['services', 'apply', file('shown.json', await shown.text())])).out.trim()).toBe(
      'fishing: no change',
    )
  })

  it.each([
    ['no YAML', 'a: [', 2, 'is neither YAML nor JSON'],
    ['no id', 'name: x', 2, 'services[0].id is missing'],
    ['a funnel without meaning', 'id: x\nname: X\nfunnel: {steps: [a, b], exclude: [{step: a}]}', 1, 'invalid-funnel'],
    ['an unknown field', 'id: x\nname: X\nfunnel: {steps: [a, b]}\ncolour: red', 1, 'invalid-service'],
  ])('refuses a file with %s in one line', async (_what, text, code, message) => {
    const result = await waymark(['services', 'apply', file('bad.yaml', text)])
    expect(result.code).toBe(code)
    expect(result.errors).toContain(message)
    expect(result.errors.trim().split('\n')).toHaveLength(1)
  })
})

describe('import', () => {
  const csv = [
    'case;what;when',
    'a;start;2026-01-01T10:00:00Z',
    'a;pay;2026-01-01T10:01:00Z',
    'b;start;2026-01-01T11:00:00Z',
    'c;;2026-01-01T11:00:00Z',
    '',
  ].join('\n')
  const flags = [
    '--service',
    'fishing',
    '--delimiter',
    ';',
    '--journey-column',
    'case',
    '--step-column',
    'what',
    '--at-column',
    'when',
  ]

  it('puts in what is right, lists what is not, and is harmless twice', async () => {
    const path = file('events.csv.gz', gzipSync(csv))
    const refused = join(folder, 'refused.ndjson')
    for (let run = 0; run < 2; run++) {
      const result = await waymark(['import', path, ...flags, '--refused', refused])
      expect(result.out.trim()).toBe('4 events read, 3 durable, 1 refused')
      expect(result.errors).toMatch(/line 5: invalid-event/)
      expect(result.code).toBe(1)
      expect(readFileSync(refused, 'utf8')).toContain('"line":5')
      expect(existsSync(`${path}.waymark-import`), 'the checkpoint goes at the end').toBe(false)
    }
    const response = await fetch(`${server.url}/v1/services/fishing/funnel?from=2026-01-01&to=2026-01-02`, {
      headers: { authorization: `Bearer ${adminSecret}` },
    })
    expect(await response.json()).toMatchObject({ steps: [{ entered: 2 }, { entered: 1 }, { entered: 0 }] })
  })

  it('takes errors and feedback from columns of their own, and a first row that is short', async () => {
    const rows = [
      'journey,step,at,type,field,code,rating',
      'e,start,1767225600000',
      'e,,1767225601000,error,name,missing,',
      'e,,1767225602000,feedback,,,4',
    ]
    const columns = [
      '--type-column',
      'type',
      '--field-column',
      'field',
      '--code-column',
      'code',
      '--rating-column',
      'rating',
    ]
    const result = await waymark(['import', file('typed.csv', rows.join('\n')), '--service', 'fishing', ...columns])
    expect(result.out.trim(), result.errors).toBe('3 events read, 3 durable, 0 refused')
  })

  it('says in one line that a file ends early', async () => {
    const whole = gzipSync(csv.repeat(2_000))
    const result = await waymark(['import', file('cut.csv.gz', whole.subarray(0, whole.length - 20)), ...flags])
    expect(result.code).toBe(1)
    expect(result.errors).toContain('the file ends early or is no gzip')
    expect(result.errors).not.toMatch(/\n\s+at /)
  })

  it('stops when it is told to, and goes on where it was, with what was refused before', async () => {
    const line = (index: number, service: string) =>
      JSON.stringify({ service, journey: `many-${index}`, step: 'start', at: 1767225600000 + index })
    const path = file(
      'many.ndjson',
      Array.from({ length: 40_000 }, (_, index) => line(index, index < 3 ? 'nowhere' : 'fishing')).join('\n'),
    )
    const refused = join(folder, 'many-refused.ndjson')
    const args = ['import', path, '--refused', refused]
    const child = spawn(process.execPath, [join(root, 'infra', 'bin', 'waymark.js'), ...args], {
      env: { PATH: process.env['PATH'], WAYMARK_DATA_DIR: serverDir },
    })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    while (!existsSync(`${path}.waymark-import`)) await new Promise((resolve) => setImmediate(resolve))
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([1, null])
    expect(errors).toMatch(/stopped after \d+ events: run it again/)
    const result = await waymark(args)
    expect(result.errors).toMatch(/goes on after \d+ events/)
    expect(result.out.trim()).toBe('40000 events read, 39997 durable, 3 refused')
    expect(result.errors).toContain('line 1: unknown-service')
    expect(readFileSync(refused, 'utf8').trim().split('\n')).toHaveLength(3)
  })

  it('reads standard input, and goes through a URL with a key', async () => {
    const { out: secret } = await waymark(['keys', 'create', '--name', 'import', '--scope', 'ingest'])
    const line = JSON.stringify({ service: 'fishing', journey: 'stdin', step: 'start', at: '2026-01-05T00:00:00Z' })
    const elsewhere = { WAYMARK_DATA_DIR: join(folder, 'none'), WAYMARK_URL: server.url, WAYMARK_KEY: secret.trim() }
    const result = await waymark(['import', '-', '--format', 'ndjson'], elsewhere, `${line}\n`)
    expect(result).toMatchObject({ code: 0, out: '1 events read, 1 durable, 0 refused\n' })
    expect(existsSync(join(folder, 'none'))).toBe(false)
  })

  it.each([
    [['import', 'nothing.csv', '--service', 'fishing'], 2, 'cannot be read'],
    [['import', 'x.csv'], 2, '--service is missing'],
    [['import', 'x.dat'], 2, 'the format is not known'],
    [['import'], 2, "missing required argument 'file'"],
    [['nonsense'], 2, "unknown command 'nonsense'"],
  ])('%j says what is wrong', async (args, code, message) => {
    const result = await waymark(args)
    expect(result.code).toBe(code)
    expect(result.errors).toContain(message)
    expect(result.errors).not.toMatch(/\n\s+at /)
  })
})

describe('keys', () => {
  it('are made, listed by prefix and revoked', async () => {
    const made = await waymark(['keys', 'create', '--name', 'dashboard', '--scope', 'read', '--service', 'fishing'])
    const secret = made.out.trim()
    const list = await waymark(['keys', 'list'])
    const line = list.out.split('\n').find((text) => text.includes('"dashboard"')) ?? ''
    expect(line).toContain(secret.slice(0, 6))
    expect(line).not.toContain(secret)
    expect((await waymark(['keys', 'revoke', line.split(' ')[0] ?? ''])).code).toBe(0)
    const answer = await fetch(`${server.url}/v1/status`, { headers: { authorization: `Bearer ${secret}` } })
    expect(answer.status).toBe(401)
  })
})

describe('doctor', () => {
  it('finds a running server well', async () => {
    const { code, out } = await waymark(['doctor'])
    for (const name of [
      'WAYMARK_PORT',
      'versions',
      'connection',
      'disk',
      'event log',
      'engine',
      'processor',
      'set aside',
      'removals',
    ])
      expect(out).toMatch(new RegExp(`^ok {4}${name}: `, 'm'))
    expect(code).toBe(0)
  })

  it('compares what answers are read from with the trails', async () => {
    const body = JSON.stringify({ name: 'Proved', funnel: { steps: ['start', 'done'] } })
    const headers = { authorization: `Bearer ${adminSecret}`, 'content-type': 'application/json' }
    await fetch(`${server.url}/v1/services/proved`, { method: 'PUT', headers, body })
    const { code, out } = await waymark(['doctor', '--verify', '--service', 'proved'])
    expect([code, out]).toEqual([0, 'ok    proved: nothing in this period\n'])
    const all = await waymark(['doctor', '--verify', '--json', '--from', '2026-01-01', '--to', '2026-02-01'])
    const { services } = JSON.parse(all.out) as { services: { service: string; differences: number }[] }
    expect(services).toContainEqual(expect.objectContaining({ service: 'proved', differences: 0 }))
    expect(all.code).toBe(0)
  }, 240_000)

  it.each([
    [['doctor', '--from', '2026-01-01'], 2, '--from needs --verify'],
    [['doctor', '--verify', '--service', 'nobody'], 1, 'unknown-service'],
    [['doctor', '--verify', '--from', 'x'], 1, 'from: expected an ISO 8601 date'],
  ])('refuses %j', async (args, code, message) => {
    const result = await waymark(args)
    expect(result.code).toBe(code)
    expect(result.errors).toContain(message)
  })

  it('names the setting that is wrong', async () => {
    const { code, out } = await waymark(['doctor', '--json'], { WAYMARK_DATA_DIR: serverDir, WAYMARK_PORT: 'x' })
    const { checks } = JSON.parse(out) as { checks: { state: string; detail: string }[] }
    expect(checks[0]).toMatchObject({ state: 'fail', detail: expect.stringContaining('WAYMARK_PORT is "x"') as string })
    expect(code).toBe(1)
  })
})

describe('erasures', () => {
  it('are exported, and applied to what was restored, twice for all that it matters', async () => {
    const body = JSON.stringify({ name: 'E', funnel: { steps: ['start', 'done'] } })
    const headers = { authorization: `Bearer ${adminSecret}`, 'content-type': 'application/json' }
    await fetch(`${server.url}/v1/services/forgetful`, { method: 'PUT', headers, body })
    for (const journey of ['jo', 'bo'])
      await fetch(`${server.url}/v1/services/forgetful/journeys/${journey}`, { method: 'DELETE', headers })
    const { code, out } = await waymark(['erasures', 'export'])
    expect(code).toBe(0)
    const lines = out.trim().split('\n')
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(line).toMatch(/^{"service":"forgetful","journey":"[0-9a-f]{16}","at":"20.*Z"}$/)

    // No server runs on this one: the command opens it.
    const other = { WAYMARK_DATA_DIR: join(folder, 'restored'), WAYMARK_SAMPLE: 'off' }
    const list = file('erasures.ndjson', `${out}\n`)
    for (let time = 0; time < 2; time++)
      expect((await waymark(['erasures', 'apply', list], other)).out.trim()).toBe('2 erasures applied')
    expect((await waymark(['erasures', 'export'], other)).out).toBe(out)
    expect((await waymark(['erasures', 'apply', '-'], other, out)).out.trim()).toBe('2 erasures applied')
  }, 60_000)

  it.each([
    ['a file that is not there', 'nowhere.ndjson', undefined, 2, 'is not there'],
    ['a line that is no JSON', 'bad.ndjson', '{"service"\n', 2, 'line 1 is no line of an exported list'],
    ['a line of something else', 'else.ndjson', '{"service":"forgetful"}\n', 1, 'erasures[0].journey'],
  ])('are refused in one line for %s', async (_what, name, text, code, message) => {
    const path = text === undefined ? join(folder, name) : file(name, text)
    const result = await waymark(['erasures', 'apply', path])
    expect([result.code, result.errors.trim().split('\n').length]).toEqual([code, 1])
    expect(result.errors).toContain(message)
  })
})

describe('which Waymark it talks to', () => {
  const directories: string[] = []
  afterEach(() => directories.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })))

  it('opens the directory when no server runs on it, a dead socket in it or not', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waymark-cli-'))
    directories.push(dataDir)
    // A socket whose server was killed: a file that nobody answers.
    const dead = createServer().listen(join(dataDir, 'waymark.sock'))
    await once(dead, 'listening')
    dead.close()
    writeFileSync(join(dataDir, 'waymark.sock'), '')
    const { code, out, errors } = await waymark(['doctor'], { WAYMARK_DATA_DIR: dataDir })
    expect(out).toContain('opened here')
    expect(errors).toContain('admin key (shown once): wma_')
    expect(code).toBe(0)
  })

  it('removes the made-up services', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waymark-cli-'))
    directories.push(dataDir)
    const sampled = await startServer({ WAYMARK_DATA_DIR: dataDir, WAYMARK_SAMPLE: 'on' })
    await sampled.said((line) => line.includes('made-up sample services loaded'))
    expect((await waymark(['sample', 'remove'], { WAYMARK_DATA_DIR: dataDir })).out.trim()).toBe(
      '12 made-up services removed',
    )
    expect((await waymark(['services', 'list'], { WAYMARK_DATA_DIR: dataDir })).out).toBe('')
    sampled.process.kill('SIGTERM')
    await sampled.ended
  })

  it('says that a URL needs a key', async () => {
    const { code, errors } = await waymark(['services', 'list'], {
      WAYMARK_DATA_DIR: join(folder, 'none'),
      WAYMARK_URL: server.url,
    })
    expect(code).toBe(2)
    expect(errors.trim()).toBe('waymark: WAYMARK_KEY is missing: expected a secret key for WAYMARK_URL')
  })
})
