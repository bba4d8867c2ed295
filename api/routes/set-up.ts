import { z } from 'zod'
import { shape } from '../../domain/limits.ts'
import { liveAnswer } from '../../queries/answers.ts'
import type { Questions } from '../../queries/context.ts'
import { liveCsv } from '../../queries/csv.ts'
import { jsonAnswer, tableAnswer } from '../answering.ts'
import { liveExample, snippetExample } from '../examples-set-up.ts'
import { repeated, single, wholeNumber } from '../parameters.ts'
import { onService, type Route } from '../route.ts'
import { snippet, snippetAnswer, type BeaconScript } from '../snippet.ts'
import { serviceIdParameter } from './service-id.ts'

/** What a team needs to put a service under measurement, and to see that it works. */
export function setUpRoutes(questions: Pick<Questions, 'live'>, scripts: readonly BeaconScript[]): readonly Route[] {
  return [getSnippet(scripts), getLive(questions)]
}

const baseUrl = z
  .string()
  .max(300)
  .refine((text) => {
    try {
      const url = new URL(text)
      return (
        (url.protocol === 'https:' || url.protocol === 'http:') &&
        url.username === '' &&
        url.password === '' &&
        !/[?#\s"'<>;,\\{}]/.test(text)
      )
    } catch {
      return false
    }
  })

function getSnippet(scripts: readonly BeaconScript[]): Route {
  const names = scripts.flatMap(({ extension }) => extension ?? [])
  const base = single(baseUrl, {
    description: 'Where browsers reach Waymark. Default: where this call was sent to.',
    allowed: 'an http or https address without a query, such as https://waymark.example',
    example: 'https://waymark.example',
  })
  const extension = repeated(
    z.string().refine((name) => names.includes(name)),
    names.length,
    {
      description: 'An extension of the beacon to be loaded too. May stand several times.',
      allowed: names.length === 0 ? 'nothing: there are no extensions' : `one of ${names.join(', ')}`,
      example: names[0] ?? 'forms',
      shown: names.length === 0 ? z.string() : z.enum(names),
    },
  )
  return onService(
    {
      id: 'getSnippet',
      method: 'get',
      path: '/v1/services/{id}/snippet',
      tag: 'Set-up',
      summary: 'What to put on the pages of a service',
      description:
        'The tag of the beacon with its hash, the image for browsers without script, what a content security policy must name, and how to serve both from a path of the service itself.',
      scope: 'read',
      pathParameters: serviceIdParameter,
      query: { base, extension },
      answers: [
        {
          status: 200,
          description: 'Ready to be copied',
          content: { 'application/json': { schema: snippetAnswer, example: snippetExample } },
        },
      ],
      problems: ['invalid-parameter', 'unknown-service', 'store-unavailable'],
    },
    async ({ query, origin }, service) => {
      const at = (query.base ?? origin).replace(/\/*$/, '/')
      return jsonAnswer(snippet(service, { base: at, scripts, extensions: query.extension }))
    },
  )
}

function getLive(questions: Pick<Questions, 'live'>): Route {
  const limit = single(wholeNumber(1, shape.liveEventsMax), {
    description: 'Events of one answer. Default: 50.',
    allowed: `a whole number from 1 to ${shape.liveEventsMax}`,
    example: '10',
  })
  return onService(
    {
      id: 'getLive',
      method: 'get',
      path: '/v1/services/{id}/live',
      tag: 'Set-up',
      summary: 'The last events seen',
      description:
        'Newest first, within seconds of their arrival: does the beacon work on this page? With warnings about what looks wrong in the set-up. Only journeys of the last hour in which something was seen.',
      scope: 'read',
      pathParameters: serviceIdParameter,
      query: { limit },
      answers: [
        {
          status: 200,
          description: 'Events and warnings. As CSV: a row for each event.',
          content: {
            'application/json': { schema: liveAnswer, example: liveExample },
            'text/csv': { schema: null, example: liveCsv(liveExample) },
          },
        },
      ],
      problems: ['invalid-parameter', 'unknown-service', 'query-too-large', 'store-unavailable'],
    },
    async ({ query, csv }, service) => tableAnswer(csv, await questions.live({ ...query, service }), liveCsv),
  )
}
