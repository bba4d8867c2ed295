import type { SqlValue } from '../../domain/sql.ts'

/** `SET` of the values that a statement binds by {name:Type}, to stand before it; empty without any. */
export function setParams(params: Record<string, SqlValue>): string {
  const settings = Object.entries(params).map(([name, value]) => `param_${name} = ${literal(escapedText(value))}`)
  return settings.length === 0 ? '' : `SET ${settings.join(', ')}; `
}

/** As the format TabSeparated holds it, which is how the engine reads a parameter. */
export function escapedText(value: SqlValue): string {
  return typeof value === 'string' ? escapeText(value) : text(value)
}

function text(value: SqlValue): string {
  if (typeof value === 'string') return `'${escapeText(value)}'`
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return `[${value.map(text).join(',')}]`
}

const special = /[\\'\t\n\r\b\f\0]/
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\b': '\\b',
  '\f': '\\f',
  '\0': '\\0',
}

/** What a tab-separated field needs, and a quoted string in one. */
export function escapeText(value: string): string {
  if (!special.test(value)) return value
  return value.replaceAll(/[\\'\t\n\r\b\f\0]/g, (character) => escapes[character] ?? character)
}

/** A string literal of SQL. */
function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
