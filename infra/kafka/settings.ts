import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConfigError } from '../config-error.ts'
import { readSetting, type Environment, type Setting } from '../setting.ts'

/** How the brokers are reached; made from the environment. */
export interface KafkaSettings {
  readonly brokers: readonly string[]
  readonly topic: string
  /** False: plain text. PEM texts otherwise; without `ca` the authorities that Node knows. */
  readonly ssl: false | { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly sasl?: Sasl
}

export interface Sasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

const address = /^[\w.-]{1,253}:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

/** Every variable of the Kafka log. */
export const kafkaSettings = {
  KAFKA_BROKERS: {
    allowed: 'host:port, further ones after commas',
    schema: z
      .string()
      .transform((text) => text.split(',').map((part) => part.trim()))
      .pipe(z.array(z.string().regex(address)).min(1).max(100)),
  },
  KAFKA_TOPIC: {
    allowed: '1 to 200 letters, digits, dots, underscores and hyphens',
    default: 'waymark.events',
    // Kafka allows 249; the dead-letter topic has a suffix.
    schema: z.string().regex(/^[\w.-]{1,200}$/),
  },
  KAFKA_SSL: {
    allowed: 'true or false',
    default: 'false',
    schema: z.enum(['true', 'false']).transform((text) => text === 'true'),
  },
  KAFKA_SSL_CA_FILE: { allowed: 'the path of a PEM file', schema: z.string().min(1).max(4096) },
  KAFKA_SSL_CERT_FILE: { allowed: 'the path of a PEM file', schema: z.string().min(1).max(4096) },
  KAFKA_SSL_KEY_FILE: { allowed: 'the path of a PEM file', schema: z.string().min(1).max(4096) },
  KAFKA_SASL_MECHANISM: { allowed: `one of ${mechanisms.join(', ')}`, schema: z.enum(mechanisms) },
  KAFKA_SASL_USERNAME: { allowed: '1 to 1,000 characters', schema: z.string().min(1).max(1000) },
  KAFKA_SASL_PASSWORD: { allowed: '1 to 1,000 characters', secret: true, schema: z.string().min(1).max(1000) },
} as const satisfies Record<string, Setting>

type Name = keyof typeof kafkaSettings

/**
 * @returns undefined when `KAFKA_BROKERS` is unset: the log is a local one
 * @throws {ConfigError} one line that names the variable
 */
export function readKafkaSettings(env: Environment): KafkaSettings | undefined {
  const brokers = read(env, 'KAFKA_BROKERS')
  if (brokers === undefined) return undefined
  const topic = must('KAFKA_TOPIC', read(env, 'KAFKA_TOPIC'))
  const sasl = readSasl(env)
  const ssl = readSsl(env)
  return { brokers, topic, ssl, ...(sasl === undefined ? {} : { sasl }) }
}

function readSsl(env: Environment): KafkaSettings['ssl'] {
  const files = { ca: 'KAFKA_SSL_CA_FILE', cert: 'KAFKA_SSL_CERT_FILE', key: 'KAFKA_SSL_KEY_FILE' } as const
  if (read(env, 'KAFKA_SSL') !== true) {
    const without = Object.values(files).find((name) => env[name] !== undefined)
    if (without === undefined) return false
    throw new ConfigError(`${without} is set without KAFKA_SSL: expected KAFKA_SSL=true`)
  }
  const texts: { ca?: string; cert?: string; key?: string } = {}
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = read(env, files[part])
    if (path !== undefined) texts[part] = pem(files[part], path)
  }
  if ((texts.cert === undefined) !== (texts.key === undefined))
    throw new ConfigError('KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE: expected both or neither')
  return texts
}

function pem(name: Name, path: string): string {
  try {
    const text = readFileSync(path, 'utf8')
    if (text.includes('-----BEGIN ')) return text
  } catch {
    // Said below, whichever it is.
  }
  throw new ConfigError(`${name} is ${JSON.stringify(path)}: expected ${kafkaSettings[name].allowed} that can be read`)
}

function readSasl(env: Environment): Sasl | undefined {
  const mechanism = read(env, 'KAFKA_SASL_MECHANISM')
  const username = read(env, 'KAFKA_SASL_USERNAME')
  const password = read(env, 'KAFKA_SASL_PASSWORD')
  if (mechanism === undefined && username === undefined && password === undefined) return undefined
  return {
    mechanism: must('KAFKA_SASL_MECHANISM', mechanism),
    username: must('KAFKA_SASL_USERNAME', username),
    password: must('KAFKA_SASL_PASSWORD', password),
  }
}

function must<Value>(name: Name, value: Value | undefined): Value {
  if (value === undefined) throw new ConfigError(`${name} is not set: expected ${kafkaSettings[name].allowed}`)
  return value
}

/** @throws {ConfigError} */
const read = <Asked extends Name>(env: Environment, name: Asked) => readSetting(env, name, kafkaSettings[name])
