import { NothingKept } from '../../domain/errors.ts'
import { createApi, type ApiOptions, type ApiEnv } from '../../api/app.ts'
import { annotationExample, annotationsExample, errorsExample } from '../../api/examples-errors.ts'
import {
  discoverExample,
  funnelExample,
  journeysExample,
  lowCompletionExample,
  opportunitiesExample,
  pathsExample,
  timeToCompleteExample,
  trailExample,
  trendExample,
} from '../../api/examples.ts'
import { liveExample, scriptsExample } from '../../api/examples-set-up.ts'
import type { ErasureCalls } from '../../api/routes/erasures.ts'
import type { ApiSignals } from '../../api/signals.ts'
import type { NewKey } from '../../domain/key.ts'
import { defaultLimits, type Limits } from '../../domain/limits.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Verification } from '../../domain/verification.ts'
import type { Questions } from '../../queries/context.ts'
import { movableClock } from '../contract/registry.ts'
import { openMemoryAnnotations } from './memory-annotations.ts'
import { openMemoryRegistry } from './memory-registry.ts'

export const adminSecret = 'wma_admin-0123456789012345678'

/** Erases what there is, which is nothing. */
export const noErasures: ErasureCalls = {
  erase: () => Promise.resolve(),
  apply: () => Promise.resolve(),
  list: () => Promise.resolve([]),
}

const exampleVerification = (service: string): Verification => ({
  service,
  version: 1,
  from: Date.UTC(2026, 0, 5),
  to: Date.UTC(2026, 0, 6),
  sealed: true,
  hours: 24,
  journeys: 12,
  notJudged: 0,
  daysUnsettled: 0,
  differences: 0,
  listed: [],
})

/** Questions that answer with the examples, and keep what they were asked. */
export function exampleQuestions() {
  const asked: { question: string; with: unknown }[] = []
  const keep = <Value>(question: string, value: Value) => {
    return async (input: unknown): Promise<Value> => {
      asked.push({ question, with: input })
      return value
    }
  }
  const questions: Questions = {
    funnel: keep('funnel', funnelExample),
    trend: keep('trend', trendExample),
    timeToComplete: keep('timeToComplete', timeToCompleteExample),
    journeys: keep('journeys', journeysExample),
    trail: keep('trail', trailExample),
    opportunities: keep('opportunities', opportunitiesExample),
    paths: keep('paths', pathsExample),
    live: keep('live', liveExample),
    discover: keep('discover', discoverExample),
    lowCompletion: keep('lowCompletion', lowCompletionExample),
    errors: keep('errors', errorsExample),
    annotations: keep('annotations', annotationsExample),
    annotation: keep('annotation', annotationExample),
    revision: async () => '0',
  }
  return { questions, asked }
}

export interface ApiUnderTest {
  readonly registry: Registry
  readonly asked: { question: string; with: unknown }[]
  readonly failures: unknown[]
  readonly calls: { operation: string | null; status: number }[]
  /** With the admin key, unless another secret (or null: none) is given. */
  readonly request: (path: string, init?: ApiRequest) => Promise<Response>
  readonly newSecret: (key: Omit<NewKey, 'name'>) => Promise<string>
}

export interface ApiRequest {
  readonly method?: string
  readonly secret?: string | null
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly trusted?: boolean
}

export function apiUnderTest(
  change: {
    questions?: Partial<Questions>
    erasures?: Partial<ErasureCalls>
    registry?: Registry
    limits?: Limits
    status?: ApiOptions['status']
  } = {},
) {
  const clock = movableClock(Date.UTC(2026, 1, 12, 10))
  const registry = change.registry ?? openMemoryRegistry({ clock, adminSecret })
  const { questions, asked } = exampleQuestions()
  const failures: unknown[] = []
  const calls: { operation: string | null; status: number }[] = []
  const signals: ApiSignals = {
    answered: ({ operation, status }) => void calls.push({ operation, status }),
    failed: ({ error }) => void failures.push(error),
  }
  const app = createApi({
    questions: { ...questions, ...change.questions },
    registry,
    annotations: openMemoryAnnotations({ clock }),
    erasures: { ...noErasures, ...change.erasures },
    status:
      change.status ??
      (async () => ({ pendingEvents: 0, pendingSeconds: 0, refusedEvents: 0, revision: '0', versions: [] })),
    doctor: async () => [{ name: 'event log', state: 'ok', detail: '0 events wait' }],
    verify: async ({ service, period }) => {
      asked.push({ question: 'verify', with: { service, period } })
      return exampleVerification(service)
    },
    replay: async (what) => {
      if (what !== 'dead letters') throw new NothingKept('nothing is kept')
      return { events: 12, unreadable: 0 }
    },
    clock,
    limits: change.limits ?? defaultLimits,
    scripts: scriptsExample,
    signals,
  })
  const request = async (path: string, init: ApiRequest = {}): Promise<Response> => {
    const { method = 'GET', secret = adminSecret, body, headers, trusted } = init
    const environment: ApiEnv['Bindings'] = trusted === undefined ? {} : { trusted }
    return await app.request(
      path,
      {
        method,
        headers: {
          ...(secret === null ? {} : { Authorization: `Bearer ${secret}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      },
      environment,
    )
  }
  const newSecret = async (key: Omit<NewKey, 'name'>) => (await registry.createKey({ name: 'test', ...key })).secret
  const api: ApiUnderTest = { registry, asked, failures, calls, request, newSecret }
  return api
}
