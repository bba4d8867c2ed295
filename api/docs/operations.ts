import { z } from 'zod'
import { eventsBody, linesAnswer, pixelQuery } from '../../domain/event-input.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Operation, Parameter } from '../operation.ts'

/** What other rooms of the process serve: the collector, those who run it, and the reference itself. */
export function otherOperations(limits: Limits): readonly Operation[] {
  return [postEvents(limits), getPixel(), getBeacon, ...runningOperations, ...docsOperations]
}

const oneEvent = { type: 'step', step: 'your-name', at: 1767604405000, seq: 3, attrs: { 'licence-type': 'coarse' } }
const journey = '0199d7a2-7a3b-7c4d-8e5f-60718293a4b5'
const eventsExample = {
  service: 'renew-fishing-licence',
  journey,
  sentAt: 1767604405056,
  channel: 'online',
  events: [{ ...oneEvent, id: 'a5b6c7' }],
}
const linesExample = [oneEvent, { type: 'outcome', outcome: 'completed', at: '2026-01-05T09:20:00Z' }]
  .map((event) => JSON.stringify({ service: 'renew-fishing-licence', journey, ...event }))
  .join('\n')

function postEvents(limits: Limits): Operation {
  return {
    id: 'postEvents',
    method: 'post',
    path: '/v1/events',
    tag: 'Events',
    summary: 'Send events',
    description:
      'As JSON (also as text/plain, which browsers send without asking first): all or nothing. As NDJSON: one event a line, each with its own `service` and `journey`; it needs a key with the scope `ingest`. ' +
      `Optionally \`Content-Encoding: gzip\`. At most ${limits.bodyBytesMax} bytes and ${limits.eventsPerRequestMax} events of JSON, ${limits.ndjsonBytesMax} bytes and ${limits.ndjsonLinesMax} lines of NDJSON, ${limits.decompressedBytesMax} bytes decompressed. ` +
      'The beacon sends one event a request; what its body says beside `events` holds for the event (docs/embedding.md). ' +
      'An answer with 2xx means durable. After any 4xx nothing is stored; after 503 or no answer, send it again: copies of an event merge.',
    scope: null,
    optionalScope: 'ingest',
    body: {
      required: true,
      content: {
        'application/json': { schema: eventsBody, example: eventsExample },
        'text/plain': { schema: z.string(), example: JSON.stringify(eventsExample) },
        'application/x-ndjson': { schema: z.string(), example: linesExample },
      },
    },
    answers: [
      {
        status: 200,
        description: `NDJSON: how many lines were accepted, which are durable, and the first ${limits.ndjsonRefusedListed} refused`,
        content: {
          'application/json': {
            schema: linesAnswer,
            example: {
              accepted: 1,
              refusedCount: 1,
              refused: [{ line: 2, code: 'invalid-event', detail: 'expected a time', path: 'at' }],
            },
          },
        },
      },
      { status: 204, description: 'JSON: every event is durable' },
    ],
    problems: [
      'invalid-json',
      'invalid-event',
      'personal-data',
      'invalid-step',
      'origin-not-allowed',
      'unknown-service',
      'too-large',
      'unsupported-type',
      'too-many',
      'log-unavailable',
      'store-unavailable',
    ],
  }
}

function getPixel(): Operation {
  const { shape } = pixelQuery
  const parameter = (schema: z.ZodType, description: string, example: string): Parameter => ({
    schema,
    description,
    example,
  })
  return {
    id: 'getPixel',
    method: 'get',
    path: '/v1/pixel.gif',
    tag: 'Events',
    summary: 'Send one event from a page without script',
    description:
      'Always answers with an image of one transparent pixel, also where the event is refused: that is counted.',
    scope: null,
    query: {
      service: { ...parameter(shape.service, 'Id of the service.', 'renew-fishing-licence'), required: true },
      journey: { ...parameter(shape.journey, 'Reference of the journey.', journey), required: true },
      step: parameter(shape.step, 'Name of the step.', 'your-name'),
      type: parameter(shape.type, 'Type of the event. Default: step.', 'step'),
      outcome: parameter(shape.outcome, 'With type outcome.', 'completed'),
      field: parameter(shape.field, 'With type error.', 'postcode'),
      code: parameter(shape.code, 'With type error.', 'missing'),
      channel: parameter(shape.channel, 'How the person was served. Default: online.', 'online'),
      key: parameter(shape.key, 'The public key of the service, where it has one.', 'wpk_dGhpcyBpcyBwdWJsaWM'),
    },
    answers: [{ status: 200, description: 'The image', content: { 'image/gif': { schema: null } } }],
    problems: [],
    neverRefuses: true,
  }
}

const getBeacon: Operation = {
  id: 'getBeacon',
  method: 'get',
  path: '/beacon.js',
  tag: 'Set-up',
  summary: 'The beacon, which pages load',
  description:
    'Of the version that runs, kept by browsers for an hour. Copies with a hash in their name, which never change, and the extensions are named by `GET /v1/services/{id}/snippet`.',
  scope: null,
  answers: [{ status: 200, description: 'JavaScript (ES5)', content: { 'text/javascript': { schema: null } } }],
  problems: [],
}

const state = (value: string) => z.object({ status: z.literal(value) })

const runningOperations: readonly Operation[] = [
  {
    id: 'getHealth',
    method: 'get',
    path: '/healthz',
    tag: 'Running it',
    summary: 'Does the process live',
    scope: null,
    answers: [
      {
        status: 200,
        description: 'It does',
        content: { 'application/json': { schema: state('ok'), example: { status: 'ok' } } },
      },
    ],
    problems: [],
    neverRefuses: true,
  },
  {
    id: 'getReadiness',
    method: 'get',
    path: '/readyz',
    tag: 'Running it',
    summary: 'Can the process do its job',
    scope: null,
    answers: [
      {
        status: 200,
        description: 'It can',
        content: { 'application/json': { schema: state('ready'), example: { status: 'ready' } } },
      },
      {
        status: 503,
        description: 'It cannot, and why',
        content: {
          'application/json': {
            schema: state('not ready').extend({ reasons: z.array(z.string()) }),
            example: { status: 'not ready', reasons: ['ClickHouse cannot be asked'] },
          },
        },
      },
    ],
    problems: [],
    neverRefuses: true,
  },
  {
    id: 'getMetrics',
    method: 'get',
    path: '/metrics',
    tag: 'Running it',
    summary: 'Metrics for Prometheus',
    scope: null,
    answers: [{ status: 200, description: 'Text of Prometheus', content: { 'text/plain': { schema: null } } }],
    problems: [],
    neverRefuses: true,
  },
]

const docsOperations: readonly Operation[] = [
  {
    id: 'getOpenApi',
    method: 'get',
    path: '/openapi.json',
    tag: 'This reference',
    summary: 'The OpenAPI document',
    scope: null,
    answers: [
      {
        status: 200,
        description: 'OpenAPI 3.1 of every call',
        content: {
          'application/json': { schema: z.looseObject({ openapi: z.string() }), example: { openapi: '3.1.1' } },
        },
      },
    ],
    problems: [],
  },
  {
    id: 'getDocs',
    method: 'get',
    path: '/docs',
    tag: 'This reference',
    summary: 'This page',
    scope: null,
    answers: [
      { status: 200, description: 'The reference, to read and to try', content: { 'text/html': { schema: null } } },
    ],
    problems: [],
  },
]
