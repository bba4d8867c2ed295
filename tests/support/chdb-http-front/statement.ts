import { Exception } from './exception.ts'

/** A statement of the HTTP interface, told apart as far as the front has to. */
export interface Statement {
  /** Without the rows. */
  readonly text: string
  readonly kind: 'read' | 'write'
  /** INSERT … FORMAT whose rows are the rest of the request. */
  readonly insert?: { readonly table: string; readonly columns: readonly string[]; readonly format: string }
}

const readers = /^(SELECT|WITH|SHOW|DESCRIBE|DESC|EXPLAIN|EXISTS)\b/i
const inserting = /^\s*INSERT\s+INTO\s+([`\w.]+)\s*(?:\(([^)]*)\))?\s*FORMAT\s+(\w+)[ \t]*(?:\r?\n|$)/i

/**
 * @param text the `query` of the URL, a line break, and the body
 * @throws {Exception} when it is several statements: the HTTP interface takes one
 */
export function statementOf(text: string): Statement {
  const head = text.trimStart()
  const insert = inserting.exec(text)
  if (insert !== null) {
    const [whole, table = '', columns, format = ''] = insert
    return {
      text: whole,
      kind: 'write',
      insert: {
        table: unquoted(table),
        columns: columns?.split(',').map((column) => unquoted(column.trim())) ?? [],
        format,
      },
    }
  }
  const end = firstEnd(text)
  if (end !== undefined && text.slice(end + 1).trim() !== '')
    throw new Exception(
      62,
      'SYNTAX_ERROR',
      `Syntax error (Multi-statements are not allowed): failed at position ${end + 1} (end of query)`,
    )
  return { text: end === undefined ? text : text.slice(0, end), kind: readers.test(head) ? 'read' : 'write' }
}

function unquoted(name: string): string {
  return name.replaceAll('`', '')
}

/** Where the first semicolon stands that is neither in quotes nor in a comment. */
function firstEnd(text: string): number | undefined {
  const skipped = /'(?:\\.|''|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|--[^\n]*|\/\*.*?\*\/|;/gs
  for (const found of text.matchAll(skipped)) if (found[0] === ';') return found.index
  return undefined
}

/** Names of the substitutions `{name:Type}` of a statement. */
export function substitutions(text: string): string[] {
  const bare = text.replaceAll(/'(?:\\.|''|[^'\\])*'/gs, "''")
  return [...bare.matchAll(/\{(\w+):/g)].map(([, name = '']) => name)
}
