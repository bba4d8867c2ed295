import { gunzip } from 'node:zlib'
import type { Limits } from '../domain/limits.ts'
import { Refusal } from './refusal.ts'

export type BodyKind = 'json' | 'ndjson'

/** What a body is, by its `Content-Type`. JSON may come as text/plain, which browsers send without a preflight. */
export function bodyKind(contentType: string | undefined): BodyKind {
  if (contentType === 'application/json') return 'json'
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase())
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=').map((part) => part.trim())
    if (name === 'charset' && !/^"?(?:utf-?8|us-ascii)"?$/.test(value))
      throw new Refusal('unsupported-type', 'expected UTF-8')
  }
  if (type === 'application/json' || type === 'text/plain') return 'json'
  if (type === 'application/x-ndjson') return 'ndjson'
  throw new Refusal('unsupported-type', 'expected application/json, text/plain holding JSON, or application/x-ndjson')
}

/** Whether the body is compressed. @throws {Refusal} when in a way that is not read here */
export function isCompressed(contentEncoding: string | undefined): boolean {
  if (contentEncoding === undefined) return false
  const encoding = contentEncoding.trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return false
  if (encoding === 'gzip' || encoding === 'x-gzip') return true
  throw new Refusal('unsupported-type', 'expected no Content-Encoding, or gzip')
}

// Strips a byte order mark, and puts a replacement character where bytes are no UTF-8.
const utf8 = new TextDecoder()

/**
 * The text of a request's body, which is read no further than its limits allow. Where bytes are no UTF-8 it has
 * replacement characters.
 * @throws {Refusal}
 */
export async function readBody(
  request: { readonly raw: Request; text(): Promise<string>; arrayBuffer(): Promise<ArrayBuffer> },
  options: { kind: BodyKind; compressed: boolean; contentLength: string | undefined; limits: Limits },
): Promise<string> {
  const { kind, compressed, contentLength, limits } = options
  const sentMax = kind === 'json' ? limits.bodyBytesMax : limits.ndjsonBytesMax
  // Either limit may be set below the other.
  const bytesMax = compressed ? sentMax : Math.min(sentMax, limits.decompressedBytesMax)
  const tooLarge = (): Refusal => new Refusal('too-large', `expected a body of at most ${bytesMax} bytes`)
  if (contentLength !== undefined && !(Number(contentLength) <= bytesMax)) throw tooLarge()
  let bytes: Uint8Array
  try {
    // A server hands over exactly as many bytes as the header says: no stream is needed to stop in time, and a
    // text costs one copy less than its bytes.
    if (contentLength !== undefined && !compressed) {
      const text = await request.text()
      if (text.length > bytesMax) throw tooLarge()
      return text
    }
    bytes =
      contentLength === undefined
        ? await readUpTo(request.raw.body, bytesMax)
        : new Uint8Array(await request.arrayBuffer())
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('invalid-json', 'the body broke off', { cause: error })
  }
  if (bytes.length > bytesMax) throw tooLarge()
  return utf8.decode(compressed ? await inflate(bytes, limits.decompressedBytesMax) : bytes)
}

/** Reads at most one chunk past the limit. */
async function readUpTo(body: ReadableStream<Uint8Array> | null, bytesMax: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(value)
    length += value.length
    if (length > bytesMax) {
      // Nobody reads the rest, and nobody waits until it is thrown away.
      reader.cancel().catch(() => undefined)
      break
    }
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length)
}

/** Inflates beside the event loop, a piece at a time, and stops at the limit: a bomb never unfolds. */
function inflate(bytes: Uint8Array, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: bytesMax }, (error, result) => {
      if (error === null) resolve(result)
      else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
        reject(new Refusal('too-large', `expected at most ${bytesMax} bytes after decompression`, { cause: error }))
      else reject(new Refusal('invalid-json', 'expected a whole gzip stream', { cause: error }))
    })
  })
}
