/** A setting that cannot be used: one line that names the variable, what was given and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
