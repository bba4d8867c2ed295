import { Counter, Gauge, Histogram } from 'prom-client'
import type { LogPending } from '../../domain/ports/event-log.ts'
import type { KafkaSignals } from '../kafka/signals.ts'
import type { Telemetry } from './telemetry.ts'

/** Metrics and log lines of the event log in Kafka. */
export function kafkaTelemetry({ metrics, logger }: Telemetry): KafkaSignals {
  const registers = [metrics]
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const histogram = (name: string, help: string, buckets: number[]) => new Histogram({ name, help, buckets, registers })

  const durable = counter('waymark_log_durable_events_total', 'Events that all in-sync brokers acknowledged')
  const bytes = counter('waymark_log_sent_bytes_total', 'Bytes of messages that were acknowledged, before compression')
  const seconds = histogram(
    'waymark_log_send_seconds',
    'Time until a request to the brokers was acknowledged',
    [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  )
  const messages = histogram('waymark_log_send_messages', 'Messages of one request', [1, 5, 10, 50, 100, 500, 1_000])
  const failed = counter('waymark_log_refused_appends_total', 'Appends refused since the brokers did not take them')
  const letters = counter(
    'waymark_log_dead_letters_total',
    'Messages that can never become events, put aside in their topic',
  )
  const gone = counter('waymark_log_gone_messages_total', 'Messages that retention deleted before they were handled')
  const joins = counter('waymark_log_group_joins_total', 'Times that the consumer group was joined')
  const partitions = new Gauge({
    name: 'waymark_log_partitions',
    help: 'Partitions that this program reads',
    registers,
  })
  const restarts = counter('waymark_log_consumer_restarts_total', 'Times that the consumer ended by an error')
  const uncommitted = counter('waymark_log_failed_commits_total', 'Commits that failed: their events come again')

  return {
    sent(sent) {
      durable.inc(sent.events)
      bytes.inc(sent.bytes)
      seconds.observe(sent.seconds)
      messages.observe(sent.messages)
    },
    sendFailed(appends, error) {
      failed.inc(appends)
      logger.error({ appends, err: error }, 'the brokers do not take events: callers are refused')
    },
    sendsAgain: () => logger.info('the brokers take events'),
    deadLettered(reason) {
      letters.inc()
      logger.error({ reason }, 'put a message to the dead letters')
    },
    gone(partition, count) {
      gone.inc(count)
      logger.fatal({ partition, messages: count }, 'retention deleted messages before they were handled: they are lost')
    },
    joined(count) {
      joins.inc()
      partitions.set(count)
      logger.info({ partitions: count }, 'joined the consumer group')
    },
    consumerFailed(error) {
      restarts.inc()
      logger.warn({ err: error }, 'the event log is not read: trying again')
    },
    commitFailed(error) {
      uncommitted.inc()
      logger.warn({ err: error }, 'could not commit: these events come again')
    },
    advised: (advice) => logger.warn({ advice }, 'a setting of Kafka could be better'),
    client: (message, details) => logger.debug({ ...details, stack: undefined }, message),
  }
}

/** How far answers are behind, asked when the metrics are. Values of the last time stand while the brokers are away. */
export function lagTelemetry({ metrics }: Telemetry, lag: () => Promise<LogPending>, now: () => number): void {
  let last: LogPending = { events: 0, bytes: 0, oldestAt: null }
  let asking: Promise<LogPending> | undefined
  // The brokers are asked once for both.
  const ask = (): Promise<LogPending> =>
    (asking ??= lag()
      .then((pending) => (last = pending))
      .catch(() => last)
      .finally(() => (asking = undefined)))
  const gauge = (name: string, help: string, value: (pending: LogPending) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers: [metrics],
      async collect() {
        this.set(value(await ask()))
      },
    })
  gauge('waymark_log_pending_events', 'Acknowledged events that are not handled', ({ events }) => events)
  gauge('waymark_log_pending_seconds', 'Age of the oldest of them', ({ oldestAt }) =>
    oldestAt === null ? 0 : Math.max(0, (now() - oldestAt) / 1000),
  )
}
