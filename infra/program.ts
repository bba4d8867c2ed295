/** What every program's `main` is given by the launcher; it resolves with the exit code. */
export interface Start {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by SIGTERM or SIGINT. */
  readonly stop: AbortSignal
}

export const exitCodes = { clean: 0, failed: 1, configuration: 2 } as const

/** An error with the first line of its cause: all that a person at a terminal is told. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? ` (${error.cause.message.split('\n')[0] ?? ''})` : ''
  return `${error.message}${cause}`
}
