import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { problems, type ProblemCode } from '../domain/problems.ts'
import { adminSecret, bodyOf, openCollector, receivedAt, step } from '../tests/support/collector.ts'

/** Whatever comes in: an answer of ours, no 5xx, no stack, and no word of the caller's. */

/** Stands in what is sent wherever a caller's words can, and may stand in no answer. */
const canary = 'canaryzq'

const word = fc.oneof(
  fc.constantFrom(
    canary,
    `${canary}@example.com`,
    '',
    '\0',
    '%',
    '../../etc/passwd',
    "' OR 1=1 --",
    '<script>',
    '__proto__',
  ),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
)
const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc
    .object({
      key: fc.oneof(fc.constantFrom('service', 'journey', 'events', 'step', 'at', 'attrs', 'id', canary), word),
    })
    .map((value) => JSON.stringify(value)),
  fc
    .array(
      fc.dictionary(
        fc.constantFrom(
          'id',
          'type',
          'step',
          'at',
          'seq',
          'outcome',
          'field',
          'code',
          'engagedMs',
          'rating',
          'attrs',
          'channel',
        ),
        fc.oneof(word, fc.anything({ maxDepth: 2 }), fc.constant(receivedAt)),
      ),
    )
    .map((events) =>
      JSON.stringify(bodyOf(events), (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    ),
  fc.constantFrom(
    '[',
    '{"a":',
    `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    '{"events":[{"at":1e999}]}',
    `"${canary}"`,
    '\uFEFF',
  ),
  fc.constant(JSON.stringify(bodyOf([step()]))),
  word,
)
const body = fc.oneof(
  json.map((text) => new TextEncoder().encode(text)),
  fc.array(json, { maxLength: 4 }).map((lines) => new TextEncoder().encode(lines.join('\n'))),
  json.map((text) => new Uint8Array(gzipSync(text))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)),
)
// What a header can hold: Latin-1 without control characters.
const value = word.map((text) => text.replace(/[^\x20-\x7e\xa1-\xff]/g, '').trim())
const headers = fc.record(
  {
    'Content-Type': fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          'application/json',
          'text/plain',
          'application/x-ndjson',
          'application/json; charset=utf-8',
        ),
      },
      { weight: 1, arbitrary: value },
    ),
    'Content-Encoding': fc.oneof(fc.constantFrom('gzip', 'identity', 'br'), value),
    Authorization: fc.oneof(fc.constant(`Bearer ${adminSecret}`), value),
    Origin: value,
    Referer: value,
    'User-Agent': value,
    Host: value,
  },
  { requiredKeys: [] },
)

async function holds(response: Response, sent: string): Promise<void> {
  const text = await response.text()
  const said = `${response.status} ${text} ${JSON.stringify([...response.headers])} for ${sent}`
  expect(response.status, said).toBeLessThan(500)
  expect(`${text} ${JSON.stringify([...response.headers])}`, said).not.toContain(canary)
  expect(text, said).not.toMatch(/\\n +at |node_modules|\.[jt]s:\d/)
  if (response.status < 400) return
  const document = JSON.parse(text) as { code: ProblemCode; status: number }
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  expect(problems[document.code].status, said).toBe(response.status)
  expect(document.status).toBe(response.status)
}

describe('whatever comes in', () => {
  it('POST /v1/events answers with a success or with a problem of ours', async () => {
    const bench = await openCollector()
    await fc.assert(
      fc.asyncProperty(body, headers, fc.boolean(), async (bytes, given, sized) => {
        const all = { ...given, ...(sized ? { 'Content-Length': String(bytes.length) } : {}) }
        const response = await bench.app.request('/v1/events', { method: 'POST', body: bytes, headers: all })
        await holds(response, `${JSON.stringify(all)} ${Buffer.from(bytes).toString('latin1').slice(0, 500)}`)
      }),
      { numRuns: 4_000 },
    )
    expect(bench.signals.said.filter((said) => said.startsWith('failed'))).toEqual([])
  })

  it('GET /v1/pixel.gif answers with its image', async () => {
    const bench = await openCollector()
    const query = fc.array(
      fc.tuple(
        fc.oneof(fc.constantFrom('service', 'journey', 'step', 'type', 'outcome', 'key', canary), word),
        fc.oneof(fc.constantFrom('fishing', 'keyed', 'start', 'outcome'), word),
      ),
    )
    await fc.assert(
      fc.asyncProperty(query, fc.boolean(), headers, async (pairs, raw, given) => {
        const text = raw
          ? pairs
              .map((pair) => pair.join('='))
              .join('&')
              .replace(/[^!-~]|#/g, '%')
          : new URLSearchParams(pairs.map(([name, of]): [string, string] => [name, of])).toString()
        const response = await bench.app.request(`/v1/pixel.gif?${text}`, { headers: given })
        expect([response.status, response.headers.get('Content-Type')], text).toEqual([200, 'image/gif'])
      }),
      { numRuns: 1_500 },
    )
    expect(bench.signals.said.filter((said) => said.startsWith('failed'))).toEqual([])
  })

  it('any method and any path below are no 5xx', async () => {
    const { app } = await openCollector()
    const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST')
    await fc.assert(
      fc.asyncProperty(method, fc.constantFrom('/v1/events', '/v1/pixel.gif'), headers, async (verb, path, given) => {
        const response = await app.request(path, { method: verb, headers: given })
        expect(response.status).toBeLessThan(500)
      }),
      { numRuns: 500 },
    )
  })
})
