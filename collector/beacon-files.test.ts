import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openBeacon } from '../infra/beacon.ts'
import { buildBeacon } from '../infra/bin/beacon.js'
import { temporaryDirectory } from '../tests/support/temporary.ts'
import { createBeaconFiles } from './beacon-files.ts'

const built = await buildBeacon()
const core = built.find(({ name }) => name === 'core')?.code ?? ''

async function served() {
  const directory = await temporaryDirectory()
  const beacon = await openBeacon(directory)
  return { directory, ...beacon, app: createBeaconFiles(beacon.files) }
}

describe('GET /beacon.js', () => {
  it.each([
    [undefined, null],
    ['identity', null],
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1.0, br;q=0', 'gzip'],
    ['gzip;q=0.000', null],
    ['deflate', null],
  ])('for Accept-Encoding %s is sent as %s, the same script', async (accepted, encoding) => {
    const { app } = await served()
    const answer = await app.request(
      '/beacon.js',
      accepted === undefined ? {} : { headers: { 'Accept-Encoding': accepted } },
    )
    expect(answer.status).toBe(200)
    expect(answer.headers.get('Content-Encoding')).toBe(encoding)
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(answer.headers.get('Content-Length')).toBe(String(bytes.length))
    const text = encoding === 'br' ? brotliDecompressSync(bytes) : encoding === 'gzip' ? gunzipSync(bytes) : bytes
    expect(text.toString()).toBe(core)
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('is not asked for by %s', async (method) => {
    const { app, scripts } = await served()
    for (const path of ['/beacon.js', scripts[0]?.hashedPath ?? '']) {
      const request = new Request(`http://localhost${path}`)
      // The standard's Request knows no TRACE; a server is sent it all the same.
      Object.defineProperty(request, 'method', { value: method })
      const answer = await app.fetch(request)
      expect(answer.status).toBe(405)
      expect(answer.headers.get('Allow')).toBe('GET, HEAD')
      expect(await answer.json()).toMatchObject({ code: 'method-not-allowed' })
    }
    expect((await app.request('/beacon.js', { method: 'HEAD' })).status).toBe(200)
  })

  it('may be loaded by pages of any origin, and is asked for again within the hour', async () => {
    const { app, scripts } = await served()
    const { headers } = await app.request('/beacon.js')
    expect(headers.get('Content-Type')).toBe('text/javascript; charset=utf-8')
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(headers.get('Cross-Origin-Resource-Policy')).toBe('cross-origin')
    expect(headers.get('Vary')).toBe('Accept-Encoding')
    expect(headers.get('Cache-Control')).toContain('max-age=3600')
    const hashed = await app.request(scripts[0]?.hashedPath ?? '')
    expect(await hashed.text()).toBe(core)
    expect(hashed.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable')
  })

  it('is not sent again to who has it, in whichever form', async () => {
    const { app } = await served()
    const tag = (await app.request('/beacon.js', { headers: { 'Accept-Encoding': 'br' } })).headers.get('ETag') ?? ''
    for (const known of [tag, `W/${tag}`, `"x", ${tag.replace('-br', '')}`, '*']) {
      const again = await app.request('/beacon.js', { headers: { 'If-None-Match': known, 'Accept-Encoding': 'gzip' } })
      expect([again.status, await again.text()]).toEqual([304, ''])
    }
    expect((await app.request('/beacon.js', { headers: { 'If-None-Match': '"x"' } })).status).toBe(200)
    const head = await app.request('/beacon.js', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('keeps serving the copies of versions before, for pages that name their hash', async () => {
    const { directory, files } = await served()
    await writeFile(join(directory, 'beacon', 'beacon-0123456789abcdef.js'), 'before()')
    await writeFile(join(directory, 'beacon', 'notes.txt'), 'no script')
    const again = await openBeacon(directory)
    const app = createBeaconFiles(again.files)
    expect(await (await app.request('/beacon-0123456789abcdef.js')).text()).toBe('before()')
    expect((await app.request('/notes.txt')).status).toBe(404)
    expect(again.files).toHaveLength(files.length + 1)
    expect(await readdir(join(directory, 'beacon'))).toHaveLength(built.length + 2)
  })
})
