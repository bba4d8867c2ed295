import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { Kafka, logLevel } from 'kafkajs'
import type { Start } from '../../infra/program.ts'
import { readKafkaSettings } from '../../infra/kafka/settings.ts'

interface Body {
  readonly journey: string
  readonly events: readonly unknown[]
}

/** What most would write: a Hono route that parses the body and sends a message an event, awaiting all replicas. */
export async function main({ env, stop }: Start): Promise<number> {
  const settings = readKafkaSettings(env)
  if (settings === undefined) throw new Error('KAFKA_BROKERS is not set')
  const kafka = new Kafka({ brokers: [...settings.brokers], logLevel: logLevel.ERROR })
  const producer = kafka.producer()
  await producer.connect()
  const app = new Hono()
  app.post('/v1/events', async (c) => {
    const { journey, events } = await c.req.json<Body>()
    const messages = events.map((event) => ({ key: journey, value: JSON.stringify(event) }))
    await producer.send({ topic: settings.topic, acks: -1, messages })
    return c.body(null, 204)
  })
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
    process.stdout.write(`${JSON.stringify({ msg: 'listening', url: `http://127.0.0.1:${port}` })}\n`)
  })
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  server.close()
  await producer.disconnect()
  return 0
}
