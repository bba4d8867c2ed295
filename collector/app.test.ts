import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { LogFull, LogUnavailable, StoreUnavailable } from '../domain/errors.ts'
import { journeyHash } from '../domain/identity.ts'
import { sha256 } from '../infra/hash.ts'
import { adminSecret, bodyOf, openCollector, post, receivedAt, secret, sent, step } from '../tests/support/collector.ts'

describe('POST /v1/events, JSON', () => {
  it('answers 204 without a body when the events are stored, and stores them as they are kept', async () => {
    const bench = await openCollector()
    const answer = await post(bench, bodyOf([step('start', { seq: 3 }), step('Pay, by card')]))
    expect([answer.status, answer.body]).toEqual([204, ''])
    const [first, second] = bench.stored()
    expect(first).toEqual({
      service: 'fishing',
      journey: journeyHash(sha256, secret, 'fishing', 'journey-1'),
      identity: first?.identity,
      type: 'step',
      step: 'start',
      at: receivedAt - 1000,
      seq: 3,
      outcome: '',
      field: '',
      code: '',
      rating: 0,
      engagedMs: 0,
      channel: 'online',
      dimensions: [['referrer', 'none']],
    })
    expect(first?.journey).toMatch(/^[0-9a-f]{16}$/)
    expect(second?.step).toBe('Pay, by card')
    expect(second?.identity).not.toBe(first?.identity)
    expect(bench.signals.said).toEqual(['accepted 2'])
  })

  it.each([
    ['application/json'],
    ['application/json; charset=utf-8'],
    ['application/json;charset="UTF-8"'],
    ['Application/JSON'],
    ['text/plain'],
    ['text/plain;charset=UTF-8'],
    ['text/plain; charset=us-ascii; format=flowed'],
  ])('reads %s', async (type) => {
    const bench = await openCollector()
    expect((await post(bench, bodyOf([step()]), { 'Content-Type': type })).status).toBe(204)
  })

  it.each([
    ['application/xml'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/ld+json'],
    ['text/html'],
    ['text/plain; charset=utf-16'],
    ['application/json; charset=iso-8859-1'],
    ['application/json, text/plain'],
    ['json'],
  ])('refuses %s with 415 unsupported-type', async (type) => {
    const bench = await openCollector()
    const answer = await post(bench, bodyOf([step()]), { 'Content-Type': type })
    expect([answer.status, answer.code]).toEqual([415, 'unsupported-type'])
    expect(bench.stored()).toEqual([])
  })

  it('refuses a body of no type', async () => {
    const bench = await openCollector()
    const body = new TextEncoder().encode(JSON.stringify(bodyOf([step()])))
    const answer = await sent(await bench.app.request('/v1/events', { method: 'POST', body }))
    expect([answer.status, answer.code]).toEqual([415, 'unsupported-type'])
  })

  it.each([
    ['nothing', ''],
    ['white space', ' \r\n\t '],
    ['half an object', '{"service":"fishing"'],
    ['a list', '[]'],
    ['a number', '7'],
    ['null', 'null'],
    ['a text', '"fishing"'],
    ['words', 'hello jo.bloggs@example.com'],
    ['a number JSON has no word for', '{"service":NaN}'],
    ['brackets without end', '['.repeat(200_000)],
    ['NDJSON', '{}\n{}'],
    ['two byte order marks', '\uFEFF\uFEFF{}'],
  ])('refuses %s with 400 invalid-json', async (_, body) => {
    const bench = await openCollector()
    const answer = await post(bench, body)
    expect([answer.status, answer.code]).toEqual([400, 'invalid-json'])
    expect(answer.body).not.toContain('bloggs')
    expect(bench.signals.said).toEqual(['refused invalid-json 1'])
  })

  it.each([['as a stream'], ['with its length']])(
    'refuses bytes that are no UTF-8 with 400 invalid-json, %s',
    async (how) => {
      const bench = await openCollector()
      const text = Buffer.from(JSON.stringify(bodyOf([step('x')])))
      text[text.indexOf('"x"') + 1] = 0xff
      const headers: Record<string, string> = how === 'with its length' ? { 'Content-Length': String(text.length) } : {}
      expect((await post(bench, new Uint8Array(text), headers)).code).toBe('invalid-json')
    },
  )

  it('reads more than ASCII, the replacement character as an escape', async () => {
    const bench = await openCollector()
    const text = JSON.stringify(bodyOf([step('運転 🎣 x')])).replace('x', '\\ufffd')
    expect((await post(bench, text)).status).toBe(204)
    expect(bench.stored()[0]?.step).toBe('運転 🎣 \ufffd')
  })

  it('passes over a byte order mark', async () => {
    const bench = await openCollector()
    expect((await post(bench, `\uFEFF${JSON.stringify(bodyOf([step()]))}`)).status).toBe(204)
  })

  it('ignores fields that it does not know, and takes null for absent', async () => {
    const bench = await openCollector()
    const absent = { id: null, type: null, seq: null, attrs: null, channel: null, mood: 'good' }
    const answer = await post(bench, bodyOf([step('start', absent)], { sentAt: null, channel: null, colour: [1] }))
    expect(answer.status).toBe(204)
  })

  it('takes the last of a key that stands twice', async () => {
    const bench = await openCollector()
    const text = JSON.stringify(bodyOf([step('start')])).replace('"step":"start"', '"step":"start","step":"done"')
    expect((await post(bench, text)).status).toBe(204)
    expect(bench.stored()[0]?.step).toBe('done')
  })

  it('stores nothing when one event is refused, and says which field', async () => {
    const bench = await openCollector()
    const answer = await post(bench, bodyOf([step(), step('done'), { step: 7, at: receivedAt }]))
    expect([answer.status, answer.code, answer.path]).toEqual([400, 'invalid-event', 'events[2].step'])
    expect(bench.stored()).toEqual([])
    expect(bench.signals.said).toEqual(['refused invalid-event 3'])
  })

  it.each([
    ['no events', {}, 'events'],
    ['an empty list', { events: [] }, 'events'],
    ['events that are no list', { events: { 0: {} } }, 'events'],
    ['an event that is no object', { events: [[]] }, 'events[0]'],
    ['an event that is null', { events: [step(), null] }, 'events[1]'],
  ])('refuses %s with 400 invalid-event', async (_, more, path) => {
    const bench = await openCollector()
    const answer = await post(bench, { service: 'fishing', journey: 'j', ...more })
    expect([answer.status, answer.code, answer.path]).toEqual([400, 'invalid-event', path])
  })

  it('takes 100 events, and refuses 101 with 413 too-large', async () => {
    const bench = await openCollector()
    const events = Array.from({ length: 101 }, (_, seq) => step('start', { seq }))
    expect((await post(bench, bodyOf(events.slice(1)))).status).toBe(204)
    const answer = await post(bench, bodyOf(events))
    expect([answer.status, answer.code]).toEqual([413, 'too-large'])
    expect(bench.stored()).toHaveLength(100)
  })

  it.each([['as a stream'], ['with its length']])(
    'takes a body of exactly 256 KiB %s, and refuses one byte more with 413 too-large',
    async (how) => {
      const bench = await openCollector()
      const body = JSON.stringify(bodyOf([step()]))
      const headers = (length: number): Record<string, string> =>
        how === 'with its length' ? { 'Content-Length': String(length) } : {}
      expect((await post(bench, body.padEnd(262_144), headers(262_144))).status).toBe(204)
      const answer = await post(bench, body.padEnd(262_145), headers(262_145))
      expect([answer.status, answer.code]).toEqual([413, 'too-large'])
      expect(bench.stored()).toHaveLength(1)
    },
  )
})

describe('Content-Encoding', () => {
  const zipped = (text: string): Uint8Array => new Uint8Array(gzipSync(text))

  it.each([['gzip'], ['GZIP'], ['x-gzip']])('reads %s', async (encoding) => {
    const bench = await openCollector()
    const answer = await post(bench, zipped(JSON.stringify(bodyOf([step()]))), { 'Content-Encoding': encoding })
    expect(answer.status).toBe(204)
  })

  it.each([['br'], ['deflate'], ['gzip, gzip'], ['zstd'], ['*']])('refuses %s with 415', async (encoding) => {
    const bench = await openCollector()
    const answer = await post(bench, zipped('{}'), { 'Content-Encoding': encoding })
    expect([answer.status, answer.code]).toEqual([415, 'unsupported-type'])
  })

  it('passes over identity', async () => {
    const bench = await openCollector()
    expect((await post(bench, bodyOf([step()]), { 'Content-Encoding': 'identity' })).status).toBe(204)
  })

  it.each([
    ['what is not gzip', new TextEncoder().encode('{}')],
    ['half a stream', zipped(JSON.stringify(bodyOf([step()]))).slice(0, 60)],
    ['nothing', new Uint8Array()],
  ])('refuses %s with 400 invalid-json', async (_, body) => {
    const bench = await openCollector()
    const answer = await post(bench, body, { 'Content-Encoding': 'gzip' })
    expect([answer.status, answer.code]).toEqual([400, 'invalid-json'])
  })

  it('takes what comes out up to the limit, and refuses one byte more with 413 too-large', async () => {
    const bench = await openCollector({ decompressedBytesMax: 10_000 })
    const body = JSON.stringify(bodyOf([step()]))
    expect((await post(bench, zipped(body.padEnd(10_000)), { 'Content-Encoding': 'gzip' })).status).toBe(204)
    const answer = await post(bench, zipped(body.padEnd(10_001)), { 'Content-Encoding': 'gzip' })
    expect([answer.status, answer.code]).toEqual([413, 'too-large'])
  })

  it('refuses a bomb: 32 MiB and a byte out of 32 KiB', async () => {
    const bench = await openCollector()
    const answer = await post(bench, zipped(' '.repeat(32 * 1024 * 1024 + 1)), { 'Content-Encoding': 'gzip' })
    expect([answer.status, answer.code]).toEqual([413, 'too-large'])
  })
})

describe('bodies that unfold', () => {
  const zipped = async (body: string) => {
    const bench = await openCollector()
    const answer = await post(bench, new Uint8Array(gzipSync(body)), { 'Content-Encoding': 'gzip' })
    return { ...answer, stored: bench.stored() }
  }
  // One value for each sign: the braces and the lists around them, and their members.
  const withValues = (count: number): string => {
    const body = JSON.stringify(bodyOf([step()], { service: 'fishing', more: [0] }))
    const signs = body.replace(/[^,{[]/g, '').length
    return body.replace('[0]', `[0${',0'.repeat(count - signs)}]`)
  }

  it('are taken up to 256 values for each event that they may hold, and refused with 413 past that', async () => {
    expect((await zipped(withValues(25_600))).status).toBe(204)
    const answer = await zipped(withValues(25_601))
    expect([answer.status, answer.code, answer.stored]).toEqual([413, 'too-large', []])
  })

  it.each([
    ['objects', `{"events":[${'{},'.repeat(100_000)}{}]}`, 'too-large'],
    ['members', `{"a":0${',"a":0'.repeat(100_000)}}`, 'too-large'],
    // Were it parsed, it would be no JSON.
    ['objects without end', '{},'.repeat(1_000_000), 'too-large'],
    ['quotes', '"'.repeat(1_000_000), 'too-large'],
    ['ends without beginnings', ']'.repeat(1_000_000), 'invalid-json'],
    ['lists within lists', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 'invalid-json'],
  ])('are refused before they are parsed: %s', async (_, body, code) => {
    expect((await zipped(body)).code).toBe(code)
  })

  it('are not mistaken: signs within strings are no values', async () => {
    const note = '{},:[]\\"'.repeat(20_000) + '\\'
    const answer = await zipped(JSON.stringify(bodyOf([step('start', { note })], { note })))
    expect([answer.status, answer.stored.length]).toEqual([204, 1])
  })
})

describe('keys', () => {
  const authorization = (key: string) => ({ Authorization: `Bearer ${key}` })

  it.each([
    ['an unknown key', 'Bearer wmk_nobody-knows-this-one'],
    ['another scheme', 'Basic am86c2VjcmV0'],
    ['no scheme', 'wmk_key'],
    ['no key', 'Bearer '],
    ['two keys', 'Bearer one two'],
    ['an empty header', ''],
  ])('refuses %s with 401 bad-key, though none is needed', async (_, value) => {
    const bench = await openCollector()
    const answer = await post(bench, bodyOf([step()]), { Authorization: value })
    expect([answer.status, answer.code]).toEqual([401, 'bad-key'])
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer/)
    expect(bench.stored()).toEqual([])
  })

  it('refuses a revoked key with 401', async () => {
    const bench = await openCollector()
    const { key, secret: revoked } = await bench.registry.createKey({ name: 'x', scopes: ['ingest'] })
    expect((await post(bench, bodyOf([step()]), authorization(revoked))).status).toBe(204)
    await bench.registry.deleteKey(key.id)
    expect((await post(bench, bodyOf([step()]), authorization(revoked))).status).toBe(401)
  })

  it('admits the admin key, and the scheme in any case', async () => {
    const bench = await openCollector()
    expect((await post(bench, bodyOf([step()]), { Authorization: `bearer ${adminSecret}` })).status).toBe(204)
  })

  it.each([
    ['without the scope ingest', ['read', 'admin'], {}, 'fishing'],
    ['of another service', ['ingest'], { service: 'listed' }, 'fishing'],
    ['of another service, when there is no such service', ['ingest'], { service: 'listed' }, 'nowhere'],
    ['of another department', ['ingest'], { department: 'rivers' }, 'fishing'],
    ['of a department, when there is no such service', ['ingest'], { department: 'rivers' }, 'nowhere'],
  ] as const)('refuses a key %s with 403 scope-missing', async (_, scopes, target, service) => {
    const bench = await openCollector()
    const key = await bench.key([...scopes], target)
    const answer = await post(bench, bodyOf([step()], { service }), authorization(key))
    expect([answer.status, answer.code]).toEqual([403, 'scope-missing'])
  })

  it('admits a key of the service, and of its department, whatever the origin', async () => {
    const bench = await openCollector()
    for (const target of [{ service: 'listed' }, { department: 'rivers' }]) {
      const key = await bench.key(['ingest'], target)
      const headers = { ...authorization(key), Origin: 'https://elsewhere.example' }
      expect((await post(bench, bodyOf([step()], { service: 'listed' }), headers)).status).toBe(204)
    }
  })

  it('takes who comes through the socket for the owner, unless they show a bad key', async () => {
    const bench = await openCollector()
    const line = JSON.stringify({ service: 'fishing', journey: 'j', ...step() })
    const type = { 'Content-Type': 'application/x-ndjson' }
    expect((await post(bench, line, type)).code).toBe('bad-key')
    expect((await post(bench, line, type, { trusted: true })).status).toBe(200)
    expect((await post(bench, line, { ...type, Authorization: 'Bearer x' }, { trusted: true })).code).toBe('bad-key')
  })

  it('asks browsers for the public key of a service that has one', async () => {
    const bench = await openCollector()
    const key = (await bench.registry.service('keyed'))?.key ?? ''
    const body = (more: object) => bodyOf([step()], { service: 'keyed', ...more })
    for (const wrong of [{}, { key: '' }, { key: `${key}x` }, { key: key.slice(1) }, { key: 7 }, { key: null }]) {
      const answer = await post(bench, body(wrong))
      expect([answer.status, answer.code, answer.path]).toEqual([401, 'bad-key', 'key'])
    }
    expect((await post(bench, body({ key }))).status).toBe(204)
    expect((await post(bench, body({}), authorization(adminSecret))).status).toBe(204)
  })
})

describe('origins', () => {
  it('refuses others than the listed ones with 403 origin-not-allowed, unreadable to their pages', async () => {
    const bench = await openCollector()
    const body = bodyOf([step()], { service: 'listed' })
    for (const origin of [
      'https://elsewhere.example',
      'http://listed.example',
      'https://listed.example:8443',
      'null',
    ]) {
      const answer = await post(bench, body, { Origin: origin })
      expect([answer.status, answer.code]).toEqual([403, 'origin-not-allowed'])
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull()
      expect(answer.headers.get('Vary')).toBe('Origin')
    }
    expect((await post(bench, body)).code).toBe('origin-not-allowed')
    expect(bench.stored()).toEqual([])
  })

  it('lets the pages of listed origins send and read, errors included', async () => {
    const bench = await openCollector()
    for (const origin of ['https://listed.example', 'http://localhost:3000']) {
      const accepted = await post(bench, bodyOf([step()], { service: 'listed' }), { Origin: origin })
      expect([accepted.status, accepted.headers.get('Access-Control-Allow-Origin')]).toEqual([204, origin])
      const refused = await post(bench, bodyOf([{}], { service: 'listed' }), { Origin: origin })
      expect([refused.status, refused.headers.get('Access-Control-Allow-Origin')]).toEqual([400, origin])
      expect(refused.headers.get('Vary')).toBe('Origin')
    }
  })

  it('lets any page send to a service that lists none, and never with credentials', async () => {
    const bench = await openCollector()
    for (const headers of [{ Origin: 'https://any.example' }, {}]) {
      const answer = await post(bench, bodyOf([step()]), headers)
      expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([204, '*'])
      expect(answer.headers.get('Access-Control-Allow-Credentials')).toBeNull()
    }
    expect(
      (await post(bench, 'not json', { Origin: 'https://any.example' })).headers.get('Access-Control-Allow-Origin'),
    ).toBe('*')
  })

  it('answers a preflight', async () => {
    const { app } = await openCollector()
    const answer = await app.request('/v1/events', {
      method: 'OPTIONS',
      headers: { Origin: 'https://any.example', 'Access-Control-Request-Method': 'POST' },
    })
    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST, OPTIONS',
      'access-control-allow-headers': 'Content-Type, Content-Encoding',
      'access-control-max-age': '86400',
      vary: 'Origin',
    })
  })
})

