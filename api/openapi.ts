import { z } from 'zod'
import { problemCodes, problemMediaType, problems, type ProblemCode } from '../domain/problems.ts'
import { printable } from '../domain/text.ts'
import type { Answer, Operation, Parameter } from './operation.ts'

type Json = { readonly [name: string]: unknown }

/** An OpenAPI document, as far as we look into it ourselves. */
export interface OpenApiDocument extends Json {
  readonly openapi: '3.1.1'
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
  readonly components: { readonly schemas: Json; readonly responses: Json; readonly securitySchemes: Json }
}

/** A test asks for one of every tag. */
const tags: Readonly<Record<string, string>> = {
  Events: 'What services and their pages send',
  Status: 'How far answers are behind, and what is well',
  Services: 'What is measured, and by which funnel',
  Answers: 'Where people leave, and who they are',
  Annotations: 'Releases and incidents, and what they did',
  Erasures: 'Journeys of people who asked to be forgotten',
  'Set-up': 'What a team puts on its pages, and whether it works',
  Keys: 'Who may do what',
  'Running it': 'What those who run it ask',
  'This reference': 'This page, for people and for programs',
}

/** OpenAPI 3.1 of every operation that the process serves, whichever room answers it. */
export function openApiDocument(operations: readonly Operation[], appVersion: string): OpenApiDocument {
  const schemas: Record<string, unknown> = {}
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {})
    path[operation.method] = operationObject(operation, schemas)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Waymark',
      version: appVersion,
      description:
        'Where people fail to finish an online service. Times are ISO 8601, a rate is a proportion with its Wilson score interval (95 %), and errors are problem documents (RFC 9457) with a stable `code`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({
      name,
      ...(tags[name] === undefined ? {} : { description: tags[name] }),
    })),
    paths,
    components: {
      schemas: { ...schemas, Problem: problemSchema() },
      responses: Object.fromEntries(problemCodes.map((code) => [code, problemAnswer(code)])),
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A secret key with the scope that the call names: ingest, read or admin; for everything, one department or one service.',
        },
      },
    },
  }
}

/** The problems of an operation, those that come with a key and with any call included. */
export function problemsOf({ problems: own, scope, optionalScope, neverRefuses }: Operation): readonly ProblemCode[] {
  if (neverRefuses === true) return []
  const scoped = scope !== null || optionalScope !== undefined
  const all: readonly ProblemCode[] = [...own, 'bad-key', 'internal', ...(scoped ? (['scope-missing'] as const) : [])]
  return problemCodes.filter((code) => all.includes(code))
}

/** Whether an answer has a tag: every GET that a key is needed for. */
export function revalidates({ method, scope }: Operation): boolean {
  return method === 'get' && scope !== null
}

const tagHeader = {
  ETag: { description: 'Changes with all that the answer says but `asOf`', schema: { type: 'string' } },
}
const ifNoneMatch = {
  name: 'If-None-Match',
  in: 'header',
  description: 'Tags of answers that the client has: where it is one of these still, the answer is 304.',
  required: false,
  schema: { type: 'string' },
  example: 'W/"2jmj7l5rSw0yVb-vlWAYkK"',
}

function operationObject(operation: Operation, schemas: Record<string, unknown>): Json {
  const { id, tag, summary, description, scope, optionalScope, body } = operation
  const parameters = [
    ...Object.entries(operation.pathParameters ?? {}).map(([name, is]) => parameterObject('path', name, is)),
    ...Object.entries(operation.query ?? {}).map(([name, is]) => parameterObject('query', name, is)),
    ...(revalidates(operation) ? [ifNoneMatch] : []),
  ]
  const needs = scope === null ? undefined : `Needs a key with the scope \`${scope}\`.`
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: [description, needs].filter((text) => text !== undefined).join('\n\n'),
    // For a bearer key the list names the scopes that it needs (OpenAPI 3.1, security requirement object).
    security: [
      ...(scope === null ? [{}] : []),
      ...[scope, optionalScope].flatMap((needed) => (needed ? [{ key: [needed] }] : [])),
    ],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.required, content: contentObject(body.content, 'input', schemas) } }),
    responses: {
      ...Object.fromEntries(
        operation.answers.map((answer) => [answer.status, answerObject(operation, answer, schemas)]),
      ),
      ...(revalidates(operation) ? { 304: { description: 'As `If-None-Match` has it', headers: tagHeader } } : {}),
      ...problemResponses(operation),
    },
  }
}

