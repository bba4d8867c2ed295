import { Validator } from '@seriousme/openapi-schema-validator'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../domain/limits.ts'
import { problemCodes, problems } from '../domain/problems.ts'
import { exampleQuestions, noErasures } from '../tests/support/api.ts'
import { movableClock } from '../tests/contract/registry.ts'
import { openMemoryAnnotations } from '../tests/support/memory-annotations.ts'
import { openMemoryRegistry } from '../tests/support/memory-registry.ts'
import { apiRoutes } from './app.ts'
import { scriptsExample } from './examples-set-up.ts'
import { documentedOperations } from './docs/app.tsx'
import { openApiDocument, problemsOf, revalidates } from './openapi.ts'

const routes = apiRoutes({
  questions: exampleQuestions().questions,
  erasures: noErasures,
  registry: openMemoryRegistry({ clock: movableClock(0) }),
  annotations: openMemoryAnnotations({ clock: movableClock(0) }),
  clock: movableClock(0),
  status: () => Promise.reject(new Error('not asked')),
  doctor: () => Promise.reject(new Error('not asked')),
  scripts: scriptsExample,
  verify: () => Promise.reject(new Error('not asked')),
  replay: () => Promise.reject(new Error('not asked')),
  limits: defaultLimits,
})
const operations = documentedOperations({ routes, limits: defaultLimits })
const document = openApiDocument(operations, '1.2.3')

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document))
    expect(result.errors).toBeUndefined()
    expect(result.valid).toBe(true)
  })

  it('has no fault that a linter finds', async () => {
    const rules = {
      // What answers with no problem document whatever comes has no 4XX.
      'operation-4xx-response': 'off',
      // One table of every problem, those included that share their status with others in each call.
      'no-unused-components': 'off',
    } as const
    const config = await createConfig({ extends: ['recommended-strict'], rules })
    const lint = async (source: object) =>
      (await lintFromString({ source: JSON.stringify(source), absoluteRef: 'openapi.json', config })).map(
        ({ ruleId, location: [place] }) => `${ruleId} ${place?.pointer ?? ''}`,
      )
    expect(await lint(document)).toEqual([])
    expect(await lint({ ...document, servers: [] })).not.toEqual([])
  })

  it('refers to nothing that it does not hold', () => {
    const text = JSON.stringify(document)
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '')
    expect(references.length).toBeGreaterThan(50)
    for (const reference of references) {
      const target = reference
        .split('/')
        .reduce<unknown>((value, name) => new Map(Object.entries(value ?? {})).get(name), document)
      expect(target, reference).toBeDefined()
    }
  })

  it('has an id for each call once', () => {
    const ids = operations.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has every problem code with its status, as one closed table', () => {
    const schema = document.components.schemas['Problem'] as {
      properties: { code: { enum: string[]; description: string } }
    }
    expect(schema.properties.code.enum).toEqual(problemCodes)
    for (const code of problemCodes)
      expect(schema.properties.code.description).toContain(`\`${code}\` (${problems[code].status})`)
    expect(Object.keys(document.components.responses)).toEqual(problemCodes)
  })
})

describe.each(
  operations.map((operation) => [`${operation.method.toUpperCase()} ${operation.path}`, operation] as const),
)('%s', (_, operation) => {
  it('has examples that its schemas take', () => {
    for (const [mediaType, { schema, example }] of [
      ...operation.answers.flatMap(({ content }) => Object.entries(content ?? {})),
      ...Object.entries(operation.body?.content ?? {}),
    ]) {
      if (schema === null) continue
      const result = schema.safeParse(example)
      expect(result.error, mediaType).toBeUndefined()
    }
  })

  it('has an example of each parameter that it takes', () => {
    for (const [name, { schema, example }] of Object.entries({ ...operation.pathParameters, ...operation.query }))
      expect(schema.safeParse(example).success, name).toBe(true)
  })

  it('names the parts of its path', () => {
    const parts = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(Object.keys(operation.pathParameters ?? {})).toEqual(parts)
  })

  it('has each problem with its own status only', () => {
    const answers = document.paths[operation.path]?.[operation.method]?.['responses'] as Record<string, unknown>
    const expected = [
      ...operation.answers.map(({ status }) => String(status)),
      ...(revalidates(operation) ? ['304'] : []),
      ...problemsOf(operation).map((code) => String(problems[code].status)),
    ]
    expect(Object.keys(answers).sort()).toEqual([...new Set(expected)].sort())
  })
})
