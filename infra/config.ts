import { z } from 'zod'
import { durationMs } from '../domain/duration.ts'
import { defaultLimits, limitsAtMost, type Limits } from '../domain/limits.ts'
import { defaultPorts } from './bin/ports.js'
import { clickHouseSettings, readClickHouseSettings, type ClickHouseSettings } from './clickhouse/settings.ts'
import { ConfigError } from './config-error.ts'
import { kafkaSettings, readKafkaSettings, type KafkaSettings } from './kafka/settings.ts'
import { readSetting, type Environment, type Setting } from './setting.ts'

/** What a program is told from outside. Read once, at the start. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  /** As given; undefined: the one made on first start, of which the data directory keeps a hash. */
  readonly adminKey: string | undefined
  /** As given; undefined: the one made on first start, kept in the data directory. */
  readonly secret: string | undefined
  readonly retentionMs: number
  readonly sample: boolean
  readonly logLevel: LogLevel
  readonly limits: Limits
  /** Where events wait; undefined: in files of the data directory. */
  readonly kafka: KafkaSettings | undefined
  /** The server that keeps the tables; undefined: ClickHouse in this process, in the data directory. */
  readonly clickHouse: ClickHouseSettings | undefined
}

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))

const secretText = z.string().regex(/^[\x21-\x7e]{24,128}$/)
const secretAllowed = '24 to 128 printable ASCII characters without spaces'

/** Every variable of the one process but the limits; the table in docs/operations.md is checked against it. */
export const settings = {
  WAYMARK_HOST: {
    allowed: 'a host name or address',
    default: '127.0.0.1',
    schema: z.string().regex(/^[\w.:-]{1,253}$/),
  },
  WAYMARK_PORT: {
    allowed: 'a whole number from 1 to 65535 (0: any free port)',
    default: String(defaultPorts.server),
    schema: wholeNumber(0, 65535),
  },
  WAYMARK_DATA_DIR: { allowed: 'a path', default: './data', schema: z.string().min(1).max(4096) },
  WAYMARK_ADMIN_KEY: { allowed: secretAllowed, secret: true, schema: secretText },
  WAYMARK_SECRET: { allowed: secretAllowed, secret: true, schema: secretText },
  WAYMARK_RETENTION: {
    allowed: 'an ISO 8601 duration of at least a day in weeks, days, hours, minutes and seconds, such as P760D',
    default: 'P760D',
    schema: z
      .string()
      .transform((text) => durationMs(text))
      .pipe(z.number().min(24 * 60 * 60 * 1000)),
  },
  WAYMARK_SAMPLE: { allowed: 'on or off', default: 'on', schema: z.enum(['on', 'off']) },
  WAYMARK_LOG_LEVEL: { allowed: `one of ${logLevels.join(', ')}`, default: 'info', schema: z.enum(logLevels) },
} as const satisfies Record<string, Setting>

/** Variables of the command line: the server knows their names and leaves them alone. */
export const commandLineSettings = ['WAYMARK_URL', 'WAYMARK_KEY'] as const

/** `bodyBytesMax` → `WAYMARK_BODY_BYTES_MAX`. */
export function limitVariable(name: string): string {
  return `WAYMARK_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** @throws {ConfigError} */
const read = <Name extends keyof typeof settings>(env: Environment, name: Name) =>
  readSetting(env, name, settings[name])

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a setting with a default has a value')
  return value
}

/** @throws {ConfigError} */
function readLimits(env: Environment): Limits {
  const limits: Record<string, number> = { ...defaultLimits }
  const highest: Record<string, number> = limitsAtMost
  for (const name of Object.keys(defaultLimits)) {
    const variable = limitVariable(name)
    const text = env[variable]
    if (text === undefined) continue
    const max = highest[name] ?? Number.MAX_SAFE_INTEGER
    const parsed = wholeNumber(1, max).safeParse(text)
    if (!parsed.success)
      throw new ConfigError(`${variable} is ${JSON.stringify(text)}: expected a whole number from 1 to ${max}`)
    limits[name] = parsed.data
  }
  return limits as Limits
}

/** A program apart needs what the one process has in itself or makes on its first start. */
export interface ApartConfig extends Config {
  readonly adminKey: string
  readonly secret: string
  readonly kafka: KafkaSettings
  readonly clickHouse: ClickHouseSettings
}

/** The programs apart. */
export type ApartName = Exclude<keyof typeof defaultPorts, 'server'>

/** @throws {ConfigError} when a variable is unknown, missing or malformed */
export function readApartConfig(env: Environment, program: ApartName): ApartConfig {
  const config = readConfig({ WAYMARK_PORT: String(defaultPorts[program]), ...env })
  const needs = <Value>(name: string, value: Value | undefined, allowed: string): Value => {
    if (value !== undefined) return value
    throw new ConfigError(`${name} is missing: npm run ${program} needs it; expected ${allowed}`)
  }
  return {
    ...config,
    kafka: needs('KAFKA_BROKERS', config.kafka, kafkaSettings.KAFKA_BROKERS.allowed),
    clickHouse: needs('CLICKHOUSE_URL', config.clickHouse, clickHouseSettings.CLICKHOUSE_URL.allowed),
    secret: needs('WAYMARK_SECRET', config.secret, `${secretAllowed}, the same for every program`),
    adminKey: needs('WAYMARK_ADMIN_KEY', config.adminKey, `${secretAllowed}, the same for every program`),
  }
}

/** @throws {ConfigError} when a variable is unknown or malformed */
export function readConfig(env: Environment): Config {
  const known = new Set<string>([
    ...Object.keys(settings),
    ...commandLineSettings,
    ...Object.keys(defaultLimits).map(limitVariable),
  ])
  for (const name of Object.keys(env)) {
    if (name.startsWith('WAYMARK_') && !known.has(name))
      throw new ConfigError(`${name} is unknown: expected one of ${[...known].join(', ')}`)
  }
  return {
    host: must(read(env, 'WAYMARK_HOST')),
    port: must(read(env, 'WAYMARK_PORT')),
    dataDir: must(read(env, 'WAYMARK_DATA_DIR')),
    adminKey: read(env, 'WAYMARK_ADMIN_KEY'),
    secret: read(env, 'WAYMARK_SECRET'),
    retentionMs: must(read(env, 'WAYMARK_RETENTION')),
    sample: read(env, 'WAYMARK_SAMPLE') === 'on',
    logLevel: must(read(env, 'WAYMARK_LOG_LEVEL')),
    limits: readLimits(env),
    kafka: readKafkaSettings(env),
    clickHouse: readClickHouseSettings(env),
  }
}
