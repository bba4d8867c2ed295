import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'
import { Releasers } from './releasers.ts'

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

/**
 * A program from its settings to its end. What is wrong is said in one line on standard error.
 * @param open resolves with the log when the program works; what it gives to the releasers ends with the program
 * @returns the exit code
 */
export async function untilStopped<Settings extends Config>(
  read: () => Settings,
  stop: AbortSignal,
  open: (config: Settings, releasers: Releasers) => Promise<Logger>,
): Promise<number> {
  let config: Settings
  try {
    config = read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    return exitCodes.configuration
  }
  const releasers = new Releasers()
  try {
    const logger = await open(config, releasers)
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
    logger.info('stopping')
    return exitCodes.clean
  } catch (error) {
    const fault = settingFault(error, config)
    process.stderr.write(`${fault ?? `Waymark could not start: ${errorLine(error)}`}\n`)
    return fault === undefined ? exitCodes.failed : exitCodes.configuration
  } finally {
    await releasers.release()
  }
}

/** A setting that turned out to be unusable, in one line; undefined when it is something else. */
function settingFault(error: unknown, config: Pick<Config, 'host' | 'port' | 'dataDir'>): string | undefined {
  if (error instanceof ConfigError) return error.message
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE')
    return `WAYMARK_PORT is ${config.port}: something listens there already; expected a free port on ${config.host}`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `WAYMARK_HOST is ${JSON.stringify(config.host)}: expected an address of this machine`
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST')
    return `WAYMARK_DATA_DIR is ${JSON.stringify(config.dataDir)} or WAYMARK_PORT is ${config.port}: no permission; expected a directory this user may write and a port it may open`
  return undefined
}
