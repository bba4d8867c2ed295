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
  readonly field?: string | undefined
  readonly code?: string | undefined
  readonly rating?: string | undefined
  readonly engaged?: string | undefined
  /** Dimension → column. */
  readonly attrs: Readonly<Record<string, string>>
  readonly delimiter: string
}

/** RFC 4180 with a header line. Times are ISO 8601 with an offset or Z, or milliseconds since 1970. */
export async function* readCsv(chunks: AsyncIterable<string>, columns: CsvColumns): AsyncGenerator<ImportRecord> {
  const source = Readable.from(chunks)
  const parser = source.pipe(
    parse({
      columns: (header: string[]) => {
        checkHeader(header, columns)
        return header
      },
      bom: true,
      delimiter: columns.delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: 256 * 1024,
      info: true,
    }),
  )
  // A pipe does not pass on what goes wrong before it.
  source.once('error', (error) => parser.destroy(error))
  try {
    for await (const row of parser as AsyncIterable<{ info: { lines: number }; record: Record<string, string> }>)
      yield { line: row.info.lines, event: JSON.stringify(eventOf(row.record, columns)) }
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(`the file is no CSV: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    })
  }
}

function checkHeader(found: readonly string[], columns: CsvColumns): void {
  const { journey, step, at, id, seq, type, outcome, channel, field, code, rating, engaged, attrs } = columns
  const named = [journey, step, at, id, seq, type, outcome, channel, field, code, rating, engaged]
  for (const column of [...named, ...Object.values(attrs)]) {
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
    field: value(columns.field),
    code: value(columns.code),
    rating: number(value(columns.rating)),
    engagedMs: number(value(columns.engaged)),
    at: number(value(columns.at)),
    seq: number(value(columns.seq)),
    ...(attrs.length === 0 ? {} : { attrs: Object.fromEntries(attrs) }),
  }
}
