import { createReadStream } from 'node:fs'
import { appendFile, stat, writeFile } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { Transform, type Readable } from 'node:stream'
import { CommandError, json, type Connection } from '../connection.ts'
import { nothingYet, openCheckpoint, type Checkpoint, type Progressed } from './checkpoint.ts'
import { readCsv, type CsvColumns } from './csv.ts'
import { readNdjson } from './ndjson.ts'
import { createProgress } from './progress.ts'
import type { ImportRecord } from './record.ts'
import { send, type Refused } from './send.ts'
import { readXes } from './xes.ts'

export type ImportFormat =
  | { readonly kind: 'ndjson' }
  | ({ readonly kind: 'csv' } & CsvColumns)
  | {
      readonly kind: 'xes'
      readonly service: string
      readonly attrs: Readonly<Record<string, string>>
    }

export interface ImportOptions {
  /** A path, or `-` for standard input. */
  readonly file: string
  readonly gzip: boolean
  readonly format: ImportFormat
  /** Where every refused line goes, as NDJSON. */
  readonly refusedFile?: string | undefined
}

export interface ImportIo {
  readonly connection: Pick<Connection, 'request' | 'data'>
  readonly stdin: Readable
  /** Standard error is a terminal. */
  readonly terminal: boolean
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
  /** Whoever started it wants it to end: what was sent is kept. */
  readonly stopped: () => boolean
  readonly tell: (line: string) => void
}

/** Refused lines that are told; all go into the file of `--refused`. */
const refusedTold = 20

/**
 * Streams a file into Waymark and waits until every answer shows it. Run again after a fault, it goes on where it
 * stopped; run again after its end, it changes nothing, since events sent twice are one.
 * @throws {CommandError}
 */
export async function importFile(options: ImportOptions, io: ImportIo): Promise<Progressed> {
  const source = await openSource(options, io)
  const checkpoint = await source.checkpoint
  const before = checkpoint?.before ?? nothingYet
  if (before.records > 0) io.tell(`goes on after ${before.records} events`)
  else if (options.refusedFile !== undefined) await writeFile(options.refusedFile, '')
  const progress = createProgress({ bytesTotal: source.bytesTotal, terminal: io.terminal, now: io.now, write: io.tell })
  let total = before
  try {
    const records = skip(reader(options.format)(source.chunks), before.records)
    for await (const sent of send(io.connection, records, io.wait)) {
      if (options.refusedFile !== undefined) await appendFile(options.refusedFile, ndjson(sent.refused))
      total = {
        records: total.records + sent.records,
        accepted: total.accepted + sent.accepted,
        refused: total.refused + sent.refused.length,
        told: [...total.told, ...sent.refused].slice(0, refusedTold),
      }
      await checkpoint?.keep(total)
      progress.update(source.bytesRead(), total.records)
      if (io.stopped())
        throw new CommandError(`stopped after ${total.records} events: run it again to go on where it stopped`)
    }
  } finally {
    progress.stop()
    tellRefused(total, io.tell)
  }
  await untilShown(io)
  await checkpoint?.remove()
  return total
}

function reader(format: ImportFormat): (chunks: AsyncIterable<string>) => AsyncGenerator<ImportRecord> {
  switch (format.kind) {
    case 'ndjson':
      return readNdjson
    case 'csv':
      return (chunks) => readCsv(chunks, format)
    case 'xes':
      return (chunks) => readXes(chunks, format)
  }
}

interface Source {
  readonly chunks: AsyncIterable<string>
  readonly bytesTotal: number | null
  readonly bytesRead: () => number
  readonly checkpoint: Promise<Checkpoint | undefined>
}

async function openSource({ file, gzip, format }: ImportOptions, { stdin, connection }: ImportIo): Promise<Source> {
  let bytes = 0
  const counter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length
      done(null, chunk)
    },
  })
  const known = file === '-' ? undefined : await fileFacts(file)
  const raw = known === undefined ? stdin : createReadStream(file)
  const stages = gzip ? [counter, createGunzip()] : [counter]
  let last: Readable = raw
  for (const stage of stages) {
    last.once('error', (error) => stage.destroy(error))
    last = last.pipe(stage)
  }
  last.setEncoding('utf8')
  return {
    chunks: readable(last, gzip),
    bytesTotal: known?.size ?? null,
    bytesRead: () => bytes,
    checkpoint:
      known === undefined
        ? Promise.resolve(undefined)
        : openCheckpoint(file, [known.size, known.mtimeMs, gzip, format, connection.data]),
  }
}

async function fileFacts(file: string): Promise<{ size: number; mtimeMs: number }> {
  try {
    const facts = await stat(file)
    if (!facts.isFile()) throw new CommandError(`${file} is no file`, 2)
    return facts
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(`${file} cannot be read`, 2, { cause: error })
  }
}

async function* readable(stream: Readable, gzip: boolean): AsyncGenerator<string> {
  try {
    for await (const chunk of stream) yield chunk as string
  } catch (error) {
    const what = gzip ? 'the file ends early or is no gzip' : 'the file cannot be read'
    throw new CommandError(`${what}: ${error instanceof Error ? error.message : String(error)}`, 1, { cause: error })
  }
}

async function* skip(records: AsyncIterable<ImportRecord>, count: number): AsyncGenerator<ImportRecord> {
  let seen = 0
  for await (const record of records) {
    seen += 1
    if (seen > count) yield record
  }
}

function tellRefused({ told, refused }: Progressed, tell: (line: string) => void): void {
  for (const { line, code, detail } of told) tell(`line ${line}: ${code}${detail === '' ? '' : `: ${detail}`}`)
  if (refused > told.length) tell(`and ${refused - told.length} more refused`)
}

const ndjson = (refused: readonly Refused[]): string => refused.map((line) => `${JSON.stringify(line)}\n`).join('')

/** Where others send without pause, nothing pending may never come. */
const shownWaitMs = 60_000

/** Resolves when answers show what was imported; a key that may not ask goes without. */
async function untilShown({ connection, now, wait, tell }: ImportIo): Promise<void> {
  const deadline = now() + shownWaitMs
  for (;;) {
    const answer = await connection.request('GET', '/v1/status')
    if (answer.status === 401 || answer.status === 403) return
    const { pendingEvents } = json(answer) as { pendingEvents: number }
    if (pendingEvents === 0) return
    if (now() > deadline) return tell(`${pendingEvents} events are durable and still on their way into the answers`)
    await wait(100)
  }
}
