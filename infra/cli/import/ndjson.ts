import type { ImportRecord } from './record.ts'

/** A line this long is no event: it is refused rather than held in memory. */
const lineCharsMax = 256 * 1024

/** One event a line, as POST /v1/events takes it; what is wrong with one is for the server to say. */
export async function* readNdjson(chunks: AsyncIterable<string>): AsyncGenerator<ImportRecord> {
  let line = 0
  for await (const text of lines(chunks)) {
    line += 1
    if (text === null) yield { line, event: undefined, fault: `the line is longer than ${lineCharsMax} characters` }
    else if (text.trim() !== '') yield { line, event: text }
  }
}

/** The lines without their ends; null for one that is too long. */
async function* lines(chunks: AsyncIterable<string>): AsyncGenerator<string | null> {
  let rest = ''
  let tooLong = false
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      yield tooLong || part.length > lineCharsMax ? null : part.replace(/\r$/, '')
      tooLong = false
    }
    if (rest.length > lineCharsMax) {
      rest = ''
      tooLong = true
    }
  }
  if (tooLong) yield null
  else if (rest !== '') yield rest
}
