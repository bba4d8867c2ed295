import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../tests/support/temporary.ts'
import { ConfigError } from '../config-error.ts'
import { kafkaSettings, readKafkaSettings } from './settings.ts'

const brokers = { KAFKA_BROKERS: 'one.example:9092, two.example:9093' }

it('is a local log without brokers', () => {
  expect(readKafkaSettings({ KAFKA_TOPIC: 'other' })).toBeUndefined()
})

it('takes brokers, and the topic that everybody has', () => {
  expect(readKafkaSettings(brokers)).toEqual({
    brokers: ['one.example:9092', 'two.example:9093'],
    topic: 'waymark.events',
    ssl: false,
  })
})

it('takes encryption and credentials', async () => {
  const file = join(await temporaryDirectory(), 'ca.pem')
  await writeFile(file, '-----BEGIN CERTIFICATE-----\n')
  const env = {
    ...brokers,
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA_FILE: file,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'waymark',
    KAFKA_SASL_PASSWORD: 'a password',
  }
  expect(readKafkaSettings(env)).toMatchObject({
    ssl: { ca: '-----BEGIN CERTIFICATE-----\n' },
    sasl: { mechanism: 'scram-sha-512', username: 'waymark', password: 'a password' },
  })
})

it.each([
  [{ KAFKA_BROKERS: 'nowhere' }, 'KAFKA_BROKERS is "nowhere": expected host:port, further ones after commas'],
  [{ KAFKA_BROKERS: '' }, 'KAFKA_BROKERS is "": expected host:port, further ones after commas'],
  [{ ...brokers, KAFKA_TOPIC: 'a topic' }, 'KAFKA_TOPIC is "a topic": expected 1 to 200 letters'],
  [{ ...brokers, KAFKA_SSL: 'yes' }, 'KAFKA_SSL is "yes": expected true or false'],
  [{ ...brokers, KAFKA_SSL_CA_FILE: 'x' }, 'KAFKA_SSL_CA_FILE is set without KAFKA_SSL: expected KAFKA_SSL=true'],
  [{ ...brokers, KAFKA_SSL: 'true', KAFKA_SSL_CA_FILE: 'nofile' }, 'KAFKA_SSL_CA_FILE is "nofile": expected the path'],
  [{ ...brokers, KAFKA_SASL_USERNAME: 'me' }, 'KAFKA_SASL_MECHANISM is not set: expected one of plain'],
  [{ ...brokers, KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'me' }, 'KAFKA_SASL_PASSWORD is not set'],
  [{ ...brokers, KAFKA_SASL_PASSWORD: '' }, 'KAFKA_SASL_PASSWORD is not usable'],
])('says in one line what is wrong with %j', (env, line) => {
  expect(() => readKafkaSettings(env)).toThrow(ConfigError)
  expect(() => readKafkaSettings(env)).toThrow(line)
})

it('has every variable in docs/kafka.md, with its default', async () => {
  const text = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'kafka.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `(KAFKA_\w+)` \| (?:`([^`]*)`)?/gm)]
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(kafkaSettings))
  const defaults = Object.entries(kafkaSettings).flatMap(([name, setting]) =>
    'default' in setting ? [[name, setting.default]] : [],
  )
  expect(rows.flatMap(([, name, value]) => (value === undefined ? [] : [[name, value]]))).toEqual(defaults)
})
