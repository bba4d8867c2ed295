import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { apiRoutes } from '../../api/app.ts'
import { scriptsExample } from '../../api/examples-set-up.ts'
import { documentedOperations } from '../../api/docs/app.tsx'
import type { Answer, Operation } from '../../api/operation.ts'
import { defaultLimits } from '../../domain/limits.ts'
import { root } from '../../infra/bin/build.js'
import { movableClock } from '../contract/registry.ts'
import { exampleQuestions, noErasures } from '../support/api.ts'
import { curlCommands, readCommand, type DocumentedCommand } from '../support/documented-commands.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'
import { openWhole, type Whole } from '../support/whole.ts'

/**
 * Every command of docs/api.md, from the first to the last, against the whole process: each answers as the reference says,
 * and about journeys it has something to say.
 */
const clock = movableClock(0)
const limits = defaultLimits
const operations = documentedOperations({
  routes: apiRoutes({
    questions: exampleQuestions().questions,
    erasures: noErasures,
    registry: openMemoryRegistry({ clock }),
    annotations: openMemoryAnnotations({ clock }),
    clock,
    status: () => Promise.reject(new Error('not asked')),
    doctor: () => Promise.reject(new Error('not asked')),
    scripts: scriptsExample,
    verify: () => Promise.reject(new Error('not asked')),
    replay: () => Promise.reject(new Error('not asked')),
    limits,
  }),
  limits,
})
const commands = curlCommands(readFileSync(join(root, 'docs', 'api.md'), 'utf8'))

const secret = 'wma_documented-0123456789abcdef'
const variables: Record<string, string> = { WAYMARK_URL: 'http://localhost', WAYMARK_ADMIN_KEY: secret }
const files: Record<string, string> = { 'events.ndjson': eventsFile() }
let whole: Whole

beforeAll(async () => {
  whole = await openWhole({ WAYMARK_SAMPLE: 'off', WAYMARK_ADMIN_KEY: secret })
  const made = await ask({
    method: 'POST',
    path: '/v1/keys',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Reader', scopes: ['read'] }),
  })
  variables['WAYMARK_KEY'] = z.object({ secret: z.string() }).parse(await made.json()).secret
})

afterAll(() => whole.close())

/**
 * Twelve journeys on every day of four weeks of January: of each three one finishes, one leaves at the payment and one meets an
 * error at the name, goes back and may finish.
 */
function eventsFile(): string {
  const kinds = ['coarse', 'sea', undefined]
  const events: unknown[] = []
  for (let number = 0; number < 28 * 12; number++) {
    const day = Date.UTC(2026, 0, 5) + Math.floor(number / 12) * 86_400_000
    const start = day + (9 * 60 + (number % 12) * 20) * 60_000
    const kind = kinds[(number % 7) % 3]
    const journey = { service: 'renew-fishing-licence', journey: `case-${number}` }
    const event = (minutes: number, what: object) =>
      events.push({
        ...journey,
        at: start + minutes * 60_000,
        ...what,
        ...(kind ? { attrs: { 'licence-type': kind } } : {}),
      })
    event(0, { step: 'start' })
    event(2, { step: 'your-name' })
    const [finishes, errs] = [number % 3 === 0 || number % 12 === 5, number % 3 === 2]
    if (errs) event(3, { type: 'error', step: 'your-name', field: 'postcode', code: 'missing' })
    if (errs) event(4, { step: 'your-name' })
    if (!errs || finishes) event(6 + (number % 5), { step: 'pay' })
    if (finishes) event(12 + (number % 9), { step: 'done' })
  }
  return events.map((event) => JSON.stringify(event)).join('\n')
}

async function ask({ method, path, headers, body }: DocumentedCommand): Promise<Response> {
  const text = body?.startsWith('@') === true ? files[body.slice(1)] : body
  if (body !== undefined && text === undefined) throw new Error(`no file ${body}`)
  const url = `http://localhost${path}`
  const sent = { host: 'localhost', 'user-agent': 'curl/8.5.0', ...headers }
  return await whole.waymark.fetch(
    new Request(url, { method, headers: sent, ...(text === undefined ? {} : { body: text }) }),
    { trusted: false },
  )
}

