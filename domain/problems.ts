/**
 * Every way in which Waymark says no, in one closed table: the API, the documentation and the tests read it.
 * Answers are problem documents (RFC 9457). This module makes them as values; who has a connection sends them.
 */
export interface ProblemKind {
  readonly status: number
  /** Short, the same for every occurrence. */
  readonly title: string
  /** What it means and what to do, for the reference. */
  readonly meaning: string
}

export const problems = {
  'invalid-json': {
    status: 400,
    title: 'The body is not JSON',
    meaning:
      'The body (or the line) is not valid JSON in UTF-8, is not an object, is nested too deeply, or is compressed and damaged. Nothing was stored.',
  },
  'invalid-event': {
    status: 400,
    title: 'An event or its envelope breaks a rule',
    meaning: 'The field at `path` is missing or breaks the rule in `detail`. Nothing of the request was stored.',
  },
  'personal-data': {
    status: 400,
    title: 'A value looks like personal data',
    meaning:
      'The name or value at `path` looks like an e-mail address, a telephone number, a national number, a card, a postcode, an address or a date of birth. Waymark keeps none of these: send a name that is the same for everyone.',
  },
  'invalid-step': {
    status: 400,
    title: 'Too many step names',
    meaning:
      'The step is in no version of the funnel, and the service already uses as many names outside its funnel as it may. Names that hold an id or a value are the usual cause. A name unseen for 28 days makes room.',
  },
  'invalid-funnel': {
    status: 400,
    title: 'The funnel has no meaning',
    meaning: 'The funnel breaks a rule or contradicts itself at `path`, for the reason in `detail`.',
  },
  'invalid-service': {
    status: 400,
    title: 'The service definition breaks a rule',
    meaning: 'The field at `path` is missing, unknown or breaks the rule in `detail`. Nothing was changed.',
  },
  'invalid-parameter': {
    status: 400,
    title: 'A parameter breaks a rule',
    meaning:
      'A parameter of the query is unknown, repeated, of the wrong form or out of range; `detail` says what is allowed.',
  },
  'invalid-key': {
    status: 400,
    title: 'The description of a new key breaks a rule',
    meaning: 'The field at `path` of a key to be created is missing, unknown or breaks the rule in `detail`.',
  },
  'invalid-annotation': {
    status: 400,
    title: 'The description of an annotation breaks a rule',
    meaning:
      'The field at `path` of an annotation is missing, unknown or breaks the rule in `detail`, or the service has as many as it may.',
  },
  'bad-key': {
    status: 401,
    title: 'A key is missing, unknown or revoked',
    meaning:
      'The call needs `Authorization: Bearer` with a secret key (or, from a browser, the public `key` of the service), and what came is missing, malformed, unknown or revoked. A bad `Authorization` is refused even where none is needed.',
  },
  'origin-not-allowed': {
    status: 403,
    title: 'This origin may not send events',
    meaning: 'The service lists the origins whose pages may send events, and this request came from none of them.',
  },
  'scope-missing': {
    status: 403,
    title: 'The key does not reach this far',
    meaning:
      'The key lacks the scope, or is for another service or department. Says nothing about whether the service exists.',
  },
  'unknown-service': {
    status: 404,
    title: 'There is no such service',
    meaning: 'No service of this id is registered, or it was deleted.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    meaning: 'No call has this path, or what it names does not exist.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This call has other methods',
    meaning: 'The path exists, the method does not; `Allow` lists those that do.',
  },
  'too-large': {
    status: 413,
    title: 'The request is too large',
    meaning: 'The body, the body after decompression, the number of events or the number of lines passes its limit.',
  },
  'unsupported-type': {
    status: 415,
    title: 'The body has a type that is not read here',
    meaning: 'The `Content-Type`, its charset or the `Content-Encoding` is none that this call reads.',
  },
  'too-many': {
    status: 429,
    title: 'The queue is full',
    meaning: 'The queue of this process is full. Nothing was stored; send it again after `Retry-After` seconds.',
  },
  'log-unavailable': {
    status: 503,
    title: 'Events cannot be stored now',
    meaning:
      'The event log cannot make anything durable now. The request may be stored wholly, in part or not at all: send it again after `Retry-After` seconds, which completes it.',
  },
  'store-unavailable': {
    status: 503,
    title: 'The database cannot be asked now',
    meaning: 'The database is away or overloaded. Try again after `Retry-After` seconds.',
  },
  'query-too-large': {
    status: 503,
    title: 'The query takes too much',
    meaning:
      'The query ran into its limit of time, memory or bytes found. `detail` names the parameters of the call that make it ask for less.',
  },
  internal: {
    status: 500,
    title: 'Something failed here',
    meaning: 'A fault of Waymark, not of the request. It is in the log of the process.',
  },
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof problems

export const problemCodes = Object.keys(problems) as ProblemCode[]

/** What is acknowledged and yet not kept whole. Closed, like the table above; each has a counter. */
export const dropReasons = {
  bot: 'The request comes from a program that a maintained list names: its events are answered as people’s are, and not stored.',
  erased:
    'The journey was erased at the wish of the person: its events are answered as others are, and not stored, for ever.',
  'unknown-attribute': 'An attribute that is not among the dimensions of the service: left out, the event kept.',
  'many-values': 'A value of a dimension that already has as many as it may: kept as `other`.',
} as const

export type DropReason = keyof typeof dropReasons

export interface ProblemExtra {
  /** Where in the request: `events[3].step`. Names of fields are ours, never the caller's. */
  readonly path?: string
  /** Seconds until it is worth trying again; 429 and 503 always carry one (default 5). */
  readonly retryAfterSeconds?: number
  /** Methods of the path, with `method-not-allowed`. */
  readonly allow?: readonly string[]
  /** Members beyond those of every problem (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>>
}

/** Members of the document, RFC 9457 §3.1, and ours: `code` and `path`. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail?: string
  readonly path?: string
}

export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ProblemDocument
}

export const problemMediaType = 'application/problem+json'

const retryAfterSecondsDefault = 5

/**
 * A problem as a value: `new Response(JSON.stringify(body), { status, headers })` sends it.
 * @param detail what is wrong with this occurrence: constant words and numbers of ours, never a value of the caller's
 */
export function problem(code: ProblemCode, detail?: string, extra: ProblemExtra = {}): Problem {
  const { status, title } = problems[code]
  const headers: Record<string, string> = { 'Content-Type': problemMediaType, 'Cache-Control': 'no-store' }
  if (status === 429 || status === 503)
    headers['Retry-After'] = String(Math.max(1, Math.ceil(extra.retryAfterSeconds ?? retryAfterSecondsDefault)))
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer realm="waymark"'
  if (extra.allow !== undefined) headers['Allow'] = extra.allow.join(', ')
  return {
    status,
    headers,
    body: {
      type: `/docs#problem-${code}`,
      title,
      status,
      code,
      ...(detail === undefined ? {} : { detail }),
      ...(extra.path === undefined ? {} : { path: extra.path }),
      ...extra.members,
    },
  }
}
