import pino from 'pino'
import { Registry as MetricsRegistry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { LogUnavailable } from '../../domain/errors.ts'
import { dropReasons, problemCodes } from '../../domain/problems.ts'
import { collectorTelemetry } from './collector.ts'

function open() {
  const lines: Record<string, unknown>[] = []
  const metrics = new MetricsRegistry()
  const clock = { ms: 0, now: () => clock.ms }
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  return { ...collectorTelemetry({ metrics, logger, clock }), metrics, lines, clock }
}

describe('telemetry of the collector', () => {
  it('counts what it is told, by code and by reason', async () => {
    const { signals, refusedEvents, metrics } = open()
    signals.accepted(10)
    signals.accepted(2)
    signals.refused('invalid-event', 3)
    signals.refused('invalid-event', 1)
    signals.refused('too-large', 101)
    signals.dropped('bot', 4)
    const text = await metrics.metrics()
    expect(text).toContain('waymark_events_accepted_total 12\n')
    expect(text).toContain('waymark_events_refused_total{code="invalid-event"} 4\n')
    expect(text).toContain('waymark_requests_refused_total{code="invalid-event"} 2\n')
    expect(text).toContain('waymark_events_refused_total{code="too-large"} 101\n')
    expect(text).toContain('waymark_events_dropped_total{reason="bot"} 4\n')
    expect(refusedEvents()).toBe(105)
    // Asked twice, it says the same.
    expect(await metrics.metrics()).toBe(text)
  })

  it('has every code and every reason from the start', async () => {
    const text = await open().metrics.metrics()
    for (const code of problemCodes) expect(text).toContain(`waymark_events_refused_total{code="${code}"} 0\n`)
    for (const reason of Object.keys(dropReasons))
      expect(text).toContain(`waymark_events_dropped_total{reason="${reason}"} 0\n`)
  })

  it('says an outage once in five seconds, and then how often it was met', () => {
    const { signals, lines, clock } = open()
    for (let request = 0; request < 1_000; request++) signals.unavailable('log-unavailable', new LogUnavailable('away'))
    expect(lines).toHaveLength(1)
    clock.ms = 5_000
    signals.unavailable('log-unavailable', new LogUnavailable('away'))
    expect(lines.map(({ code, unsaid }) => [code, unsaid])).toEqual([
      ['log-unavailable', 0],
      ['log-unavailable', 999],
    ])
  })

  it('logs a fault with its stack, for us alone', () => {
    const { signals, lines } = open()
    signals.failed(new TypeError('no such thing'))
    expect(lines[0]).toMatchObject({ level: 50, err: { message: 'no such thing' } })
  })
})
