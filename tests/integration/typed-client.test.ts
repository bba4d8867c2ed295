import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import createClient from 'openapi-fetch'
import openapiTS, { astToString } from 'openapi-typescript'
import {
  createProgram,
  flattenDiagnosticMessageText,
  getPreEmitDiagnostics,
  ModuleKind,
  ModuleResolutionKind,
  ScriptTarget,
} from 'typescript'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../../infra/bin/build.js'
import { serve } from '../support/served.ts'
import { openWhole, type Whole } from '../support/whole.ts'

/** That `/openapi.json` is of use: a client made from it alone, type-checked, and run against what serves it. */
const program = `
import type createClient from 'openapi-fetch'
import type { paths } from './api.ts'

export async function lost(client: ReturnType<typeof createClient<paths, 'application/json' | 'application/problem+json'>>, id: string) {
  const put = await client.PUT('/v1/services/{id}', {
    params: { path: { id } },
    body: { name: 'Typed', funnel: { steps: ['start', { anyOf: ['card', 'bank'] }, 'done'] } },
  })
  const sent = await client.POST('/v1/events', {
    body: { service: id, journey: 'one', events: [{ step: 'start', at: '2026-01-05T09:00:00Z' }] },
  })
  const period = { from: '2026-01-05', to: '2026-01-06' }
  const { data, error } = await client.GET('/v1/services/{id}/funnel', {
    params: { path: { id }, query: { ...period, where: ['device:', '!channel:paper'] } },
  })
  const trend = await client.GET('/v1/services/{id}/trend', {
    params: { path: { id }, query: { ...period, interval: 'hour', step: 'start' } },
  })
  const refused = await client.GET('/v1/services/{id}/funnel', { params: { path: { id }, query: { from: 'x' } } })
  return {
    version: put.data?.version,
    sent: sent.response.status,
    started: data?.totals.started,
    rate: data?.totals.completionRate?.value,
    entered: data?.steps.map((step) => step.entered),
    code: error?.code,
    periods: trend.data?.periods.length,
    refused: refused.error?.code,
  }
}
`

/** What the types must not let through, one line each. */
const faults = [
  `client.GET('/v1/nothing')`,
  `client.GET('/v1/services/{id}/funnel')`,
  `client.GET('/v1/services/{id}/trend', { params: { path: { id: 'a' }, query: { interval: 'year' } } })`,
  `client.GET('/v1/services/{id}/funnel', { params: { path: { id: 'a' }, query: { where: 'device:mobile' } } })`,
  `client.PUT('/v1/services/{id}', { params: { path: { id: 'a' } }, body: { name: 'a' } })`,
  `client.GET('/v1/status').then(({ data }) => data?.nothing)`,
]

let directory: string
let whole: Whole

beforeAll(async () => {
  // Within the repository, so that packages are found.
  directory = await mkdtemp(join(root, 'node_modules', '.typed-client-'))
  whole = await openWhole({ WAYMARK_SAMPLE: 'off' })
})

afterAll(async () => {
  await whole.close()
  await rm(directory, { recursive: true, force: true })
})

function typeFaults(files: readonly string[]): string[] {
  const checked = createProgram([...files], {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    module: ModuleKind.ESNext,
    moduleResolution: ModuleResolutionKind.Bundler,
    target: ScriptTarget.ES2022,
    types: [],
  })
  return getPreEmitDiagnostics(checked).map(
    ({ file, start = 0, messageText }) =>
      `${file?.getLineAndCharacterOfPosition(start).line ?? 0}: ${flattenDiagnosticMessageText(messageText, ' ')}`,
  )
}

it('a client is made from the reference, whose types hold what is right and refuse what is wrong', async () => {
  const { text } = await whole.request('GET', '/openapi.json')
  await writeFile(join(directory, 'api.ts'), astToString(await openapiTS(text)))
  const good = join(directory, 'program.ts')
  await writeFile(good, program)
  const bad = join(directory, 'faults.ts')
  const head = `import createClient from 'openapi-fetch'; import type { paths } from './api.ts'; const client = createClient<paths, 'application/json' | 'application/problem+json'>()`
  await writeFile(bad, [head, ...faults.map((fault) => `void ${fault}`)].join('\n'))

  const found = typeFaults([good, bad])
  const lines = found.map((fault) => Number(fault.split(':')[0]))
  expect([...new Set(lines)], found.join('\n')).toEqual(faults.map((_, index) => index + 1))
  expect(typeFaults([good])).toEqual([])

  const served = await serve(whole, { trusted: true })
  try {
    const client: unknown = createClient({ baseUrl: served.url })
    const { lost } = (await import(good)) as { lost: (client: unknown, id: string) => Promise<unknown> }
    await lost(client, 'typed')
    await whole.shown()
    expect(await lost(client, 'typed')).toEqual({
      version: 1,
      sent: 204,
      started: 1,
      rate: 0,
      entered: [1, 0, 0],
      code: undefined,
      periods: 24,
      refused: 'invalid-parameter',
    })
  } finally {
    await served.close()
  }
})
