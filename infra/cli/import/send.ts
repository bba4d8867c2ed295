import { CommandError, problemLine, type Answer, type Connection } from '../connection.ts'
import type { ImportRecord } from './record.ts'

/** Lines of one request: a refusal in it costs at most so many lines sent again. */
const linesPerRequest = 5_000
const bytesPerRequest = 4 * 1024 * 1024
/** The server names the first so many refused lines of a request. */
const refusedListed = 100
const triesMax = 8

export interface Refused {
  readonly line: number
  readonly code: string
  readonly detail: string
}

export interface Sent {
  /** Records read so far that need not be sent again. */
  readonly records: number
  readonly accepted: number
  readonly refused: readonly Refused[]
}

/**
 * Sends the records in requests, one after another, and tells of each when it is durable.
 * @throws {CommandError} when the server will not take them, or is away for too long
 */
export async function* send(
  connection: Pick<Connection, 'request'>,
  records: AsyncIterable<ImportRecord>,
  wait: (ms: number) => Promise<void>,
): AsyncGenerator<Sent> {
  for await (const batch of batches(records)) {
    const unreadable = batch.flatMap(({ line, fault }) =>
      fault === undefined ? [] : [{ line, code: 'unreadable', detail: fault }],
    )
    const { accepted, refused } = await sendBatch(connection, batch.filter(isReadable), wait)
    yield { records: batch.length, accepted, refused: [...unreadable, ...refused].sort((a, b) => a.line - b.line) }
  }
}

interface Readable {
  readonly line: number
  readonly event: string
}

function isReadable(record: ImportRecord): record is ImportRecord & Readable {
  return record.event !== undefined
}

async function* batches(records: AsyncIterable<ImportRecord>): AsyncGenerator<ImportRecord[]> {
  let batch: ImportRecord[] = []
  let chars = 0
  for await (const record of records) {
    batch.push(record)
    chars += record.event?.length ?? 0
    if (batch.length < linesPerRequest && chars < bytesPerRequest / 4) continue
    yield batch
    batch = []
    chars = 0
  }
  if (batch.length > 0) yield batch
}

interface NdjsonAnswer {
  readonly accepted: number
  readonly refusedCount: number
  readonly refused: readonly { line: number; code: string; detail?: string }[]
}

async function sendBatch(
  connection: Pick<Connection, 'request'>,
  batch: readonly Readable[],
  wait: (ms: number) => Promise<void>,
): Promise<{ accepted: number; refused: Refused[] }> {
  if (batch.length === 0) return { accepted: 0, refused: [] }
  const answer = await untilTaken(connection, batch.map(({ event }) => event).join('\n'), wait)
  const result = ndjsonAnswer(answer)
  if (result === undefined) throw new CommandError(problemLine(answer))
  if (result.refusedCount > result.refused.length && batch.length > refusedListed) {
    // More were refused than are named: the same in pieces names them all, and events sent twice are one.
    const pieces = { accepted: 0, refused: [] as Refused[] }
    for (let start = 0; start < batch.length; start += refusedListed) {
      const piece = await sendBatch(connection, batch.slice(start, start + refusedListed), wait)
      pieces.accepted += piece.accepted
      pieces.refused.push(...piece.refused)
    }
    return pieces
  }
  return {
    accepted: result.accepted,
    refused: result.refused.map(({ line, code, detail }) => ({
      line: batch[line - 1]?.line ?? 0,
      code,
      detail: detail ?? '',
    })),
  }
}

/** 200, or 400 when every line is refused; both say what became of each line. */
function ndjsonAnswer({ status, text }: Answer): NdjsonAnswer | undefined {
  if (status !== 200 && status !== 400) return undefined
  try {
    const body = JSON.parse(text) as Partial<NdjsonAnswer>
    if (!Array.isArray(body.refused)) return undefined
    const refused = body.refused as NdjsonAnswer['refused']
    return { accepted: body.accepted ?? 0, refusedCount: body.refusedCount ?? refused.length, refused }
  } catch {
    return undefined
  }
}

/** 429, 503 and a connection that broke are tried again: what is durable already is only sent twice. */
async function untilTaken(
  connection: Pick<Connection, 'request'>,
  text: string,
  wait: (ms: number) => Promise<void>,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    let seconds: number
    try {
      const answer = await connection.request('POST', '/v1/events', { text, type: 'application/x-ndjson' })
      if (answer.status !== 429 && answer.status !== 503) return answer
      if (attempt === triesMax)
        throw new CommandError(`${problemLine(answer)}: gave up after ${triesMax} tries; run it again to go on`)
      seconds = answer.retryAfterSeconds ?? 2 ** attempt
    } catch (error) {
      if (error instanceof CommandError) throw error
      if (attempt === triesMax)
        throw new CommandError('the server is away: run it again to go on where it stopped', 1, { cause: error })
      seconds = 2 ** attempt
    }
    await wait(Math.min(seconds, 60) * 1000)
  }
}
