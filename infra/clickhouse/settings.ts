import { z } from 'zod'
import { ConfigError } from '../config-error.ts'
import type { Environment, Setting } from '../setting.ts'

/** A ClickHouse server, as whoever runs Waymark names it. */
export interface ClickHouseSettings {
  /** Scheme, host, port and, behind a proxy, a path. */
  readonly url: URL
  readonly database: string
  readonly user: string
  /** Never shown. */
  readonly password: string
}

/** Each variable, what is allowed as the error says it, and its default; CLICKHOUSE_URL has none. */
export const clickHouseSettings = {
  CLICKHOUSE_URL: {
    allowed:
      'http:// or https:// with host and port of a ClickHouse server’s HTTP interface, such as http://localhost:8123, and user and password in CLICKHOUSE_USER and CLICKHOUSE_PASSWORD',
    schema: z.string().refine(isAddress),
  },
  CLICKHOUSE_DATABASE: {
    allowed: '1 to 64 letters, digits and _, no digit first',
    default: 'waymark',
    schema: z.string().regex(/^[A-Za-z_]\w{0,63}$/),
  },
  CLICKHOUSE_USER: {
    allowed: '1 to 128 printable ASCII characters without : and spaces',
    default: 'default',
    // HTTP Basic ends the name at the first colon.
    schema: z.string().regex(/^[\x21-\x39\x3b-\x7e]{1,128}$/),
  },
  CLICKHOUSE_PASSWORD: {
    allowed: 'at most 512 characters on one line',
    secret: true,
    default: '',
    schema: z.string().regex(/^[^\p{Cc}]{0,512}$/u),
  },
} as const satisfies Record<string, Setting>

type Name = keyof typeof clickHouseSettings

/**
 * @returns undefined when CLICKHOUSE_URL is not set: ClickHouse is in process then
 * @throws {ConfigError} when one is malformed, or set without CLICKHOUSE_URL
 */
export function readClickHouseSettings(env: Environment): ClickHouseSettings | undefined {
  const names = Object.keys(clickHouseSettings) as Name[]
  if (env['CLICKHOUSE_URL'] === undefined) {
    const other = names.find((name) => env[name] !== undefined)
    if (other === undefined) return undefined
    throw new ConfigError(`${other} is set without CLICKHOUSE_URL: expected both, or none for ClickHouse in process`)
  }
  const read = (name: Name): string => {
    const setting: Setting = clickHouseSettings[name]
    const text = env[name] ?? setting.default ?? ''
    if (setting.schema.safeParse(text).success) return text
    // A URL may hold a password where none is allowed.
    const shown = setting.secret || /\/\/[^/]*@/.test(text) ? 'not usable' : JSON.stringify(text)
    throw new ConfigError(`${name} is ${shown}: expected ${setting.allowed}`)
  }
  return {
    url: new URL(read('CLICKHOUSE_URL')),
    database: read('CLICKHOUSE_DATABASE'),
    user: read('CLICKHOUSE_USER'),
    password: read('CLICKHOUSE_PASSWORD'),
  }
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === '' && search === '' && hash === ''
}