describe('services', () => {
  it('refuses one that is not there with 404 unknown-service, without naming it', async () => {
    const bench = await openCollector()
    const answer = await post(bench, bodyOf([step()], { service: 'no-such-thing' }))
    expect([answer.status, answer.code, answer.path]).toEqual([404, 'unknown-service', 'service'])
    expect(answer.body).not.toContain('no-such-thing')
  })

  it('knows a service as soon as it is there, and no longer once it is deleted', async () => {
    const bench = await openCollector()
    expect((await post(bench, bodyOf([step()]))).status).toBe(204)
    await bench.registry.deleteService('fishing')
    expect((await post(bench, bodyOf([step()]))).status).toBe(404)
  })

  it.each([
    ['absent', undefined],
    ['empty', ''],
    ['in capitals', 'Fishing'],
    ['with an underscore', 'fishing_licence'],
    ['beginning with a hyphen', '-fishing'],
    ['ending with a hyphen', 'fishing-'],
    ['of 65 characters', 'a'.repeat(65)],
    ['a number', 7],
    ['a list', ['fishing']],
  ])('refuses an id that is %s with 400 invalid-event', async (_, service) => {
    const bench = await openCollector()
    const answer = await post(bench, bodyOf([step()], { service }))
    expect([answer.status, answer.code, answer.path]).toEqual([400, 'invalid-event', 'service'])
  })

  it('takes an id of 64 characters for one', async () => {
    const bench = await openCollector()
    expect((await post(bench, bodyOf([step()], { service: 'a'.repeat(64) }))).code).toBe('unknown-service')
  })
})

