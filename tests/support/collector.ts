import type { Hono } from 'hono'
import { createCollector, type CollectorEnv } from '../../collector/app.ts'
import { createKnownNames, type KnownNames } from '../../collector/known-names.ts'
import type { CollectorSignals } from '../../collector/signals.ts'
import type { Scope } from '../../domain/key.ts'
import { defaultLimits, type Limits } from '../../domain/limits.ts'
import type { Erasures } from '../../domain/ports/erasures.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { serviceInput } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openMemoryErasures } from './memory-erasures.ts'
import { sha256 } from '../../infra/hash.ts'
import { MemoryLog } from './memory-log.ts'
import { openMemoryRegistry } from './memory-registry.ts'

export const receivedAt = Date.UTC(2026, 10, 23, 12, 0, 0)
export const secret = 'a-secret-of-the-tests'
export const adminSecret = 'admin-key-of-the-collector-tests'

/** What the collector said of itself: `accepted 2`, `refused invalid-event 1`, `dropped bot 3` … */
export class RecordedSignals implements CollectorSignals {
  readonly said: string[] = []
  accepted = (events: number) => void this.said.push(`accepted ${events}`)
  refused = (code: string, events: number) => void this.said.push(`refused ${code} ${events}`)
  dropped = (reason: string, count: number) => void this.said.push(`dropped ${reason} ${count}`)
  unavailable = (code: string) => void this.said.push(`unavailable ${code}`)
  failed = (error: unknown) => void this.said.push(`failed ${String(error)}`)
}

export interface Bench {
  readonly app: Hono<CollectorEnv>
  readonly log: MemoryLog
  readonly registry: Registry
  readonly signals: RecordedSignals
  readonly knownNames: KnownNames
  readonly erasures: Erasures
  readonly clock: { now(): number; ms: number }
  /** A secret key with these scopes. */
  key(scopes: Scope[], target?: { service?: string; department?: string }): Promise<string>
  /** Everything stored so far, taken out of the log. */
  stored(): StoredEvent[]
}

/**
 * A collector with a log and a registry in memory. Services: `fishing` (open to all, dimension licence-type),
 * `listed` (origins https://listed.example, department rivers), `keyed` (public key).
 */
export async function openCollector(limits: Partial<Limits> = {}): Promise<Bench> {
  const clock = {
    ms: receivedAt,
    now() {
      return this.ms
    },
  }
  const log = new MemoryLog({ now: () => clock.ms })
  const registry = openMemoryRegistry({ clock, adminSecret })
  const put = (id: string, more: object = {}) =>
    registry.putService(
      id,
      serviceInput.parse({ name: id, funnel: { steps: ['start', 'your-name', 'Pay, by card', 'done'] }, ...more }),
    )
  await put('fishing', { dimensions: ['licence-type', 'region'] })
  await put('listed', { origins: ['https://listed.example', 'http://localhost:3000'], department: 'rivers' })
  await put('keyed', { publicKey: true })
  const all: Limits = { ...defaultLimits, ...limits }
  const signals = new RecordedSignals()
  const knownNames = createKnownNames({ clock, limits: all })
  const erasures = openMemoryErasures()
  const app = createCollector({ log, registry, clock, secret, sha256, limits: all, signals, knownNames, erasures })
  let taken = 0
  return {
    app,
    log,
    registry,
    signals,
    knownNames,
    erasures,
    clock,
    key: async (scopes, target = {}) => (await registry.createKey({ name: 'test', scopes, ...target })).secret,
    stored() {
      const events = log.events.slice(taken)
      taken += events.length
      return events
    },
  }
}

export interface Sent {
  readonly status: number
  readonly body: string
  readonly headers: Headers
  /** Of a problem document. */
  readonly code: string | undefined
  readonly path: string | undefined
}

/** POSTs to /v1/events: objects as JSON, texts and bytes as they are. */
export async function post(
  bench: Pick<Bench, 'app'>,
  body: unknown,
  headers: Record<string, string> = {},
  env: CollectorEnv['Bindings'] = {},
): Promise<Sent> {
  const raw = typeof body === 'string' ? body : body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
  const response = await bench.app.request(
    '/v1/events',
    { method: 'POST', body: raw, headers: { 'Content-Type': 'application/json', ...headers } },
    env,
  )
  return sent(response)
}

export async function sent(response: Response): Promise<Sent> {
  const body = await response.text()
  const isProblem = response.headers.get('Content-Type') === 'application/problem+json'
  const document: { code?: string; path?: string } = isProblem
    ? (JSON.parse(body) as { code?: string; path?: string })
    : {}
  return { status: response.status, body, headers: response.headers, code: document.code, path: document.path }
}

/** A JSON body with these events of one journey. */
export function bodyOf(events: unknown, more: object = {}): Record<string, unknown> {
  return { service: 'fishing', journey: 'journey-1', events, ...more }
}

export const step = (name = 'start', more: object = {}): Record<string, unknown> => ({
  step: name,
  at: receivedAt - 1000,
  ...more,
})
