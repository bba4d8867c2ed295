import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { apiRoutes, createApi, honoPath } from '../api/app.ts'
import { scriptsExample } from '../api/examples-set-up.ts'
import { documentedOperations } from '../api/docs/app.tsx'
import { createBeaconFiles } from '../collector/beacon-files.ts'
import { defaultLimits } from '../domain/limits.ts'
import { openBeacon } from '../infra/beacon.ts'
import { openDocumentation } from '../infra/documentation.ts'
import { operationRoutes } from '../infra/operation.ts'
import { readPageAssets } from '../infra/page-assets.ts'
import { createTelemetry } from '../infra/telemetry/telemetry.ts'
import { movableClock } from './contract/registry.ts'
import { exampleQuestions, noErasures } from './support/api.ts'
import { openCollector } from './support/collector.ts'
import { openMemoryAnnotations } from './support/memory-annotations.ts'
import { openMemoryRegistry } from './support/memory-registry.ts'

/** The pages for people are no calls. Everything else that the process serves is in the reference, and nothing more. */
const clock = movableClock(0)
const registry = openMemoryRegistry({ clock })
const limits = defaultLimits
const parts = {
  questions: exampleQuestions().questions,
  erasures: noErasures,
  registry,
  annotations: openMemoryAnnotations({ clock }),
  clock,
  status: () => Promise.reject(new Error('not asked')),
  doctor: () => Promise.reject(new Error('not asked')),
  scripts: scriptsExample,
  verify: () => Promise.reject(new Error('not asked')),
  replay: () => Promise.reject(new Error('not asked')),
  limits,
}
const routes = apiRoutes(parts)
const apps = [
  operationRoutes({
    telemetry: createTelemetry('silent'),
    notReady: () => [],
  }),
  (await openCollector()).app,
  createBeaconFiles((await openBeacon(await mkdtemp(join(tmpdir(), 'waymark-')))).files),
  createApi({ ...parts, signals: { answered: () => {}, failed: () => {} } }),
  await openDocumentation({ routes, limits, registry, assets: await readPageAssets(), base: 'http://127.0.0.1:8080' }),
]

/** What answers a method that a path has not, and what pages are made of, is not counted. */
const notCalls = (method: string, path: string): boolean =>
  method === 'ALL' || method === 'OPTIONS' || path.startsWith('/docs/try-it-') || path.startsWith('/beacon-')

describe('the reference', () => {
  it('has every call that is served, and no other', () => {
    const served = apps
      .flatMap((app) => app.routes)
      .filter(({ method, path }) => !notCalls(method, path))
      .map(({ method, path }) => `${method} ${path}`)
    const documented = documentedOperations({ routes, limits }).map(
      ({ method, path }) => `${method.toUpperCase()} ${honoPath(path)}`,
    )
    expect(served.length).toBeGreaterThan(15)
    expect([...new Set(served)].sort()).toEqual(documented.sort())
  })

  it('stands in short in docs/api.md, each call with its command', async () => {
    const text = (await readFile(new URL('../docs/api.md', import.meta.url), 'utf8')).replaceAll('\\\n', ' ')
    const commands = [...text.matchAll(/^curl (?:-X (\w+) )?"\$WAYMARK_URL([^"?]*)/gm)].map(
      ([, method = 'GET', path = '']) => ({ method, path }),
    )
    const operations = documentedOperations({ routes, limits })
    const matches = (operation: { method: string; path: string }, command: { method: string; path: string }) =>
      operation.method.toUpperCase() === command.method &&
      new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`).test(command.path)
    for (const operation of operations)
      expect(
        commands.some((command) => matches(operation, command)),
        operation.id,
      ).toBe(true)
    for (const command of commands)
      expect(
        operations.some((operation) => matches(operation, command)),
        command.path,
      ).toBe(true)
  })
})
