import { createHash } from 'node:crypto'
import { Hono, type Context } from 'hono'
import { html } from 'hono/html'
import type { Limits } from '../../domain/limits.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { problem } from '../../domain/problems.ts'
import type { ApiEnv } from '../app.ts'
import { keyOf } from '../auth.ts'
import { openApiDocument } from '../openapi.ts'
import type { Operation } from '../operation.ts'
import type { PageAssets } from '../pages/assets.ts'
import { assetHeaders, contentSecurityPolicy, pageHeaders } from '../pages/headers.ts'
import { problemOf, problemResponse } from '../refused.ts'
import { otherOperations } from './operations.ts'
import { DocsPage } from './page.tsx'

export interface DocsOptions {
  /** The calls of the API itself; those of the other rooms are known here. */
  readonly routes: readonly Operation[]
  readonly limits: Limits
  readonly registry: Pick<Registry, 'keyBySecret'>
  readonly assets: PageAssets
  /** `assets/try-it.mjs` beside this file; who may read files reads it. */
  readonly script: string
  /** Of Waymark, as in package.json. */
  readonly appVersion: string
  /** Origin for the commands, such as `http://127.0.0.1:8080`. */
  readonly base: string
}

/** Every call that the process serves, those that send events first. */
export function documentedOperations({ routes, limits }: Pick<DocsOptions, 'routes' | 'limits'>): readonly Operation[] {
  const others = otherOperations(limits)
  const first = others.filter(({ tag }) => tag === 'Events')
  return [...first, ...routes, ...others.filter((operation) => !first.includes(operation))]
}

/** `/openapi.json` and `/docs`, of all that the process serves. They hold no data and need no key. */
export function createDocs(options: DocsOptions): Hono<ApiEnv> {
  const operations = documentedOperations(options)
  const document = JSON.stringify(openApiDocument(operations, options.appVersion))
  const scriptPath = `/docs/try-it-${createHash('sha256').update(options.script).digest('hex').slice(0, 16)}.mjs`
  const page = html`${(<DocsPage operations={operations} assets={options.assets} scriptPath={scriptPath} base={options.base} />)}`
  // Only our own script, and only calls to here.
  const policy = `${contentSecurityPolicy}; script-src 'self'; connect-src 'self'`

  const app = new Hono<ApiEnv>()
  serve(app, options, '/openapi.json', () => {
    const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-cache' }
    return new Response(document, { headers: { ...headers, 'X-Content-Type-Options': 'nosniff' } })
  })
  serve(app, options, '/docs', async () => {
    const headers = { ...pageHeaders, 'Content-Security-Policy': policy, 'Content-Type': 'text/html; charset=utf-8' }
    return new Response(String(await page), { headers })
  })
  serve(app, options, scriptPath, () => {
    const headers = { ...assetHeaders, 'Content-Type': 'text/javascript; charset=utf-8' }
    return new Response(options.script, { headers })
  })
  return app
}

function serve(
  app: Hono<ApiEnv>,
  { registry }: Pick<DocsOptions, 'registry'>,
  path: string,
  answer: () => Response | Promise<Response>,
): void {
  /** A bad `Authorization` is refused even where none is needed. */
  const checked = async (context: Context<ApiEnv>, respond: () => Response | Promise<Response>): Promise<Response> => {
    try {
      await keyOf(context.req.raw, registry, {})
      return await respond()
    } catch (error) {
      return problemResponse(problemOf(error))
    }
  }
  app.get(path, (context) => checked(context, answer))
  app.all(path, (context) =>
    checked(context, () => problemResponse(problem('method-not-allowed', undefined, { allow: ['GET', 'HEAD'] }))),
  )
}
