import type { z } from 'zod'

type Issue = z.core.$ZodIssue

export interface Fault {
  readonly path: readonly PropertyKey[]
  /** Words and numbers of ours: nothing of what the caller sent. */
  readonly detail: string
}

/** The first fault that a schema found. Messages of zod are not passed on, since some quote the input. */
export function firstFault(error: z.ZodError): Fault {
  const [issue] = error.issues
  return issue === undefined ? { path: [], detail: 'expected another value' } : faultOf(issue)
}

function faultOf(issue: Issue): Fault {
  if (issue.code === 'invalid_union') {
    const branch = likeliest(issue.errors)
    if (branch === undefined)
      return { path: issue.path, detail: 'expected a step name, or an object with step or anyOf' }
    const inner = faultOf(branch)
    return { path: [...issue.path, ...inner.path], detail: inner.detail }
  }
  return { path: issue.path, detail: detailOf(issue) }
}

/** Of the alternatives of the right type, the one with the fewest faults is what the caller meant. */
function likeliest(branches: readonly (readonly Issue[])[]): Issue | undefined {
  const [best] = branches
    .filter((issues) => !issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type'))
    .sort((one, other) => one.length - other.length)
  return best?.[0]
}

function detailOf(issue: Exclude<Issue, { code: 'invalid_union' }>): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${withArticle(issue.expected)}`
    case 'too_small':
      return `expected at least ${String(issue.minimum)}${unit(issue.origin)}`
    case 'too_big':
      return `expected at most ${String(issue.maximum)}${unit(issue.origin)}`
    case 'unrecognized_keys':
      return 'a field that is unknown here'
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`
    // Of our own rules, the message is ours and constant.
    case 'custom':
      return issue.message
    case 'invalid_format':
      return issue.format === 'regex' ? issue.message : `expected ${issue.format}`
    case 'not_multiple_of':
    case 'invalid_key':
    case 'invalid_element':
      return 'expected another value'
  }
}

function withArticle(type: string): string {
  if (type === 'int') return 'a whole number'
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' items' : ''
}

/** `funnel.steps[3].within`. Every name in it is one of our fields, since a schema is strict or ends before. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}
