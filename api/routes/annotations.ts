import { z } from 'zod'
import { annotationFutureMs, annotationKinds, newAnnotation, type Annotation } from '../../domain/annotation.ts'
import { instantMs } from '../../domain/instant.ts'
import { slug } from '../../domain/key.ts'
import { shape } from '../../domain/limits.ts'
import { personalData } from '../../domain/personal-data.ts'
import type { Annotations } from '../../domain/ports/annotations.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import { annotationAnswer, annotationsAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { annotationCsv, annotationsCsv } from '../../queries/csv.ts'
import { jsonAnswer, noContent, tableAnswer } from '../answering.ts'
import { annotationExample, annotationsExample, markedExample, newAnnotationExample } from '../examples-errors.ts'
import { firstFault, pathText } from '../issues.ts'
import { from, single, to, tz, wholeNumber } from '../parameters.ts'
import { Refused } from '../refused.ts'
import { onService, type Route } from '../route.ts'
import { serviceIdParameter } from './service-id.ts'

type AnnotationQuestions = Pick<Questions, 'annotations' | 'annotation'>

const common = { tag: 'Annotations', pathParameters: serviceIdParameter } as const
const onOne = {
  ...common,
  path: '/v1/services/{id}/annotations/{annotationId}',
  pathParameters: {
    ...serviceIdParameter,
    annotationId: { description: 'Id of the annotation', schema: slug, example: markedExample.id },
  },
} as const

const marked = z
  .strictObject({
    id: slug,
    at: z.string().describe('ISO 8601 instant'),
    kind: z.enum(annotationKinds),
    label: z.string(),
    createdAt: z.string().describe('ISO 8601 instant'),
  })
  .meta({ id: 'Annotation' })

const limit = single(wholeNumber(1, shape.annotationsListedMax), {
  description: 'Annotations of one answer; each costs a pass over the journeys around it. Default: 20.',
  allowed: `a whole number from 1 to ${shape.annotationsListedMax}`,
  example: '20',
})

export function annotationRoutes(
  questions: AnnotationQuestions,
  annotations: Annotations,
  clock: Clock,
): readonly Route[] {
  return [list(questions), get(questions), add(annotations, clock), remove(annotations)]
}

function list(questions: AnnotationQuestions): Route {
  return onService(
    {
      ...common,
      id: 'listAnnotations',
      method: 'get',
      path: '/v1/services/{id}/annotations',
      summary: 'Releases and incidents, with completion before and after',
      description:
        'Those of the period, the latest first. Completion in up to 28 days before and after is compared by hour of the week, with a test of significance that knows how much days differ by themselves.',
      scope: 'read',
      query: { from, to, tz, limit },
      answers: [
        {
          status: 200,
          description: 'Annotations. As CSV: a row each.',
          content: {
            'application/json': { schema: annotationsAnswer, example: annotationsExample },
            'text/csv': { schema: null, example: annotationsCsv(annotationsExample) },
          },
        },
      ],
      problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
    },
    async ({ query, csv }, service) =>
      tableAnswer(csv, await questions.annotations({ ...query, service }), annotationsCsv),
  )
}

function get(questions: AnnotationQuestions): Route {
  return onService(
    {
      ...onOne,
      id: 'getAnnotation',
      method: 'get',
      summary: 'One annotation, with completion before and after',
      scope: 'read',
      query: {},
      answers: [
        {
          status: 200,
          description: 'The annotation. As CSV: one row.',
          content: {
            'application/json': { schema: annotationAnswer, example: annotationExample },
            'text/csv': { schema: null, example: annotationCsv(annotationExample) },
          },
        },
      ],
      problems: ['invalid-parameter', 'unknown-service', 'not-found', 'query-too-large', 'store-unavailable'],
    },
    async ({ path, csv }, service) => {
      const answer = await questions.annotation({ service, id: path['annotationId'] ?? '' })
      if (answer === null) throw new Refused('not-found', 'the service has no such annotation')
      return tableAnswer(csv, answer, annotationCsv)
    },
  )
}

function add(annotations: Annotations, clock: Clock): Route {
  return onService(
    {
      ...common,
      id: 'addAnnotation',
      method: 'post',
      path: '/v1/services/{id}/annotations',
      summary: 'Mark a release or an incident',
      description:
        'By hand, or from a deploy job with an id of its own: the same id again is the same annotation, which stays as it is, so a job may try again.',
      scope: 'admin',
      query: {},
      body: {
        required: true,
        content: { 'application/json': { schema: newAnnotation, example: newAnnotationExample } },
      },
      answers: [
        {
          status: 201,
          description: 'Marked',
          content: { 'application/json': { schema: marked, example: markedExample } },
        },
        {
          status: 200,
          description: 'An annotation has this id already: it, as it stands',
          content: { 'application/json': { schema: marked, example: markedExample } },
        },
      ],
      problems: [
        'invalid-json',
        'invalid-annotation',
        'invalid-parameter',
        'personal-data',
        'unknown-service',
        'too-large',
        'unsupported-type',
        'store-unavailable',
      ],
    },
    async ({ json }, service) => {
      const result = await annotations.add(service.id, inputOf(await json(), clock.now()))
      if (result === null)
        throw new Refused('invalid-annotation', `expected at most ${shape.annotationsMax} annotations of a service`)
      return jsonAnswer(shown(result.annotation), result.created ? 201 : 200)
    },
  )
}

function remove(annotations: Annotations): Route {
  return onService(
    {
      ...onOne,
      id: 'deleteAnnotation',
      method: 'delete',
      summary: 'Take an annotation away',
      scope: 'admin',
      query: {},
      answers: [{ status: 204, description: 'It is gone; its id may be used anew' }],
      problems: ['invalid-parameter', 'unknown-service', 'not-found', 'store-unavailable'],
    },
    async ({ path }, service) => {
      if (!(await annotations.remove(service.id, path['annotationId'] ?? '')))
        throw new Refused('not-found', 'the service has no such annotation')
      return noContent()
    },
  )
}

/** @throws {Refused} invalid-annotation, personal-data */
function inputOf(body: object, now: number) {
  const parsed = newAnnotation.safeParse(body)
  if (!parsed.success) {
    const { path, detail } = firstFault(parsed.error)
    throw new Refused('invalid-annotation', detail, path.length === 0 ? {} : { path: pathText(path) })
  }
  const { id, kind = 'release', label } = parsed.data
  for (const [path, text] of [
    ['id', id ?? ''],
    ['label', label],
  ] as const) {
    const personal = personalData(text)
    if (personal !== null) throw new Refused('personal-data', `looks like personal data (${personal})`, { path })
  }
  const at = parsed.data.at === undefined ? now : (instantMs(parsed.data.at) ?? now)
  if (at > now + annotationFutureMs)
    throw new Refused('invalid-annotation', 'expected a moment at most a day ahead', { path: 'at' })
  return { id, at, kind, label }
}

function shown({ at, createdAt, ...rest }: Annotation): z.infer<typeof marked> {
  return { ...rest, at: new Date(at).toISOString(), createdAt: new Date(createdAt).toISOString() }
}