describe('when something is away', () => {
  it('answers 429 too-many with Retry-After when the log is full', async () => {
    const bench = await openCollector()
    bench.log.failure = new LogFull('full', { retryAfterSeconds: 7 })
    const answer = await post(bench, bodyOf([step()]))
    expect([answer.status, answer.code, answer.headers.get('Retry-After')]).toEqual([429, 'too-many', '7'])
    expect(bench.signals.said).toEqual(['unavailable too-many', 'refused too-many 1'])
  })

  it('answers 503 log-unavailable with Retry-After when the log is away, without saying why', async () => {
    const bench = await openCollector()
    bench.log.failure = new LogUnavailable('no space in /data')
    const answer = await post(bench, bodyOf([step()]))
    expect([answer.status, answer.code, answer.headers.get('Retry-After')]).toEqual([503, 'log-unavailable', '5'])
    expect(answer.body).not.toContain('/data')
  })

  it('answers 503 store-unavailable when the registry cannot be asked', async () => {
    const bench = await openCollector()
    bench.registry.service = async () => {
      throw new StoreUnavailable('away')
    }
    const answer = await post(bench, bodyOf([step()]))
    expect([answer.status, answer.code]).toEqual([503, 'store-unavailable'])
    expect(answer.headers.has('Retry-After')).toBe(true)
  })

  it('answers 500 internal without a stack on a fault of its own', async () => {
    const bench = await openCollector()
    bench.registry.service = async () => {
      throw new TypeError('undefined is not a jo.bloggs')
    }
    const answer = await post(bench, bodyOf([step()]))
    expect([answer.status, answer.code]).toEqual([500, 'internal'])
    expect(answer.body).not.toMatch(/bloggs|at .*\.ts/)
    expect(bench.signals.said[0]).toMatch(/^failed /)
  })

  it('takes no name or value into use for what the log has no room for', async () => {
    const bench = await openCollector()
    const names = bench.knownNames.of('fishing')
    const event = step('page-7', { attrs: { region: 'north' } })
    const pixel = '/v1/pixel.gif?service=fishing&journey=j&step=page-7'
    const headers = { Authorization: `Bearer ${adminSecret}`, 'Content-Type': 'application/x-ndjson' }
    const all = [
      () => post(bench, bodyOf([event])),
      () => post(bench, JSON.stringify({ service: 'fishing', journey: 'j', ...event }), headers),
      () => bench.app.request(pixel),
    ]
    for (const send of all) {
      bench.log.failure = new LogFull('full')
      await send()
      expect([names.seesStep('page-7'), names.seesValue('region', 'north')]).toEqual([false, false])
    }
    // What may be stored all the same stays in use.
    bench.log.failure = new LogUnavailable('away')
    await all[0]?.()
    expect([names.seesStep('page-7'), names.seesValue('region', 'north')]).toEqual([true, true])
  })

  it('answers 429 when as many requests wait for the log as may, and not one fewer', async () => {
    const bench = await openCollector({ appendsInFlightMax: 2 })
    let durable = (): void => undefined
    const fsync = new Promise<void>((resolve) => (durable = resolve))
    const append = bench.log.append.bind(bench.log)
    bench.log.append = async (batch) => {
      await fsync
      await append(batch)
    }
    const waiting = [post(bench, bodyOf([step()])), post(bench, bodyOf([step()]))]
    const third = await post(bench, bodyOf([step()]))
    expect([third.status, third.code, third.headers.get('Retry-After')]).toEqual([429, 'too-many', '1'])
    durable()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([204, 204])
    expect((await post(bench, bodyOf([step()]))).status).toBe(204)
  })

  it('does not answer before the log has', async () => {
    const bench = await openCollector()
    let durable = (): void => undefined
    const fsync = new Promise<void>((resolve) => (durable = resolve))
    bench.log.append = () => fsync
    let answered = false
    const answer = post(bench, bodyOf([step()])).then((result) => {
      answered = true
      return result
    })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(answered).toBe(false)
    durable()
    expect((await answer).status).toBe(204)
  })
})

describe('methods', () => {
  it.each([
    ['GET', '/v1/events', 'POST, OPTIONS'],
    ['HEAD', '/v1/events', 'POST, OPTIONS'],
    ['PUT', '/v1/events', 'POST, OPTIONS'],
    ['DELETE', '/v1/events', 'POST, OPTIONS'],
    ['POST', '/v1/pixel.gif', 'GET, OPTIONS'],
    ['HEAD', '/v1/pixel.gif?service=fishing&journey=j&step=start', 'GET, OPTIONS'],
  ])('answers %s %s with 405 and Allow', async (method, path, allow) => {
    const bench = await openCollector()
    const answer = await bench.app.request(path, { method })
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, allow])
    expect(bench.stored()).toEqual([])
    const headers = { Authorization: 'Bearer nobody' }
    expect((await bench.app.request(path, { method, headers })).status).toBe(401)
  })
})