function parameterObject(where: 'path' | 'query', name: string, parameter: Parameter): Json {
  const schema = schemaObject(parameter.schema, 'output', {})
  return {
    name,
    in: where,
    description: parameter.description,
    required: where === 'path' || parameter.required === true,
    schema: parameter.repeated === true ? { type: 'array', items: schema } : schema,
    ...(parameter.repeated === true ? { style: 'form', explode: true } : {}),
    example: parameter.repeated === true ? [parameter.example] : exampleOf(schema, parameter.example),
  }
}

function exampleOf(schema: Json, text: string): unknown {
  return schema['type'] === 'integer' ? Number(text) : text
}

function answerObject(operation: Operation, answer: Answer, schemas: Record<string, unknown>): Json {
  return {
    description: answer.description,
    ...(revalidates(operation) ? { headers: tagHeader } : {}),
    ...(answer.content === undefined ? {} : { content: contentObject(answer.content, 'output', schemas) }),
  }
}

function contentObject(
  content: NonNullable<Answer['content']>,
  io: 'input' | 'output',
  schemas: Record<string, unknown>,
): Json {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, { schema, example }]) => [
      mediaType,
      {
        ...(schema !== null ? { schema: schemaObject(schema, io, schemas) } : {}),
        ...(schema === null && mediaType.startsWith('text/') ? { schema: { type: 'string' } } : {}),
        ...(example === undefined ? {} : { example }),
      },
    ]),
  )
}

/** One answer a status; where several problems share one, it says which. */
function problemResponses(operation: Operation): Json {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of problemsOf(operation)) {
    const { status } = problems[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]): [number, Json] => {
      const [only] = codes
      if (only !== undefined && codes.length === 1) return [status, { $ref: `#/components/responses/${only}` }]
      return [
        status,
        {
          description: codes.map((code) => `\`${code}\`: ${problems[code].meaning}`).join('\n\n'),
          headers: problemHeaders(status),
          content: {
            [problemMediaType]: {
              schema: {
                allOf: [
                  { $ref: '#/components/schemas/Problem' },
                  { type: 'object', properties: { code: { enum: codes } } },
                ],
              },
              examples: Object.fromEntries(codes.map((code) => [code, { value: problemExample(code) }])),
            },
          },
        },
      ]
    }),
  )
}

function problemAnswer(code: ProblemCode): Json {
  return {
    description: `\`${code}\`: ${problems[code].meaning}`,
    headers: problemHeaders(problems[code].status),
    content: {
      [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' }, example: problemExample(code) },
    },
  }
}

function problemHeaders(status: number): Json {
  if (status === 429 || status === 503)
    return { 'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 1 } } }
  if (status === 401) return { 'WWW-Authenticate': { schema: { type: 'string' } } }
  if (status === 405) return { Allow: { description: 'Methods of the path', schema: { type: 'string' } } }
  return {}
}

function problemExample(code: ProblemCode): Json {
  const { status, title } = problems[code]
  return { type: `/docs#problem-${code}`, title, status, code }
}

function problemSchema(): Json {
  return {
    type: 'object',
    description: 'A problem document (RFC 9457). `code` is stable; it holds nothing of what the caller sent.',
    required: ['type', 'title', 'status', 'code'],
    properties: {
      type: { type: 'string', format: 'uri-reference' },
      title: { type: 'string' },
      status: { type: 'integer', minimum: 400, maximum: 599 },
      code: {
        type: 'string',
        enum: problemCodes,
        description: problemCodes
          .map((code) => `- \`${code}\` (${problems[code].status}): ${problems[code].meaning}`)
          .join('\n'),
      },
      detail: { type: 'string', description: 'What is wrong with this request, or what is allowed' },
      path: { type: 'string', description: 'Where in the request, such as `events[3].step` or a parameter' },
    },
  }
}

/**
 * Controls are not printable. What else is not is said in classes of Unicode that many readers of patterns do not have;
 * the server asks for those too.
 */
const portablePrintable = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$'

/** The schema of a value; those with an id go to the components and are referred to. */
function schemaObject(schema: z.ZodType, io: 'input' | 'output', schemas: Record<string, unknown>): Json {
  const {
    $schema: _,
    $defs,
    ...own
  } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      // Answers may gain fields; a client that refuses them would break.
      if (io === 'output') delete jsonSchema.additionalProperties
      if (jsonSchema.pattern === printable.source) jsonSchema.pattern = portablePrintable
    },
  })
  for (const [id, definition] of Object.entries($defs ?? {})) schemas[id] = relocated(definition)
  return relocated(own)
}

/** Zod puts shared schemas below the one that uses them; here they stand in the components. */
function relocated(schema: object): Json {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')
  return JSON.parse(text) as Json
}
