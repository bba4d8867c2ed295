import { Hono, type Context as Call } from 'hono'
import { LogFull, LogUnavailable, StoreUnavailable } from '../domain/errors.ts'
import type { Sha256 } from '../domain/identity.ts'
import { adminKey, type Key } from '../domain/key.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { EventLog } from '../domain/ports/event-log.ts'
import type { Erasures } from '../domain/ports/erasures.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { StoredEvent } from '../domain/stored-event.ts'
import { takeBack } from './added.ts'
import { anyOrigin, corsHeaders, problemResponse, type Headers } from './answer.ts'
import { unfolded } from './beacon-body.ts'
import { bodyKind, isCompressed, readBody } from './body.ts'
import { createUserAgents, originOf } from './headers.ts'
import { jsonBody, jsonEvents } from './json.ts'
import type { KnownNames } from './known-names.ts'
import { ndjsonEvents } from './ndjson.ts'
import { pixelEvents, pixelImage } from './pixel.ts'
import { Refusal } from './refusal.ts'
import { createServices, type KnownService } from './services.ts'
import type { CollectorSignals } from './signals.ts'
import type { Context, SilentCounts } from './steps/step.ts'

export interface CollectorOptions {
  readonly log: Pick<EventLog, 'append'>
  readonly registry: Pick<Registry, 'service' | 'stepNames' | 'keyBySecret'>
  readonly clock: Clock
  /** Keys the hash of journey references. */
  readonly secret: string
  readonly sha256: Sha256
  /** Journeys of which nothing is kept. */
  readonly erasures: Pick<Erasures, 'has'>
  readonly limits: Limits
  readonly signals: CollectorSignals
  readonly knownNames: KnownNames
}

const bearer = /^Bearer +([!-~]{1,256}) *$/i

const preflightHeaders = (methods: string): Headers => ({
  ...anyOrigin,
  'Access-Control-Allow-Methods': methods,
  'Access-Control-Allow-Headers': 'Content-Type, Content-Encoding',
  'Access-Control-Max-Age': '86400',
  Allow: methods,
})

/** What the server says of a connection: through the socket in the data directory, who asks is its owner. */
export interface CollectorEnv {
  Bindings: { trusted?: boolean }
}

/** POST /v1/events, GET /v1/pixel.gif, and OPTIONS of both. */
export function createCollector(options: CollectorOptions): Hono<CollectorEnv> {
  const collector = new Collector(options)
  const app = new Hono<CollectorEnv>()
  app.post('/v1/events', (c) => collector.events(c))
  app.options('/v1/events', (c) => collector.preflight(c, 'POST, OPTIONS'))
  app.all('/v1/events', (c) => collector.otherMethod(c, ['POST', 'OPTIONS']))
  // Hono answers HEAD by GET's handler, which would store an event.
  app.get('/v1/pixel.gif', (c) =>
    c.req.method === 'GET' ? collector.pixel(c) : collector.otherMethod(c, ['GET', 'OPTIONS']),
  )
  app.options('/v1/pixel.gif', (c) => collector.preflight(c, 'GET, OPTIONS'))
  app.all('/v1/pixel.gif', (c) => collector.otherMethod(c, ['GET', 'OPTIONS']))
  return app
}

class Collector {
  readonly #options: CollectorOptions
  readonly #find: (id: unknown) => Promise<KnownService | undefined>
  readonly #userAgent = createUserAgents()
  #appendsInFlight = 0

  constructor(options: CollectorOptions) {
    this.#options = options
    this.#find = createServices(options.registry, options.knownNames)
  }

  preflight(c: Call<CollectorEnv>, methods: string): Promise<Response> {
    return this.#withoutEvents(c, () => new Response(null, { status: 204, headers: preflightHeaders(methods) }))
  }

