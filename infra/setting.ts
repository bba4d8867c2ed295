import type { z } from 'zod'
import { ConfigError } from './config-error.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A variable of the environment. */
export interface Setting {
  /** What is allowed, as the error says it. */
  readonly allowed: string
  /** Its value is never shown. */
  readonly secret?: true
  readonly default?: string
  readonly schema: z.ZodType<unknown, string>
}

/**
 * The value of a variable; undefined when it is not set and has no default.
 * @throws {ConfigError} one line that names the variable, what was given and what is allowed
 */
export function readSetting<One extends Setting>(
  env: Environment,
  name: string,
  setting: One,
): z.output<One['schema']> | undefined {
  const text = env[name] ?? setting.default
  if (text === undefined) return undefined
  const parsed = setting.schema.safeParse(text)
  if (parsed.success) return parsed.data as z.output<One['schema']>
  const shown = setting.secret ? 'not usable' : JSON.stringify(text)
  throw new ConfigError(`${name} is ${shown}: expected ${setting.allowed}`)
}
