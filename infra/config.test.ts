import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../domain/limits.ts'
import { readConfig, settings } from './config.ts'
import { ConfigError } from './config-error.ts'

describe('configuration', () => {
  it('has the defaults of the contract', () => {
    expect(readConfig({ PATH: '/bin' })).toEqual({
      host: '127.0.0.1',
      port: 8080,
      dataDir: './data',
      adminKey: undefined,
      secret: undefined,
      retentionMs: 760 * 86_400_000,
      sample: true,
      logLevel: 'info',
      limits: defaultLimits,
    })
  })

  it.each([
    ['WAYMARK_PORT', '80a', 'WAYMARK_PORT is "80a": expected a whole number from 1 to 65535 (0: any free port)'],
    ['WAYMARK_PORT', '65536', 'WAYMARK_PORT is "65536": expected a whole number from 1 to 65535 (0: any free port)'],
    ['WAYMARK_PORT', '', 'WAYMARK_PORT is "": expected a whole number from 1 to 65535 (0: any free port)'],
    ['WAYMARK_SAMPLE', 'yes', 'WAYMARK_SAMPLE is "yes": expected on or off'],
    ['WAYMARK_RETENTION', 'P2Y', 'WAYMARK_RETENTION is "P2Y": expected an ISO 8601 duration of at least a day'],
    ['WAYMARK_LOG_LEVEL', 'loud', 'WAYMARK_LOG_LEVEL is "loud": expected one of fatal, error'],
    ['WAYMARK_ADMIN_KEY', 'short', 'WAYMARK_ADMIN_KEY is not usable: expected 24 to 128 printable ASCII'],
    ['WAYMARK_SECRET', 'with a space in it, which no key has', 'WAYMARK_SECRET is not usable: expected 24 to 128'],
    ['WAYMARK_BODY_BYTES_MAX', '0', 'WAYMARK_BODY_BYTES_MAX is "0": expected a whole number from 1'],
    ['WAYMARK_TRAIL_EVENTS_MAX', '8192', 'WAYMARK_TRAIL_EVENTS_MAX is "8192": expected a whole number from 1 to 8191'],
    ['WAYMARK_PROT', '80', 'WAYMARK_PROT is unknown: expected one of WAYMARK_HOST, WAYMARK_PORT'],
    ['KAFKA_BROKERS', 'localhost', 'KAFKA_BROKERS is "localhost": expected host:port'],
    ['CLICKHOUSE_URL', 'localhost:8123', 'CLICKHOUSE_URL is "localhost:8123": expected'],
  ])('refuses %s=%j in one line', (name, value, message) => {
    const attempt = () => readConfig({ [name]: value })
    expect(attempt).toThrow(ConfigError)
    expect(attempt).toThrow(message)
    try {
      attempt()
    } catch (error) {
      expect(String(error)).not.toContain('\n')
    }
  })

  it('takes what is allowed, at the limits', () => {
    const key = 'k'.repeat(24)
    const config = readConfig({
      WAYMARK_PORT: '65535',
      WAYMARK_ADMIN_KEY: key,
      WAYMARK_SECRET: '~'.repeat(128),
      WAYMARK_BODY_BYTES_MAX: '1',
    })
    expect(config).toMatchObject({ port: 65535, adminKey: key, secret: '~'.repeat(128), limits: { bodyBytesMax: 1 } })
  })

  it('leaves the variables of the command line alone', () => {
    expect(() => readConfig({ WAYMARK_URL: 'http://x', WAYMARK_KEY: 'y' })).not.toThrow()
  })

  it('never shows a secret', () => {
    for (const [name, setting] of Object.entries(settings)) {
      if (!('secret' in setting)) continue
      expect(() => readConfig({ [name]: 'hunter2' })).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }) as Error,
      )
    }
  })
})
