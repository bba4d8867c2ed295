import { entityTag } from './conditional.ts'

const jsonType = 'application/json; charset=utf-8'
const csvType = 'text/csv; charset=utf-8; header=present'
const plainHeaders = {
  'Cache-Control': 'private, no-store',
  'X-Content-Type-Options': 'nosniff',
}

/** With its tag, which stays on answers to GET and HEAD only: `revalidated`. */
export function jsonAnswer(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...plainHeaders, 'Content-Type': jsonType, ETag: entityTag(value, jsonType), ...headers },
  })
}

/** JSON, or the same rows as CSV where the client prefers that. */
export function tableAnswer<Value>(
  csv: boolean,
  value: Value,
  toCsv: (value: Value) => string,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { Vary: 'Accept', ...more }
  if (!csv) return jsonAnswer(value, 200, headers)
  return new Response(toCsv(value), {
    headers: { ...plainHeaders, 'Content-Type': csvType, ETag: entityTag(value, csvType), ...headers },
  })
}

export function noContent(): Response {
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } })
}
