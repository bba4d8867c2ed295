import { expect } from 'vitest'
import type { FunnelAsk, LowCompletionQuestion } from '../../queries/context.ts'
import type { IdentitiesOf } from './identities.ts'
import type { Whole } from './whole.ts'

/** The questions as they are asked over HTTP, their answers as they come: unchecked JSON. */
export function httpQuestions({ request }: Pick<Whole, 'request'>): IdentitiesOf['ask'] {
  const get = async (path: string, query: URLSearchParams): Promise<never> => {
    const { status, text } = await request('GET', `${path}?${query.toString()}`)
    expect(status, text).toBe(200)
    return JSON.parse(text) as never
  }
  const about = (call: string) => (question: FunnelAsk) =>
    get(`/v1/services/${question.service.id}/${call}`, queryOf(question))
  const across = (call: string) => (question: LowCompletionQuestion) => get(`/v1/${call}`, queryOf(question))
  return {
    funnel: async (question) => {
      if (question.funnel === undefined) return about('funnel')(question)
      const { service, from, to, tz, funnel } = question
      const body = { type: 'application/json' as const, text: JSON.stringify({ from, to, tz, funnel }) }
      const { status, text } = await request('POST', `/v1/services/${service.id}/funnel`, body)
      expect(status, text).toBe(200)
      return JSON.parse(text) as never
    },
    trend: about('trend'),
    timeToComplete: about('time-to-complete'),
    paths: about('paths'),
    journeys: about('journeys'),
    errors: about('errors'),
    lowCompletion: across('low-completion'),
    opportunities: across('opportunities'),
  }
}

/** Conditions as `dimension:value`, with `!` before those that must not be; all else under its own name. */
function queryOf(question: Partial<FunnelAsk> | LowCompletionQuestion): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(question))
    if (typeof value === 'string' || typeof value === 'number') query.append(name, String(value))
  if ('where' in question)
    for (const { dimension, values, not } of question.where ?? [])
      for (const value of values) query.append('where', `${not ? '!' : ''}${dimension}:${value ?? ''}`)
  return query
}
