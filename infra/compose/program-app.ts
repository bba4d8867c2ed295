import { Hono, type MiddlewareHandler, type NotFoundHandler } from 'hono'
import { keyOf, type ConnectionFacts } from '../../api/auth.ts'
import { problemOf, problemResponse } from '../../api/refused.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { problem } from '../../domain/problems.ts'
import { operationRoutes, type OperationParts } from '../operation.ts'

interface Env {
  Bindings: ConnectionFacts
}

export type ProgramApp = Hono<Env>

/** The routes of a program: what those who run it ask, then its own. */
export function programApp(
  registry: Pick<Registry, 'keyBySecret'>,
  operation: OperationParts,
  own: readonly ProgramApp[],
  notFound?: NotFoundHandler<Env>,
): ProgramApp {
  const app: ProgramApp = new Hono<Env>()
  app.use(refuseBadKeys(registry))
  app.route('/', operationRoutes(operation))
  for (const routes of own) app.route('/', routes)
  app.notFound(notFound ?? (() => problemResponse(problem('not-found'))))
  return app
}

/** A bad key is refused wherever it is sent, so also where none is asked for. Calls look for themselves. */
function refuseBadKeys(registry: Pick<Registry, 'keyBySecret'>): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (c.req.path.startsWith('/v1/')) return next()
    try {
      await keyOf(c.req.raw, registry, c.env)
    } catch (error) {
      return problemResponse(problemOf(error))
    }
    return next()
  }
}
