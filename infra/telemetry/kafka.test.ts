import pino from 'pino'
import { Registry as MetricsRegistry } from 'prom-client'
import { expect, it } from 'vitest'
import { LogUnavailable } from '../../domain/errors.ts'
import { kafkaTelemetry, lagTelemetry } from './kafka.ts'

function open() {
  const lines: { level?: number; msg?: string }[] = []
  const metrics = new MetricsRegistry()
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as { msg: string }) })
  return { lines, metrics, logger }
}

it('tells whether anything is lost, late or refused', async () => {
  const telemetry = open()
  const signals = kafkaTelemetry(telemetry)
  signals.sent({ messages: 3, events: 30, bytes: 900, seconds: 0.003 })
  signals.sendFailed(7, new Error('away'))
  signals.sendsAgain()
  signals.deadLettered('format version 2')
  signals.gone(4, 11)
  signals.joined(6)
  signals.consumerFailed(new Error('away'))
  signals.commitFailed(new Error('away'))
  const text = await telemetry.metrics.metrics()
  for (const line of [
    'waymark_log_durable_events_total 30',
    'waymark_log_sent_bytes_total 900',
    'waymark_log_send_seconds_count 1',
    'waymark_log_send_messages_sum 3',
    'waymark_log_refused_appends_total 7',
    'waymark_log_dead_letters_total 1',
    'waymark_log_gone_messages_total 11',
    'waymark_log_group_joins_total 1',
    'waymark_log_partitions 6',
    'waymark_log_consumer_restarts_total 1',
    'waymark_log_failed_commits_total 1',
  ])
    expect(text).toContain(`${line}\n`)
  // What is lost is the loudest.
  expect(telemetry.lines.filter(({ level }) => level === 60).map(({ msg }) => msg)).toEqual([
    'retention deleted messages before they were handled: they are lost',
  ])
})

it('asks how far answers are behind when the metrics are asked for, and keeps the last while nobody knows', async () => {
  const { metrics, logger } = open()
  let away = false
  const lag = () =>
    away ? Promise.reject(new LogUnavailable('away')) : Promise.resolve({ events: 12, bytes: 700, oldestAt: 40_000 })
  lagTelemetry({ metrics, logger }, lag, () => 42_500)
  for (away of [false, true]) {
    const text = await metrics.metrics()
    expect(text).toContain('waymark_log_pending_events 12\n')
    expect(text).toContain('waymark_log_pending_seconds 2.5\n')
  }
})
