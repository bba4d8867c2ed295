import { describe, expect, it } from 'vitest'
import { CommandError, type Answer, type Body } from '../connection.ts'
import type { ImportRecord } from './record.ts'
import { send, type Sent } from './send.ts'

async function* records(count: number, bad: (line: number) => boolean = () => false): AsyncGenerator<ImportRecord> {
  for (let line = 1; line <= count; line++) yield { line, event: JSON.stringify({ line, bad: bad(line) }) }
}

/** As the server answers NDJSON: names the first 100 refused lines of a request. */
function answer(body: Body | undefined): Answer {
  const lines = (body?.text ?? '').split('\n').map((line) => JSON.parse(line) as { bad: boolean })
  const refused = lines.flatMap(({ bad }, index) =>
    bad ? [{ line: index + 1, code: 'invalid-event', detail: 'at' }] : [],
  )
  const text = JSON.stringify({
    accepted: lines.length - refused.length,
    refusedCount: refused.length,
    refused: refused.slice(0, 100),
  })
  return { status: refused.length === lines.length ? 400 : 200, retryAfterSeconds: undefined, text }
}

const noWait = () => Promise.resolve()

async function sendAll(
  request: (body: Body | undefined) => Answer | Promise<Answer>,
  from: AsyncIterable<ImportRecord>,
  wait: (ms: number) => Promise<void> = noWait,
): Promise<Sent[]> {
  const sent: Sent[] = []
  for await (const one of send({ request: async (_method, _path, body) => await request(body) }, from, wait))
    sent.push(one)
  return sent
}

describe('sending', () => {
  it('goes in requests of at most 5,000 lines', async () => {
    const sent = await sendAll(answer, records(12_000))
    expect(sent.map((one) => one.accepted)).toEqual([5_000, 5_000, 2_000])
  })

  it('names every refused line of the file, however many', async () => {
    const sent = await sendAll(
      answer,
      records(6_000, (line) => line % 3 === 0),
    )
    expect(sent.flatMap(({ refused }) => refused.map(({ line }) => line))).toEqual(
      Array.from({ length: 2_000 }, (_, index) => (index + 1) * 3),
    )
    expect(sent.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(4_000)
  })

  it('goes on when every line of a request is refused', async () => {
    const sent = await sendAll(
      answer,
      records(50, () => true),
    )
    expect(sent).toMatchObject([{ records: 50, accepted: 0 }])
  })

  it('waits as long as it is told, and tries again', async () => {
    let tries = 0
    const waits: number[] = []
    const sent = await sendAll(
      (body) => (++tries < 3 ? { status: 503, retryAfterSeconds: 7, text: '{}' } : answer(body)),
      records(10),
      (ms) => {
        waits.push(ms)
        return Promise.resolve()
      },
    )
    expect(sent).toMatchObject([{ accepted: 10 }])
    expect(waits).toEqual([7_000, 7_000])
  })

  it('gives up on a server that stays away, and says so', async () => {
    await expect(sendAll(() => Promise.reject(new Error('ECONNREFUSED')), records(1))).rejects.toThrow(
      /^the server is away/,
    )
    await expect(sendAll(() => ({ status: 429, retryAfterSeconds: 1, text: '{}' }), records(1))).rejects.toBeInstanceOf(
      CommandError,
    )
  })

  it('stops at once where trying again cannot help', async () => {
    const problem = JSON.stringify({ title: 'The key does not reach this far', code: 'scope-missing' })
    const attempt = sendAll(() => ({ status: 403, retryAfterSeconds: undefined, text: problem }), records(1))
    await expect(attempt).rejects.toThrow('The key does not reach this far (scope-missing)')
  })
})
