import { randomUUID } from 'node:crypto'
import type { SqlValue } from '../../domain/sql.ts'
import { escapedText } from './set-params.ts'

/** A statement as a request of ClickHouse's HTTP interface. */
export interface HttpStatement {
  readonly body: string
  /** Bound by the URL; absent: the body is a form that holds them. */
  readonly urlParams?: Record<string, SqlValue>
  readonly headers?: Record<string, string>
}

/** Encoded characters of values that go into the URL: proxies take as much. */
const urlCharsMax = 4_096
/** Of one field: a server refuses more than http_max_field_value_size, 128 KiB, whatever a request sets. */
const fieldBytesMax = 120_000

/**
 * Values travel beside the statement, never in it. A few go into the URL. More than that go with the statement
 * into a form, and a list that is too long for one field goes in several: `{p:Array(T)}` is then their
 * `arrayConcat`, which the engine computes before it looks for rows (the index is used as with one list). A
 * statement that is too long for one field goes in several fields `query`, which the server joins.
 */
export function httpStatement(query: string, params: Record<string, SqlValue>): HttpStatement {
  const values = Object.entries(params).map(([name, value]) => ({ name, value, text: escapedText(value) }))
  const chars = values.reduce((sum, { name, text }) => sum + name.length + encodeURIComponent(text).length + 8, 0)
  if (chars <= urlCharsMax) return { body: query, urlParams: params }
  const fields: [name: string, text: string][] = []
  let text = query
  for (const one of values) {
    if (Buffer.byteLength(one.text) <= fieldBytesMax || !Array.isArray(one.value)) {
      fields.push([`param_${one.name}`, one.text])
      continue
    }
    const pieces = piecesOf(one.value as readonly SqlValue[])
    pieces.forEach((piece, index) => fields.push([`param_${one.name}_${index}`, `[${piece}]`]))
    text = text.replaceAll(
      new RegExp(`\\{${one.name}:([^}]+)\\}`, 'g'),
      (_, type: string) => `arrayConcat(${pieces.map((__, index) => `{${one.name}_${index}:${type}}`).join(', ')})`,
    )
  }
  // Random, so that no value holds it.
  const boundary = `waymark-${randomUUID()}`
  for (const piece of cut(text)) fields.push(['query', piece])
  return { body: form(fields, boundary), headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` } }
}

/** The elements of a list, as text, in pieces that fit a field. */
function piecesOf(list: readonly SqlValue[]): string[] {
  const pieces: string[] = []
  let piece: string[] = []
  let bytes = 0
  for (const element of list) {
    // As it stands in a list, so quoted where it is text.
    const text = escapedText([element]).slice(1, -1)
    const more = Buffer.byteLength(text) + 1
    if (bytes + more > fieldBytesMax && piece.length > 0) {
      pieces.push(piece.join(','))
      piece = []
      bytes = 0
    }
    piece.push(text)
    bytes += more
  }
  return [...pieces, piece.join(',')]
}

/** In pieces that fit a field, none of which ends in the middle of a character. */
function cut(text: string): string[] {
  const bytes = Buffer.from(text)
  const pieces: string[] = []
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + fieldBytesMax, bytes.length)
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
    pieces.push(bytes.subarray(start, end).toString())
    start = end
  }
  return pieces
}

function form(fields: readonly (readonly [name: string, text: string])[], boundary: string): string {
  const parts = fields.map(
    ([name, text]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`,
  )
  return `${parts.join('')}--${boundary}--`
}
