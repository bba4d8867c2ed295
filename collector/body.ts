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

// Strips a byte order mark, and throws on bytes that are no UTF-8.
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of a request's body, which is read no further than its limits allow. @throws {Refusal} */
export async function readBody(
  request: { readonly raw: Request; text(): Promise<string>; arrayBuffer(): Promise<ArrayBuffer> },
  options: { kind: BodyKind; compressed: boolean; contentLength: string | undefined; limits: Limits },
): Promise<string> {
  const { kind, compressed, contentLength, limits } = options
  const bytesMax = kind === 'json' ? limits.bodyBytesMax : limits.ndjsonBytesMax
  const tooLarge = (): Refusal => new Refusal('too-large', `expected a body of at most ${bytesMax} bytes`)
  // A server hands over exactly as many bytes as the header says: nothing can run over, and no stream is needed.
  if (contentLength !== undefined && !(Number(contentLength) <= bytesMax)) throw tooLarge()
  if (contentLength !== undefined && !compressed && kind === 'json') return readText(request, bytesMax, limits)
  let bytes: Uint8Array
  try {
    bytes =
      contentLength === undefined
        ? await readUpTo(request.raw.body, bytesMax)
        : new Uint8Array(await request.arrayBuffer())
  } catch (error) {
    throw new Refusal('invalid-json', 'the body broke off', { cause: error })
  }
  if (bytes.length > bytesMax) throw tooLarge()
  if (compressed) bytes = await inflate(bytes, limits.decompressedBytesMax)
  // Either limit may be set below the other.
  else if (bytes.length > limits.decompressedBytesMax)
    throw new Refusal('too-large', `expected a body of at most ${limits.decompressedBytesMax} bytes`)
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new Refusal('invalid-json', 'expected UTF-8', { cause: error })
  }
}

/**
 * The quick way for what nearly every request is. It puts a replacement character where bytes are no UTF-8, so
 * a text that holds one is refused, though it may have come so.
 */
async function readText(request: { text(): Promise<string> }, bytesMax: number, limits: Limits): Promise<string> {
  let text: string
  try {
    text = await request.text()
  } catch (error) {
    throw new Refusal('invalid-json', 'the body broke off', { cause: error })
  }
  // In bytes it is at least as long as this, and no longer than its header said.
  const charsMax = Math.min(bytesMax, limits.decompressedBytesMax)
  if (text.length > charsMax) throw new Refusal('too-large', `expected a body of at most ${charsMax} bytes`)
  if (text.includes('\uFFFD')) throw new Refusal('invalid-json', 'expected UTF-8, without replacement characters')
  return text
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
