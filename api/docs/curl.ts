import type { Operation } from '../operation.ts'

/**
 * The call as a command for a POSIX shell, with the examples of its parameters.
 * @param base origin, such as `http://127.0.0.1:8080`
 */
export function curl(operation: Operation, base: string): string {
  const { method, scope, body } = operation
  const [mediaType, content] = Object.entries(body?.content ?? {})[0] ?? []
  const text = typeof content?.example === 'string' ? content.example : JSON.stringify(content?.example)
  const key = scope === 'admin' ? '$WAYMARK_ADMIN_KEY' : '$WAYMARK_KEY'
  return [
    `curl -i ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${quoted(`${base}${examplePath(operation)}`)}`,
    ...(scope === null ? [] : [`  -H "Authorization: Bearer ${key}"`]),
    ...(mediaType === undefined ? [] : [`  -H ${quoted(`Content-Type: ${mediaType}`)}`, `  -d ${quoted(text)}`]),
  ].join(' \\\n')
}

/** What is asked in nearly every call, and what must be. */
const shownByDefault = ['from', 'to']

function examplePath({ path, pathParameters, query }: Operation): string {
  const filled = Object.entries(pathParameters ?? {}).reduce(
    (text, [name, { example }]) => text.replace(`{${name}}`, encodeURIComponent(example)),
    path,
  )
  const search = new URLSearchParams(
    Object.entries(query ?? {}).flatMap(([name, { required, example }]): [string, string][] =>
      required === true || shownByDefault.includes(name) ? [[name, example]] : [],
    ),
  ).toString()
  return search === '' ? filled : `${filled}?${search}`
}

/** Between the single quotes of a POSIX shell nothing means anything but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
