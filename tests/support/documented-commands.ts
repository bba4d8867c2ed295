import { execFileSync } from 'node:child_process'

/** A `curl` command of a document, as a shell reads it. */
export interface DocumentedCommand {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** A text, or the name of a file after `@`. */
  readonly body: string | undefined
}

/** Commands of the shell blocks of a Markdown text that begin with `curl`, in order, as they stand there. */
export function curlCommands(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
    block
      .split(/^(?=curl )/m)
      .filter((text) => text.startsWith('curl '))
      .map((text) => text.trimEnd()),
  )
}

/**
 * The words that a POSIX shell makes of a command: quotes, variables and line ends are read by the shell itself.
 * @param variables those that the command may name; another one is an error
 */
function wordsOf(command: string, variables: Readonly<Record<string, string>>): string[] {
  const program = `curl() { printf '%s\\0' "$@"; }\n${command}`
  const output = execFileSync('sh', ['-uec', program], { env: { ...variables }, encoding: 'utf8', stdio: 'pipe' })
  return output.split('\0').slice(0, -1)
}

/**
 * @param variables WAYMARK_URL among them, which the address must begin with
 * @throws {Error} on an option that is not known here
 */
export function readCommand(command: string, variables: Readonly<Record<string, string>>): DocumentedCommand {
  const base = variables['WAYMARK_URL'] ?? ''
  const words = wordsOf(command, variables)
  const headers: Record<string, string> = {}
  let method: string | undefined
  let path: string | undefined
  let body: string | undefined
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word.startsWith(`${base}/`)) {
      path = word.slice(base.length)
      continue
    }
    at += 1
    const value = words[at] ?? ''
    if (word === '-X') method = value
    else if (word === '-d' || word === '--data-binary') body = value
    else if (word === '-H') {
      const colon = value.indexOf(':')
      headers[value.slice(0, colon).toLowerCase()] = value.slice(colon + 1).trim()
    } else if (word !== '-o') throw new Error(`what is ${word}?`)
  }
  if (path === undefined) throw new Error(`no address of $WAYMARK_URL: ${command}`)
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), path, headers, body }
}
