import { LogFull, LogUnavailable } from '../domain/errors.ts'
import type { ProblemCode } from '../domain/problems.ts'
import type { StoredEvent } from '../domain/stored-event.ts'
import { parseJson } from './json.ts'
import { Refusal, refusalOf } from './refusal.ts'
import type { KnownService } from './services.ts'
import { envelopeSteps, eventSteps, run } from './steps/index.ts'
import { Draft, Drop, Envelope, isRaw, type Context } from './steps/step.ts'

/** So many events are appended at once: the process answers others in between. */
const appendedAtOnce = 1_000
/** After so many lines, or so many characters of them, others get their turn, whatever became of the lines. */
const linesInTurn = 1_000
const charsInTurn = 64 * 1024

export interface RefusedLine {
  /** From 1, blank lines counted. */
  readonly line: number
  readonly code: ProblemCode
  readonly detail: string
  /** The field, where one is to blame. */
  readonly path?: string
}

export interface NdjsonAnswer {
  readonly accepted: number
  readonly refusedCount: number
  /** The first so many as the limits allow. */
  readonly refused: readonly RefusedLine[]
}

export interface NdjsonSinks {
  readonly find: (id: unknown) => Promise<KnownService | undefined>
  readonly append: (events: readonly StoredEvent[]) => Promise<void>
  readonly refused: (code: ProblemCode) => void
}

/** Lines that hold something: blank ones are passed over. LF and CRLF end a line, and the last needs no end. */
export function* lines(text: string): Generator<{ line: number; start: number; end: number }> {
  let start = 0
  for (let line = 1; start < text.length; line++) {
    let end = text.indexOf('\n', start)
    if (end === -1) end = text.length
    // Nearly every line begins with its brace; only one that does not is looked at closely.
    if (text.charCodeAt(start) === 0x7b || (end > start && text.slice(start, end).trim() !== ''))
      yield { line, start, end }
    start = end + 1
  }
}

/**
 * The events of an NDJSON body, each line on its own: what is accepted is durable, but for the lines of erased
 * journeys, which are accepted and not kept.
 * @throws {Refusal}
 */
export async function ndjsonEvents(
  text: string,
  context: Context,
  sinks: NdjsonSinks,
): Promise<NdjsonAnswer & { readonly erased: number }> {
  const count = countLines(text, context.limits.ndjsonLinesMax)
  if (count === 0) throw new Refusal('invalid-json', 'the body holds no line')
  const refused: RefusedLine[] = []
  let refusedCount = 0
  let accepted = 0
  let erased = 0
  let batch: StoredEvent[] = []
  const turn = { lines: 0, begun: 0 }
  for (const { line, start, end } of lines(text)) {
    if (++turn.lines > linesInTurn || start - turn.begun > charsInTurn) {
      await new Promise((resolve) => setImmediate(resolve))
      turn.lines = 1
      turn.begun = start
    }
    const result = await lineEvent(text.slice(start, end), context, sinks.find)
    if (result instanceof Refusal) {
      refusedCount++
      sinks.refused(result.code)
      if (refused.length < context.limits.ndjsonRefusedListed) refused.push(refusedLine(line, result))
      continue
    }
    if (result === 'erased') {
      erased++
      continue
    }
    batch.push(result)
    if (batch.length >= appendedAtOnce) {
      await appendPart(batch, accepted, sinks)
      accepted += batch.length
      batch = []
    }
  }
  if (batch.length > 0) await appendPart(batch, accepted, sinks)
  return { accepted: accepted + batch.length + erased, refusedCount, refused, erased }
}

function countLines(text: string, linesMax: number): number {
  let count = 0
  for (const _ of lines(text))
    if (++count > linesMax) throw new Refusal('too-large', `expected at most ${linesMax} lines`)
  return count
}

/** After a 429 nothing is stored. Once a part is, the queue being full is a 503, which says that some may be. */
async function appendPart(batch: readonly StoredEvent[], accepted: number, sinks: NdjsonSinks): Promise<void> {
  try {
    await sinks.append(batch)
  } catch (error) {
    if (error instanceof LogFull && accepted > 0)
      throw new LogUnavailable('the log is full, and a part of the lines is stored', {
        cause: error,
        ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
      })
    throw error
  }
}

async function lineEvent(
  text: string,
  context: Context,
  find: NdjsonSinks['find'],
): Promise<StoredEvent | Refusal | 'erased'> {
  let raw: unknown
  try {
    raw = parseJson(text, 1)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  if (!isRaw(raw)) return new Refusal('invalid-json', 'expected a JSON object')
  const envelope = run(envelopeSteps, new Envelope(raw, await find(raw['service'])), context)
  if (envelope instanceof Drop) return refusalOf(envelope)
  const event = run(eventSteps, new Draft(envelope).of(raw), context)
  if (!(event instanceof Drop)) return event.stored()
  return event.reason === 'erased' ? 'erased' : refusalOf(event)
}

function refusedLine(line: number, { code, message, path }: Refusal): RefusedLine {
  return { line, code, detail: message, ...(path === undefined ? {} : { path }) }
}
