import { Refused } from './refused.ts'

/** How deep a body may nest: deeper than anything that is read here. */
const depthMax = 32

/**
 * The JSON body of a request.
 * @throws {Refused} unsupported-type, too-large, invalid-json
 */
export async function jsonBody(request: Request, bytesMax: number): Promise<object> {
  const [type = '', ...parameters] = (request.headers.get('content-type') ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  if (type !== 'application/json' || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)))
    throw new Refused('unsupported-type', 'expected Content-Type: application/json, in UTF-8')
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity')
    throw new Refused('unsupported-type', 'expected no Content-Encoding')

  const bytes = await bytesOf(request, bytesMax)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Refused('invalid-json')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refused('invalid-json', 'expected an object')
  if (deeperThan(value, depthMax)) throw new Refused('invalid-json', `nested deeper than ${depthMax}`)
  return value
}

/** Reads no further than the limit, whatever `Content-Length` said. */
async function bytesOf(request: Request, bytesMax: number): Promise<Uint8Array> {
  const tooLarge = () => new Refused('too-large', `expected at most ${bytesMax} bytes`)
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    const parts: AsyncIterable<Uint8Array> | readonly Uint8Array[] = request.body ?? []
    for await (const chunk of parts) {
      length += chunk.byteLength
      if (length > bytesMax) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof Refused) throw error
    throw new Refused('invalid-json', 'the body ended early')
  }
  return Buffer.concat(chunks)
}

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((inner) => deeperThan(inner, levels - 1))
}
