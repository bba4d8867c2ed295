import { createHash } from 'node:crypto'
import { cursorWithoutMoment } from '../queries/cursor.ts'

/**
 * The tag of an answer (RFC 9110 §8.8.3): of all that it says but the moment that it was asked at, so that it changes
 * with data and definitions, and when the clock changes a state or moves a default period, and else stays. Weak,
 * since answers of one tag differ in that moment.
 * @param mediaType representations have tags of their own
 */
export function entityTag(value: unknown, mediaType: string): string {
  const said = createHash('sha256')
    .update(mediaType)
    .update('\n')
    .update(JSON.stringify(withoutMoment(value)))
  return `W/"${said.digest('base64url').slice(0, 22)}"`
}

function withoutMoment(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'asOf')
      .map(([name, inner]: [string, unknown]) => [
        name,
        name === 'cursor' && typeof inner === 'string' ? cursorWithoutMoment(inner) : inner,
      ]),
  )
}

/**
 * What a GET or HEAD is answered with: nothing new (304) where the client has the answer, as `If-None-Match` says.
 * An answer with a tag may be kept by its client, and is asked for again each time; any other is not kept.
 */
export function revalidated(request: Request, response: Response): Response {
  const tag = response.headers.get('etag')
  if (tag === null) return response
  if ((request.method !== 'GET' && request.method !== 'HEAD') || response.status !== 200) {
    response.headers.delete('etag')
    return response
  }
  response.headers.set('Cache-Control', 'private, no-cache')
  // What a key may read is another answer than that of the next key.
  const vary = response.headers.get('vary')
  response.headers.set('Vary', vary === null ? 'Authorization' : `${vary}, Authorization`)
  if (!isAmong(tag, request.headers.get('if-none-match'))) return response
  const headers = new Headers(response.headers)
  headers.delete('content-type')
  return new Response(null, { status: 304, headers })
}

const listed = /^\s*,*\s*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*)*)+$/
const opaque = /"[\x21\x23-\x7e\x80-\xff]*"/g

/** By the weak comparison (RFC 9110 §8.8.3.2). A list that is none names nothing. */
function isAmong(tag: string, ifNoneMatch: string | null): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch.trim() === '*') return true
  if (!listed.test(ifNoneMatch)) return false
  return [...ifNoneMatch.matchAll(opaque)].some(([text]) => text === tag.replace('W/', ''))
}
