import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { LogFull, LogUnavailable } from '../domain/errors.ts'
import { linesAnswer } from '../domain/event-input.ts'
import type { StoredEvent } from '../domain/stored-event.ts'
import { adminSecret, openCollector, post, receivedAt, type Bench } from '../tests/support/collector.ts'

const line = (more: object = {}): string =>
  JSON.stringify({ service: 'fishing', journey: 'j', step: 'start', at: receivedAt - 1000, ...more })

const type = { 'Content-Type': 'application/x-ndjson' }

async function send(bench: Bench, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const answer = await post(bench, body, { ...type, Authorization: `Bearer ${adminSecret}`, ...headers })
  const document: unknown = JSON.parse(answer.body)
  return { ...answer, document }
}

describe('POST /v1/events, NDJSON', () => {
  it('stores what is good, lists what is not, line by line', async () => {
    const bench = await openCollector()
    const body = [
      line(),
      line({ journey: 'k', service: 'listed', channel: 'paper' }),
      '{"service":"fishing"',
      '[]',
      line({ step: 7 }),
      line({ service: 'nowhere' }),
      line({ step: 'jo@example.com' }),
      line({ service: 'Fishing' }),
      line({ journey: '' }),
      line({ type: 'outcome', outcome: 'completed', step: undefined }),
    ].join('\n')
    const { status, document } = await send(bench, body)
    expect(status).toBe(200)
    expect(linesAnswer.parse(document)).toEqual({
      accepted: 3,
      refusedCount: 7,
      refused: [
        { line: 3, code: 'invalid-json', detail: 'expected JSON' },
        { line: 4, code: 'invalid-json', detail: 'expected a JSON object' },
        { line: 5, code: 'invalid-event', path: 'step', detail: expect.any(String) as string },
        { line: 6, code: 'unknown-service', path: 'service', detail: expect.any(String) as string },
        { line: 7, code: 'personal-data', path: 'step', detail: expect.any(String) as string },
        { line: 8, code: 'invalid-event', path: 'service', detail: expect.any(String) as string },
        { line: 9, code: 'invalid-event', path: 'journey', detail: expect.any(String) as string },
      ],
    })
    expect(bench.stored().map(({ service, type, channel }) => [service, type, channel])).toEqual([
      ['fishing', 'step', 'online'],
      ['listed', 'step', 'paper'],
      ['fishing', 'outcome', 'online'],
    ])
    expect(bench.signals.said.filter((said) => said.startsWith('refused'))).toHaveLength(7)
  })

  it('counts a copy as accepted', async () => {
    const bench = await openCollector()
    expect((await send(bench, `${line()}\n${line()}`)).document).toMatchObject({ accepted: 2, refusedCount: 0 })
    const [first, second] = bench.stored()
    expect(first?.identity).toBe(second?.identity)
  })

  it('ends lines with LF or CRLF, passes over blank ones and a byte order mark, and needs no last end', async () => {
    const bench = await openCollector()
    const body = `\uFEFF${line()}\r\n\r\n  ${line()}\n \t \n${line()}\n{}\n\n${line()}`
    const { status, document } = await send(bench, body)
    expect(status).toBe(200)
    expect(document).toMatchObject({ accepted: 4, refusedCount: 1, refused: [{ line: 6 }] })
  })

  it.each([['x'.repeat(0)], ['\n\r\n'], [' \n\t']])(
    'refuses the body %j, which holds no line, with 400 invalid-json',
    async (body) => {
      const bench = await openCollector()
      const answer = await send(bench, body)
      expect([answer.status, answer.code]).toEqual([400, 'invalid-json'])
    },
  )

  it('answers 400 when every line is refused, and lists them all the same', async () => {
    const bench = await openCollector()
    const answer = await send(bench, `{}\n${line({ service: 'nowhere' })}`)
    expect([answer.status, answer.headers.get('Content-Type')]).toEqual([400, 'application/problem+json'])
    expect(answer.document).toMatchObject({
      code: 'invalid-event',
      accepted: 0,
      refusedCount: 2,
      refused: [
        { line: 1, code: 'invalid-event' },
        { line: 2, code: 'unknown-service' },
      ],
    })
    expect(answer.body).not.toContain('nowhere')
  })

  it('lists the first 100 refused lines and counts them all', async () => {
    const bench = await openCollector()
    const { document } = await send(bench, [...Array.from({ length: 101 }, () => '{}'), line()].join('\n'))
    const { refused, refusedCount } = linesAnswer.parse(document)
    expect([refused.length, refusedCount]).toEqual([100, 101])
  })

  it('takes 50,000 lines, blank ones not counted, and refuses one more with 413 before it stores any', async () => {
    const bench = await openCollector()
    const short = JSON.stringify({ service: 'fishing', journey: 'j', step: 'start', at: 0 })
    const full = `${short}\n\n`.repeat(50_000)
    expect((await send(bench, full)).document).toMatchObject({ accepted: 50_000, refusedCount: 0 })
    expect(bench.stored()).toHaveLength(50_000)
    const answer = await send(bench, full + short)
    expect([answer.status, answer.code]).toEqual([413, 'too-large'])
    expect(bench.stored()).toEqual([])
  })

  it('takes a body of exactly 8 MiB, and refuses one byte more with 413', async () => {
    const bench = await openCollector()
    const max = 8 * 1024 * 1024
    for (const length of [{}, { 'Content-Length': String(max) }])
      expect((await send(bench, line().padEnd(max), length)).status).toBe(200)
    expect((await send(bench, line().padEnd(max + 1))).code).toBe('too-large')
    expect((await send(bench, line().padEnd(max + 1), { 'Content-Length': String(max + 1) })).code).toBe('too-large')
  })

  it('refuses a line that unfolds to more than 256 values, and keeps the others', async () => {
    const bench = await openCollector()
    const signs = line({ more: [0] }).replace(/[^,{[]/g, '').length
    const withValues = (count: number): string =>
      line({ more: [0], note: 'n'.repeat(1_024) }).replace('[0]', `[0${',0'.repeat(count - signs - 1)}]`)
    const { document } = await send(bench, [withValues(256), withValues(257), line()].join('\n'))
    expect(document).toMatchObject({ accepted: 2, refused: [{ line: 2, code: 'too-large' }] })
  })

  it.each([
    ['refused lines', '{}\n'.repeat(20_000), 19],
    ['long lines', `${line({ note: 'n'.repeat(70_000) })}\n`.repeat(20), 19],
  ])('gives others their turn between %s', async (_, body, atLeast) => {
    const bench = await openCollector()
    let turns = 0
    let done = false
    const turn = () => {
      turns++
      if (!done) setImmediate(turn)
    }
    const answer = send(bench, body).finally(() => (done = true))
    setImmediate(turn)
    await answer
    expect(turns).toBeGreaterThanOrEqual(atLeast)
  })

  it('reads gzip', async () => {
    const bench = await openCollector()
    const { document } = await send(bench, new Uint8Array(gzipSync(`${line()}\n`.repeat(3))), {
      'Content-Encoding': 'gzip',
    })
    expect(document).toMatchObject({ accepted: 3 })
  })

  it.each([
    ['no key', {}, 401, 'bad-key'],
    ['a bad key', { Authorization: 'Bearer nobody' }, 401, 'bad-key'],
  ])('refuses %s with %d', async (_, headers, status, code) => {
    const bench = await openCollector()
    const answer = await post(bench, line(), { ...type, ...headers })
    expect([answer.status, answer.code]).toEqual([status, code])
  })

  it('refuses a key without the scope ingest with 403, and of one service the lines of others', async () => {
    const bench = await openCollector()
    const reader = await send(bench, line(), { Authorization: `Bearer ${await bench.key(['read'])}` })
    expect([reader.status, reader.code]).toEqual([403, 'scope-missing'])
    const own = { Authorization: `Bearer ${await bench.key(['ingest'], { service: 'fishing' })}` }
    const { document } = await send(
      bench,
      [line(), line({ service: 'listed' }), line({ service: 'nowhere' })].join('\n'),
      own,
    )
    expect(document).toMatchObject({
      accepted: 1,
      refused: [
        { line: 2, code: 'scope-missing' },
        { line: 3, code: 'scope-missing' },
      ],
    })
  })

  it('refuses a line that is no UTF-8, and keeps the others', async () => {
    const bench = await openCollector()
    const damaged = Buffer.from(line({ step: 'x' }))
    damaged[damaged.indexOf('"x"') + 1] = 0xff
    const bytes = Buffer.concat([Buffer.from(`${line()}\n`), damaged])
    expect((await send(bench, new Uint8Array(bytes))).document).toMatchObject({
      accepted: 1,
      refused: [{ line: 2, code: 'invalid-json' }],
    })
  })

  it('answers 429 when the log is full at once, and 503 once a part is stored', async () => {
    const bench = await openCollector()
    const append = bench.log.append.bind(bench.log)
    let calls = 0
    let takes = 0
    bench.log.append = async (batch: readonly StoredEvent[]) => {
      if (calls++ >= takes) throw new LogFull('full', { retryAfterSeconds: 9 })
      await append(batch)
    }
    const body = `${line()}\n`.repeat(2_500)
    const none = await send(bench, body)
    expect([none.status, none.code, bench.stored().length]).toEqual([429, 'too-many', 0])
    calls = 0
    takes = 2
    const part = await send(bench, body)
    expect([part.status, part.code, part.headers.get('Retry-After')]).toEqual([503, 'log-unavailable', '9'])
    expect(bench.stored()).toHaveLength(2_000)
    calls = 0
    takes = 1
    const names = bench.knownNames.of('fishing')
    await send(bench, `${line({ step: 'kept' })}\n`.repeat(1_000) + line({ step: 'not-kept' }))
    expect([names.seesStep('kept'), names.seesStep('not-kept')]).toEqual([true, false])
  })

  it('answers 503 when the log is away', async () => {
    const bench = await openCollector()
    bench.log.failure = new LogUnavailable('away')
    const answer = await send(bench, line())
    expect([answer.status, answer.code]).toEqual([503, 'log-unavailable'])
  })

  it('never listens to a sender’s clock: a secret key is trusted', async () => {
    const bench = await openCollector()
    await send(bench, line({ at: 5000, sentAt: 5000 }))
    expect(bench.stored()[0]?.at).toBe(5000)
  })
})