function operationOf({ method, path }: DocumentedCommand): Operation {
  const [pathname = ''] = path.split('?')
  // A call without parts in its path before one with.
  const found = operations
    .filter((one) => one.method.toUpperCase() === method)
    .filter((one) => new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`).test(pathname))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length)[0]
  if (found === undefined) throw new Error(`no call ${method} ${pathname}`)
  return found
}

/** What later commands name. */
async function learn({ id }: Operation, response: Response): Promise<void> {
  if (id === 'createKey') variables['KEY_ID'] = z.object({ id: z.string() }).parse(await response.clone().json()).id
  if (id === 'getFunnel') variables['ETAG'] = response.headers.get('etag') ?? ''
  if (id === 'listJourneys') {
    const { journeys } = z
      .object({ journeys: z.array(z.object({ journey: z.string() })) })
      .parse(await response.clone().json())
    variables['JOURNEY'] = journeys[0]?.journey ?? ''
  }
}

/** Holds an answer against those that the reference has of its status. */
async function holds(answers: readonly Answer[], response: Response): Promise<unknown> {
  const documented = answers.find(({ status }) => status === response.status)
  expect(documented, `status ${response.status}: ${await response.clone().text()}`).toBeDefined()
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  if (documented?.content === undefined) {
    expect(await response.text()).toBe('')
    return undefined
  }
  expect(Object.keys(documented.content)).toContain(type)
  const schema = documented.content[type]?.schema
  if (schema === null || schema === undefined) {
    const bytes = await response.arrayBuffer()
    expect(bytes.byteLength).toBeGreaterThan(0)
    return undefined
  }
  return schema.parse(await response.json())
}

const countOf = (field: string) => (answer: unknown) =>
  z.looseObject({ [field]: z.array(z.unknown()) }).parse(answer)[field]?.length ?? 0
const countIn = (group: string, field: string) => (answer: unknown) =>
  z.looseObject({ [group]: z.looseObject({ [field]: z.number() }) }).parse(answer)[group]?.[field] ?? 0

/** How much an answer says, by call: an example that finds nothing shows nothing. */
const said: Readonly<Record<string, (answer: unknown) => number>> = {
  getFunnel: countIn('totals', 'started'),
  postFunnel: countIn('totals', 'started'),
  getTrend: (answer) =>
    z
      .looseObject({ periods: z.array(z.looseObject({ started: z.number() })) })
      .parse(answer)
      .periods.reduce((sum, { started }) => sum + started, 0),
  getTimeToComplete: countOf('histogram'),
  getPaths: countOf('next'),
  getErrors: countOf('errors'),
  listJourneys: countOf('journeys'),
  getJourney: countOf('events'),
  discoverFunnel: countOf('steps'),
  getLowCompletion: countOf('services'),
  listAnnotations: countOf('annotations'),
  listKeys: countOf('keys'),
  listServices: countOf('services'),
  listErasures: countOf('erasures'),
}

describe('docs/api.md', () => {
  it('has a command for whatever is asked of journeys, and comparisons and breakdowns among them', () => {
    const asked = operations.filter(({ tag }) => tag === 'Answers').map(({ id }) => id)
    expect(Object.keys(said)).toEqual(expect.arrayContaining(asked.filter((id) => id !== 'listOpportunities')))
    const text = commands.join('\n')
    for (const form of [/funnel\?\S*compare=/, /funnel\?\S*breakdown=/, /trend\?\S*compare=/, /trend\?\S*breakdown=/])
      expect(text).toMatch(form)
  })

  it('has commands that a shell takes and that name what earlier answers said', () => {
    expect(() => readCommand('curl "$WAYMARK_URL/docs" --unknown x', variables)).toThrow('--unknown')
    expect(() => readCommand('curl "$WAYMARK_URL/$UNSAID"', variables)).toThrow()
    expect(readCommand(`curl "$WAYMARK_URL/a?b=c" \\\n  -H 'X: y z' -d '{"a":\n"'$WAYMARK_URL'"}'`, variables)).toEqual(
      {
        method: 'POST',
        path: '/a?b=c',
        headers: { x: 'y z' },
        body: '{"a":\n"http://localhost"}',
      },
    )
  })

  it.each(commands)('%s', async (text) => {
    const command = readCommand(text, variables)
    const operation = operationOf(command)
    const response = await ask(command)
    if (command.headers['if-none-match'] !== undefined) {
      expect(response.status).toBe(304)
      return
    }
    expect(response.ok, await response.clone().text()).toBe(true)
    await learn(operation, response)
    const answer = await holds(operation.answers, response)
    if (answer !== undefined && command.method !== 'DELETE')
      expect(said[operation.id]?.(answer) ?? 1, 'it finds nothing').toBeGreaterThan(0)
    if (operation.id === 'postEvents') await whole.shown()
  })
})
