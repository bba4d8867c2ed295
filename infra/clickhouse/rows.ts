import { escapeText } from './set-params.ts'

/** Rows as the bytes of a format that the engine parses by itself. */
export interface EncodedRows {
  readonly format: 'TabSeparated' | 'JSONCompactEachRow'
  readonly bytes: Buffer
}

/** Tab-separated where every value is plain: half the work of JSON, for this thread and for the engine's. */
export function encodeRows(rows: readonly (readonly unknown[])[]): EncodedRows {
  let out = ''
  for (const row of rows) {
    for (let index = 0; index < row.length; index += 1) {
      const value = row[index]
      if (index > 0) out += '\t'
      if (typeof value === 'string') out += escapeText(value)
      else if (typeof value === 'number' || typeof value === 'bigint') out += value
      else return { format: 'JSONCompactEachRow', bytes: json(rows) }
    }
    out += '\n'
  }
  return { format: 'TabSeparated', bytes: Buffer.from(out) }
}

function json(rows: readonly (readonly unknown[])[]): Buffer {
  return Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n'))
}
