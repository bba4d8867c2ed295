/** An event read from a file, and where it stood, for whoever has to look there. */
export interface ImportRecord {
  /** Line of the file, or number of the event where lines say nothing; from 1. */
  readonly line: number
  /** One line of NDJSON as POST /v1/events takes it; undefined when the line could not be read. */
  readonly event: string | undefined
  /** Why it could not be read. */
  readonly fault?: string
}

/** Reads a file's text as it streams. Never holds more than a chunk and the event it is in. */
export type Reader = (chunks: AsyncIterable<string>) => AsyncGenerator<ImportRecord>
