import { personalData } from '../domain/personal-data.ts'
import type { FunnelInput } from '../domain/service.ts'
import { pathText } from './issues.ts'
import { Refused } from './refused.ts'

/**
 * Names of a service's own funnel are taken from everybody, and shown: like those of events, they hold no
 * personal data.
 * @param at where the funnel stands in the body
 * @throws {Refused} personal-data, with the path of the name
 */
export function refusePersonalNames(funnel: FunnelInput, at: string): void {
  for (const { name, path } of namesOf(funnel)) {
    const kind = personalData(name)
    if (kind !== null)
      throw new Refused('personal-data', `looks like personal data (${kind})`, { path: pathText([at, ...path]) })
  }
}

function* namesOf(funnel: FunnelInput): Generator<{ name: string; path: (string | number)[] }> {
  for (const [index, step] of funnel.steps.entries()) {
    if (typeof step === 'string') yield { name: step, path: ['steps', index] }
    else if ('step' in step) yield { name: step.step, path: ['steps', index, 'step'] }
    else for (const [at, name] of step.anyOf.entries()) yield { name, path: ['steps', index, 'anyOf', at] }
  }
  for (const [index, { step }] of (funnel.exclude ?? []).entries())
    yield { name: step, path: ['exclude', index, 'step'] }
}
