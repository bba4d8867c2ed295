const jsonHeaders = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'private, no-store',
  'X-Content-Type-Options': 'nosniff',
}

export function jsonAnswer(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { ...jsonHeaders, ...headers } })
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
    headers: { ...jsonHeaders, ...headers, 'Content-Type': 'text/csv; charset=utf-8; header=present' },
  })
}

export function noContent(): Response {
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } })
}
