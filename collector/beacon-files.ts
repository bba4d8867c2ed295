import { Hono } from 'hono'
import { anyOrigin, problemResponse } from './answer.ts'
import type { CollectorEnv } from './app.ts'
import { Refusal } from './refusal.ts'

/** A script for the pages of services, in every form in which it is sent. */
export interface BeaconFile {
  /** `/beacon.js`, or with a hash of the bytes in its name: then it never changes. */
  readonly path: string
  readonly immutable: boolean
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly gzip: Uint8Array<ArrayBuffer>
  readonly brotli: Uint8Array<ArrayBuffer>
  /** A strong validator: a hash of the bytes. */
  readonly tag: string
}

/** Pages of other origins load it, also with `crossorigin`, which an SRI hash asks for, and pages that isolate themselves. */
const open = {
  'Content-Type': 'text/javascript; charset=utf-8',
  'Access-Control-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
  'Timing-Allow-Origin': '*',
  Vary: 'Accept-Encoding',
}

/** A new version is in use within the hour; where the network is away a day-old one serves. */
const short = 'public, max-age=3600, stale-while-revalidate=86400, stale-if-error=604800'
const forever = 'public, max-age=31536000, immutable'

/** `GET /beacon.js` and its like. They need no key and hold no data. */
export function createBeaconFiles(files: readonly BeaconFile[]): Hono<CollectorEnv> {
  const app = new Hono<CollectorEnv>()
  for (const file of files) {
    app.get(file.path, ({ req }) => answer(file, (name) => req.header(name)))
    app.all(file.path, () => problemResponse(new Refusal('method-not-allowed'), anyOrigin, { allow: ['GET', 'HEAD'] }))
  }
  return app
}

function answer(file: BeaconFile, header: (name: string) => string | undefined): Response {
  const { encoding, bytes } = bestForm(file, header('Accept-Encoding') ?? '')
  const headers: Record<string, string> = {
    ...open,
    'Cache-Control': file.immutable ? forever : short,
    ETag: `"${file.tag}${encoding === null ? '' : `-${encoding}`}"`,
  }
  if (isKnown(file, header('If-None-Match'))) return new Response(null, { status: 304, headers })
  headers['Content-Length'] = String(bytes.length)
  if (encoding !== null) headers['Content-Encoding'] = encoding
  return new Response(bytes, { headers })
}

function bestForm(
  { bytes, gzip, brotli }: BeaconFile,
  accepted: string,
): { encoding: string | null; bytes: Uint8Array<ArrayBuffer> } {
  if (accepts(accepted, 'br')) return { encoding: 'br', bytes: brotli }
  if (accepts(accepted, 'gzip')) return { encoding: 'gzip', bytes: gzip }
  return { encoding: null, bytes }
}

/** Whether the header names the coding, and not with a weight of nothing (RFC 9110 §12.5.3). */
function accepts(accepted: string, coding: string): boolean {
  return accepted.split(',').some((item) => {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    return name === coding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
  })
}

/** Of whichever form the client has: they are the same script. */
function isKnown({ tag }: BeaconFile, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((given) => {
    const known = /^(?:W\/)?"(.*)"$/.exec(given.trim())?.[1]
    return given.trim() === '*' || known === tag || known === `${tag}-br` || known === `${tag}-gzip`
  })
}
