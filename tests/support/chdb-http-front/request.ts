import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream/promises'
import { Writable } from 'node:stream'
import { Exception } from './exception.ts'

/** A request of the HTTP interface, read whole. */
export interface HttpQuery {
  readonly queryId: string
  readonly database: string | undefined
  readonly defaultFormat: string
  readonly settings: ReadonlyMap<string, string>
  readonly params: ReadonlyMap<string, string>
  /** Said in the URL beside settings: what the interface itself does. */
  readonly waitEndOfQuery: boolean
  /** `query` of the URL or of a form, a line break and the body. */
  readonly text: Buffer
}

/** As a server's defaults: http_max_uri_size, http_max_field_value_size. */
const uriBytesMax = 1_048_576
const fieldBytesMax = 131_072

/** Of the interface, not of the engine: HTTPHandler.cpp reserves some, some are only read by it. */
const ofTheInterface =
  /^(compress|decompress|user|password|quota_key|query_id|stacktrace|buffer_size|wait_end_of_query|session_\w+|client_protocol_version|close_session|role|enable_http_compression|http_\w+|send_progress_in_http_headers|cancel_http_readonly_queries_on_client_close|readonly)$/

/** @throws {Exception} */
export function fieldsOfUrl(url: string): [name: string, value: string][] {
  if (url.length > uriBytesMax) throw poco('Length of HTTP URI is too long')
  const query = url.split('?')[1] ?? ''
  // The limit is of the field as it is written.
  for (const field of query.split('&')) if (field.length - field.indexOf('=') - 1 > fieldBytesMax) throw tooLong()
  return [...new URLSearchParams(query)]
}

/** @throws {Exception} @throws when the connection goes before the body has ended */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const encoding = request.headers['content-encoding']
  const chunks: Buffer[] = []
  const collect = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk)
      done()
    },
  })
  if (encoding === undefined) await pipeline(request, collect)
  else if (encoding === 'gzip') await pipeline(request, createGunzip(), collect)
  else throw new Exception(48, 'NOT_IMPLEMENTED', `Unknown compression method ${encoding}`)
  return Buffer.concat(chunks)
}

/** @throws {Exception} */
export function httpQueryOf(request: IncomingMessage, fields: readonly [string, string][], body: Buffer): HttpQuery {
  const boundary = /^multipart\/form-data;\s*boundary="?([^";]+)"?/i.exec(request.headers['content-type'] ?? '')?.[1]
  // A server reads a form from the bytes as they came: it would find no boundary in compressed ones.
  if (boundary !== undefined && request.headers['content-encoding'] !== undefined) throw poco('No boundary line found')
  const all = boundary === undefined ? fields : [...fields, ...partsOf(body, boundary)]
  const of = (name: string) => fields.find(([other]) => other === name)?.[1]
  const settings = new Map<string, string>()
  const params = new Map<string, string>()
  for (const [name, value] of all) if (name.startsWith('param_')) params.set(name.slice('param_'.length), value)
  for (const [name, value] of fields)
    if (!/^(param_.*|query|database|default_format|)$/.test(name) && !ofTheInterface.test(name))
      settings.set(name, value)
  const query = all.filter(([name]) => name === 'query').map(([, value]) => value)
  return {
    queryId: of('query_id') ?? crypto.randomUUID(),
    database: header(request, 'x-clickhouse-database') ?? of('database'),
    defaultFormat: header(request, 'x-clickhouse-format') ?? of('default_format') ?? 'TabSeparated',
    settings,
    params,
    waitEndOfQuery: of('wait_end_of_query') === '1',
    text:
      boundary !== undefined
        ? Buffer.from(query.join(''))
        : query.length === 0
          ? body
          : Buffer.concat([Buffer.from(`${query.join('')}\n`), body]),
  }
}

/** Fields of a form; one with a file is external data, which nobody here sends. */
function partsOf(body: Buffer, boundary: string): [string, string][] {
  const text = body.toString()
  const parts = text.split(new RegExp(`(?:^|\\r\\n)--${escaped(boundary)}(?:--)?(?:\\r\\n|$)`))
  if (!text.includes(`--${boundary}--`))
    throw new Exception(
      33,
      'CANNOT_READ_ALL_DATA',
      'Unexpected EOF, did not find the last boundary while parsing a multipart HTTP request',
    )
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const end = part.indexOf('\r\n\r\n')
      const name = /name="([^"]*)"/.exec(part.slice(0, end))?.[1] ?? ''
      const value = part.slice(end + 4)
      if (Buffer.byteLength(value) > fieldBytesMax) throw tooLong()
      return [name, value]
    })
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

const tooLong = (): Exception => poco('HTML Form Exception: Field value too long')
const poco = (message: string): Exception =>
  new Exception(1000, 'POCO_EXCEPTION', `Poco::Exception. Code: 1000, e.code() = 0, ${message}`)