  otherMethod(c: Call<CollectorEnv>, allow: readonly string[]): Promise<Response> {
    return this.#withoutEvents(c, () => {
      const refusal = new Refusal('method-not-allowed')
      this.#options.signals.refused(refusal.code, 0)
      return problemResponse(refusal, anyOrigin, { allow })
    })
  }

  /** A bad key is refused here too. */
  async #withoutEvents(c: Call<CollectorEnv>, answer: () => Response): Promise<Response> {
    try {
      await this.#key(c.req.header('Authorization'), c.env?.trusted === true)
    } catch (error) {
      const refusal = this.#refusal(error)
      this.#options.signals.refused(refusal.code, 0)
      return problemResponse(refusal, anyOrigin)
    }
    return answer()
  }

  async events(c: Call<CollectorEnv>): Promise<Response> {
    const { limits } = this.#options
    const header = (name: string): string | undefined => c.req.header(name)
    const origin = header('Origin')
    let known: KnownService | undefined
    try {
      const key = await this.#key(header('Authorization'), c.env?.trusted === true)
      const kind = bodyKind(header('Content-Type'))
      if (kind === 'ndjson' && key === undefined) throw new Refusal('bad-key', 'NDJSON needs a secret key')
      if (key !== undefined && !key.scopes.includes('ingest'))
        throw new Refusal('scope-missing', 'the key lacks the scope ingest')
      const compressed = isCompressed(header('Content-Encoding'))
      const text = await readBody(c.req, { kind, compressed, contentLength: header('Content-Length'), limits })
      const context = this.#context(key, header, { origin, pixel: false })
      if (kind === 'ndjson') return await this.#ndjson(text, context)
      const body = unfolded(jsonBody(text, limits.eventsPerRequestMax))
      known = await this.#find(body['service'])
      const { events, silent } = jsonEvents(body, known, context)
      if (events.length > 0) await this.#append(events, context)
      this.#countKept(events.length, silent, context)
      return new Response(null, { status: 204, headers: corsHeaders(origin, known?.origins) })
    } catch (error) {
      const refusal = this.#refusal(error)
      this.#options.signals.refused(refusal.code, refusal.events)
      return problemResponse(refusal, corsHeaders(origin, known?.origins))
    }
  }

  async #ndjson(text: string, context: Context): Promise<Response> {
    const { signals } = this.#options
    const { erased, ...answer } = await ndjsonEvents(text, context, {
      find: this.#find,
      append: (events) => this.#append(events, context),
      refused: (code) => signals.refused(code, 1),
    })
    if (answer.accepted === 0) {
      const refusal = new Refusal('invalid-event', 'every line was refused')
      return problemResponse(refusal, anyOrigin, { members: { ...answer } })
    }
    this.#countKept(answer.accepted - erased, { bot: 0, erased }, context)
    return new Response(JSON.stringify(answer), {
      status: 200,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    })
  }

  /** Always an image: whoever sees the page can do nothing about a refusal. */
  async pixel(c: Call<CollectorEnv>): Promise<Response> {
    const header = (name: string): string | undefined => c.req.header(name)
    try {
      const key = await this.#key(header('Authorization'), c.env?.trusted === true)
      const referer = header('Referer')
      const origin = referer === undefined ? undefined : (originOf(referer) ?? 'null')
      const context = this.#context(key, header, { origin, pixel: true })
      const { events, silent } = await pixelEvents(c.req.url, context, this.#find)
      if (events.length > 0) await this.#append(events, context)
      this.#countKept(events.length, silent, context)
    } catch (error) {
      this.#options.signals.refused(this.#refusal(error).code, 1)
    }
    return pixelImage()
  }

  #context(
    key: Key | undefined,
    header: (name: string) => string | undefined,
    { origin, pixel }: { origin: string | undefined; pixel: boolean },
  ): Context {
    const { clock, limits, secret, sha256, erasures } = this.#options
    const userAgent = key === undefined ? header('User-Agent') : undefined
    const referer = key === undefined ? header('Referer') : undefined
    return {
      receivedAt: clock.now(),
      key,
      origin,
      pixel,
      userAgent: userAgent === undefined || userAgent === '' ? undefined : this.#userAgent(userAgent),
      referer,
      host: referer === undefined ? undefined : header('Host'),
      limits,
      secret,
      sha256,
      erasures,
      added: [],
      left: { unknownAttributes: 0, manyValues: 0 },
    }
  }

  /** The secret key that came, if one did. @throws {Refusal} when it is bad, even where none is needed */
  async #key(authorization: string | undefined, trusted: boolean): Promise<Key | undefined> {
    if (authorization === undefined) return trusted ? adminKey : undefined
    const secret = bearer.exec(authorization)?.[1]
    const key = secret === undefined ? undefined : await this.#options.registry.keyBySecret(secret)
    if (key === undefined) throw new Refusal('bad-key', 'expected Bearer and a secret key that is not revoked')
    return key
  }

  /** @throws {LogFull} nothing of them is stored, and none of their names is in use for it */
  async #append(events: readonly StoredEvent[], { added }: Context): Promise<void> {
    try {
      await this.#appendInTurn(events)
    } catch (error) {
      if (error instanceof LogFull) takeBack(added)
      throw error
    }
    // In use from now on, also when a later part of the same lines finds the log full.
    added.length = 0
  }

  async #appendInTurn(events: readonly StoredEvent[]): Promise<void> {
    const { limits, log } = this.#options
    if (this.#appendsInFlight >= limits.appendsInFlightMax)
      throw new LogFull('as many requests wait for the log as may', { retryAfterSeconds: 1 })
    this.#appendsInFlight++
    try {
      await log.append(events)
    } finally {
      this.#appendsInFlight--
    }
  }

  #countKept(events: number, silent: SilentCounts, { left }: Context): void {
    const { signals } = this.#options
    if (silent.bot > 0) signals.dropped('bot', silent.bot)
    if (silent.erased > 0) signals.dropped('erased', silent.erased)
    if (events === 0) return
    signals.accepted(events)
    if (left.unknownAttributes > 0) signals.dropped('unknown-attribute', left.unknownAttributes)
    if (left.manyValues > 0) signals.dropped('many-values', left.manyValues)
  }

  /** The one place where errors of others become answers. */
  #refusal(error: unknown): Refusal {
    if (error instanceof Refusal) return error
    const { signals } = this.#options
    const code =
      error instanceof LogFull
        ? 'too-many'
        : error instanceof LogUnavailable
          ? 'log-unavailable'
          : error instanceof StoreUnavailable
            ? 'store-unavailable'
            : 'internal'
    if (code === 'internal') signals.failed(error)
    else signals.unavailable(code, error)
    const retryAfterSeconds =
      error instanceof LogFull || error instanceof LogUnavailable || error instanceof StoreUnavailable
        ? error.retryAfterSeconds
        : undefined
    return new Refusal(code, undefined, { retryAfterSeconds, cause: error })
  }
}
