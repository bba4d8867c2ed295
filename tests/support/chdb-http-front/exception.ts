/** An exception as ClickHouse tells it: by code, name and text. */
export class Exception extends Error {
  override readonly name = 'Exception'
  readonly code: number
  readonly type: string

  constructor(code: number, type: string, message: string) {
    super(message)
    this.code = code
    this.type = type
  }

  /** The body of the answer, and of the block at the end of a result that broke off. */
  text(version: string): string {
    return `Code: ${this.code}. DB::Exception: ${this.message} (${this.type}) (version ${version} (official build))`
  }
}

/** What the engine in process threw, by the words that it shares with a server. */
export function exceptionOf(error: unknown): Exception {
  if (error instanceof Exception) return error
  const text = error instanceof Error ? error.message : String(error)
  const found = /Code: (\d+)\. DB::Exception: (.*) \(([A-Z][A-Z0-9_]+)\)/s.exec(text)
  if (found === null) return new Exception(1002, 'UNKNOWN_EXCEPTION', text)
  return new Exception(Number(found[1]), found[3] ?? '', found[2] ?? '')
}

/** Code → HTTP status, as src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse (2026) has it; the rest is 500. */
const statuses: readonly (readonly [status: number, codes: readonly number[]])[] = [
  // REQUIRED_PASSWORD
  [401, [194]],
  // UNKNOWN_USER, WRONG_PASSWORD, AUTHENTICATION_FAILED, SET_NON_GRANTED_ROLE, ACCESS_DENIED
  [403, [192, 193, 516, 512, 497]],
  // BAD_ARGUMENTS, CANNOT_COMPILE_REGEXP, CANNOT_PARSE_…, ILLEGAL_COLUMN, …, SYNTAX_ERROR, INCORRECT_DATA, TYPE_MISMATCH, …
  [400, [36, 427, 6, 25, 26, 38, 41, 72, 441, 675, 676, 27, 376, 15, 44, 37, 123, 8, 167, 168, 223, 62, 117, 53, 321]],
  // UNKNOWN_TABLE, _FUNCTION, _IDENTIFIER, _TYPE, _STORAGE, _DATABASE, _SETTING, …
  [404, [60, 46, 47, 50, 56, 81, 115, 152, 63, 73, 336, 78, 511]],
  // TIMEOUT_EXCEEDED
  [408, [159]],
  // HTTP_LENGTH_REQUIRED
  [411, [381]],
  // QUERY_IS_TOO_LARGE
  [413, [229]],
  // UNSUPPORTED_MEDIA_TYPE
  [415, [779]],
  // NOT_IMPLEMENTED
  [501, [48]],
  // SOCKET_TIMEOUT, CANNOT_OPEN_FILE, CANNOT_SCHEDULE_TASK
  [503, [209, 76, 439]],
]

export function httpStatusOf({ code }: Exception): number {
  return statuses.find(([, codes]) => codes.includes(code))?.[0] ?? 500
}
