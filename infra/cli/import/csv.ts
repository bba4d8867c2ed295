import { parse } from 'csv-parse'
import { Readable } from 'node:stream'
import { CommandError } from '../connection.ts'
import type { ImportRecord } from './record.ts'

/** Which column is what. A column that is not named is left out. */
export interface CsvColumns {
  readonly service: string
  readonly journey: string
  readonly step: string
  readonly at: string
  readonly id?: string | undefined
  readonly seq?: string | undefined
  readonly type?: string | undefined
  readonly outcome?: string | undefined
  readonly channel?: string | undefined
  /** Dimension → column. */
  readonly attrs: Readonly<Record<string, string>>
  readonly delimiter: string
}

/** RFC 4180 with a header line. Times are ISO 8601 with an offset or Z, or milliseconds since 1970. */
export async function* readCsv(chunks: AsyncIterable<string>, columns: CsvColumns): AsyncGenerator<ImportRecord> {
  const parser = Readable.from(chunks).pipe(
    parse({
      columns: true,
      bom: true,
      delimiter: columns.delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: 256 * 1024,
      info: true,
    }),
  )
  let checked = false
  try {
    for await (const row of parser as AsyncIterable<{ info: { lines: number }; record: Record<string, string> }>) {
      if (!checked) checkHeader(Object.keys(row.record), columns)
      checked = true
      yield { line: row.info.lines, event: JSON.stringify(eventOf(row.record, columns)) }
    }
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(`the file is no CSV: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    })
  }
}

function checkHeader(
  found: readonly string[],
  { journey, step, at, id, seq, type, outcome, channel, attrs }: CsvColumns,
): void {
  for (const column of [journey, step, at, id, seq, type, outcome, channel, ...Object.values(attrs)]) {
    if (column !== undefined && !found.includes(column))
      throw new CommandError(`the file has no column "${column}": its columns are ${found.join(', ')}`, 2)
  }
}

function eventOf(row: Readonly<Record<string, string>>, columns: CsvColumns): Record<string, unknown> {
  const value = (column: string | undefined): string | undefined => {
    const text = column === undefined ? undefined : row[column]?.trim()
    return text === '' ? undefined : text
  }
  const number = (text: string | undefined): string | number | undefined =>
    text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text
  const attrs = Object.entries(columns.attrs).flatMap(([name, column]) => {
    const text = value(column)
    return text === undefined ? [] : [[name, text] as const]
  })
  return {
    service: columns.service,
    journey: value(columns.journey),
    id: value(columns.id),
    type: value(columns.type),
    step: value(columns.step),
    outcome: value(columns.outcome),
    channel: value(columns.channel),
    at: number(value(columns.at)),
    seq: number(value(columns.seq)),
    ...(attrs.length === 0 ? {} : { attrs: Object.fromEntries(attrs) }),
  }
}
