import { describe, expect, it } from 'vitest'
import { ConfigError } from '../config-error.ts'
import { readClickHouseSettings } from './settings.ts'

const url = 'http://localhost:8123'

describe('settings of a ClickHouse server', () => {
  it('are those of the contract by default, and none without an address', () => {
    expect(readClickHouseSettings({})).toBeUndefined()
    expect(readClickHouseSettings({ CLICKHOUSE_URL: url })).toEqual({
      url: new URL(url),
      database: 'waymark',
      user: 'default',
      password: '',
    })
  })

  it('are taken as they are', () => {
    const settings = readClickHouseSettings({
      CLICKHOUSE_URL: 'https://proxy.example/clickhouse',
      CLICKHOUSE_DATABASE: 'way_mark2',
      CLICKHOUSE_USER: 'a@b',
      CLICKHOUSE_PASSWORD: ' with: a space, ü and "quotes" ',
    })
    expect(settings).toMatchObject({ database: 'way_mark2', user: 'a@b', password: ' with: a space, ü and "quotes" ' })
    expect(settings?.url.href).toBe('https://proxy.example/clickhouse')
  })

  it.each([
    [{ CLICKHOUSE_URL: 'localhost:8123' }, 'CLICKHOUSE_URL is "localhost:8123": expected http://'],
    [{ CLICKHOUSE_URL: '' }, 'CLICKHOUSE_URL is "": expected http://'],
    [{ CLICKHOUSE_URL: 'tcp://localhost:9000' }, 'CLICKHOUSE_URL is "tcp://localhost:9000": expected'],
    [{ CLICKHOUSE_URL: 'http://h:1/?database=x' }, 'CLICKHOUSE_URL is "http://h:1/?database=x": expected'],
    [{ CLICKHOUSE_URL: 'http://me:sesame@localhost:8123' }, 'CLICKHOUSE_URL is not usable: expected'],
    [{ CLICKHOUSE_URL: url, CLICKHOUSE_DATABASE: 'way-mark' }, 'CLICKHOUSE_DATABASE is "way-mark": expected 1 to 64'],
    [{ CLICKHOUSE_URL: url, CLICKHOUSE_DATABASE: '' }, 'CLICKHOUSE_DATABASE is "": expected 1 to 64'],
    [{ CLICKHOUSE_URL: url, CLICKHOUSE_USER: 'a:b' }, 'CLICKHOUSE_USER is "a:b": expected 1 to 128'],
    [
      { CLICKHOUSE_URL: url, CLICKHOUSE_PASSWORD: 'sesame\n' },
      'CLICKHOUSE_PASSWORD is not usable: expected at most 512',
    ],
    [{ CLICKHOUSE_PASSWORD: 'sesame' }, 'CLICKHOUSE_PASSWORD is set without CLICKHOUSE_URL: expected both'],
  ])('%j: one line, and no secret', (env, message) => {
    const attempt = () => readClickHouseSettings(env)
    expect(attempt).toThrow(ConfigError)
    expect(attempt).toThrow(message)
    expect(attempt).not.toThrow('sesame')
    expect(attempt).not.toThrow('\n')
  })
})
