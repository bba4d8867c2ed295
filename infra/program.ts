/** What every program's `main` is given by the launcher; it resolves with the exit code. */
export interface Start {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by SIGTERM or SIGINT. */
  readonly stop: AbortSignal
}

export const exitCodes = { clean: 0, failed: 1, configuration: 2 } as const
