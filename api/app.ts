import { Hono, type Context } from 'hono'
import { keyAdmits, type Key } from '../domain/key.ts'
import type { Limits } from '../domain/limits.ts'
import type { Check } from '../domain/check.ts'
import type { Annotations } from '../domain/ports/annotations.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Registry } from '../domain/ports/registry.ts'
import { problem } from '../domain/problems.ts'
import type { Service } from '../domain/service.ts'
import type { Questions } from '../queries/context.ts'
import { keyOf, mayUse, type ConnectionFacts } from './auth.ts'
import { jsonBody } from './body.ts'
import { revalidated } from './conditional.ts'
import { prefersCsv } from './media.ts'
import { problemOf, problemResponse, Refused } from './refused.ts'
import type { Asked, Route } from './route.ts'
import { discoverRoutes } from './routes/discover.ts'
import { annotationRoutes } from './routes/annotations.ts'
import { doctorRoutes, type Verify } from './routes/doctor.ts'
import { errorRoutes } from './routes/errors.ts'
import { erasureRoutes, type ErasureCalls } from './routes/erasures.ts'
import { funnelRoutes } from './routes/funnel.ts'
import { journeyRoutes } from './routes/journeys.ts'
import { keyRoutes } from './routes/keys.ts'
import { lowCompletionRoutes } from './routes/low-completion.ts'
import { opportunityRoutes } from './routes/opportunities.ts'
import { pathRoutes } from './routes/paths.ts'
import { replayRoutes, type ReplayCall } from './routes/replay.ts'
import { serviceRoutes } from './routes/services.ts'
import { statusRoutes, type Status } from './routes/status.ts'
import { timeToCompleteRoutes } from './routes/time-to-complete.ts'
import { trendRoutes } from './routes/trend.ts'
import { setUpRoutes } from './routes/set-up.ts'
import type { ApiSignals } from './signals.ts'
import type { BeaconScript } from './snippet.ts'

export interface ApiOptions {
  readonly questions: Questions
  readonly registry: Registry
  readonly annotations: Annotations
  readonly erasures: ErasureCalls
  readonly status: () => Promise<Status>
  readonly doctor: () => Promise<readonly Check[]>
  readonly verify: Verify
  readonly replay: ReplayCall
  readonly clock: Clock
  readonly limits: Limits
  /** What the pages of services load. */
  readonly scripts: readonly BeaconScript[]
  readonly signals: ApiSignals
}

export type ApiEnv = { Bindings: ConnectionFacts }

/** Every call of the API that needs a key: what is served, and what the documentation is made of. */
export function apiRoutes(options: Omit<ApiOptions, 'signals'>): readonly Route[] {
  const { questions, registry, annotations, erasures, clock, status, limits } = options
  return [
    ...statusRoutes(status, registry),
    ...doctorRoutes(options),
    ...replayRoutes(options),
    ...serviceRoutes(registry, limits.bodyBytesMax),
    ...funnelRoutes(questions),
    ...trendRoutes(questions),
    ...timeToCompleteRoutes(questions),
    ...pathRoutes(questions),
    ...journeyRoutes(questions, limits),
    ...discoverRoutes(questions),
    ...errorRoutes(questions),
    ...annotationRoutes(questions, annotations, clock),
    ...erasureRoutes(erasures, registry, limits.bodyBytesMax),
    ...lowCompletionRoutes(questions, registry),
    ...opportunityRoutes(questions, registry),
    ...setUpRoutes(questions, options.scripts),
    ...keyRoutes(registry, limits.bodyBytesMax),
  ]
}

/** The read side and the definitions over HTTP, to be mounted at `/`. */
export function createApi(options: ApiOptions): Hono<ApiEnv> {
  const routes = apiRoutes(options)
  const app = new Hono<ApiEnv>()
  const paths = new Map<string, Route[]>()
  for (const route of routes) {
    paths.set(route.path, [...(paths.get(route.path) ?? []), route])
    app.on(route.method.toUpperCase(), honoPath(route.path), (context) =>
      answered(options, route, async () => revalidated(context.req.raw, await answerOf(options, context, route))),
    )
  }
  for (const [path, served] of paths) {
    const allow = served.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
    app.all(honoPath(path), (context) =>
      answered(options, null, async () => {
        await keyOf(context.req.raw, options.registry, connection(context))
        return problemResponse(problem('method-not-allowed', undefined, { allow }))
      }),
    )
  }
  app.notFound(notFound(options))
  return app
}

/** For a path that no room of the process has; bad `Authorization` is refused here too. */
export function notFound(options: Pick<ApiOptions, 'registry' | 'clock' | 'signals'>) {
  return (context: Context<ApiEnv>): Promise<Response> =>
    answered(options, null, async () => {
      await keyOf(context.req.raw, options.registry, connection(context))
      return problemResponse(problem('not-found'))
    })
}

/** `/v1/services/{id}` as Hono writes it. */
export function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}

/** `app.request()` without an environment leaves it undefined. */
function connection(context: Context<ApiEnv>): ConnectionFacts {
  const facts: ConnectionFacts | undefined = context.env
  return facts ?? {}
}

async function answered(
  { clock, signals }: Pick<ApiOptions, 'clock' | 'signals'>,
  route: Route | null,
  answer: () => Promise<Response>,
): Promise<Response> {
  const begun = clock.now()
  const operation = route?.id ?? null
  let response: Response
  try {
    response = await answer()
  } catch (error) {
    const refusal = problemOf(error, route ?? undefined)
    if (refusal.body.code === 'internal') signals.failed({ operation, error })
    response = problemResponse(refusal)
  }
  signals.answered({ operation, status: response.status, ms: clock.now() - begun })
  return response
}

async function answerOf(options: ApiOptions, context: Context<ApiEnv>, route: Route): Promise<Response> {
  const { registry, limits } = options
  const { raw } = context.req
  const key = await keyOf(raw, registry, connection(context))
  if (key === undefined) throw new Refused('bad-key', 'this call needs a key')
  const url = new URL(raw.url)
  const asked: Asked = {
    key,
    search: url.searchParams,
    origin: url.origin,
    path: context.req.param(),
    json: () => jsonBody(raw, limits.bodyBytesMax),
    csv: prefersCsv(raw.headers.get('accept')),
  }
  if (route.on === 'reach') {
    if (!key.scopes.includes(route.scope)) throw new Refused('scope-missing')
    return route.answer(asked)
  }
  return route.answer(asked, await reachedService(key, route, asked.path['id'] ?? '', registry))
}

/** The scope is asked before whether the service exists, so that a 403 says nothing about that. */
async function reachedService(key: Key, route: Route, id: string, registry: Registry): Promise<Service> {
  const service = await registry.service(id)
  const admitted =
    service === undefined ? keyAdmits(key, route.scope, { service: id }) : mayUse(key, route.scope, service)
  if (!admitted) throw new Refused('scope-missing')
  if (service === undefined) throw new Refused('unknown-service')
  return service
}
