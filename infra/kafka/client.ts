import { createRequire } from 'node:module'
import { CompressionTypes, Kafka, logLevel, type LogEntry } from 'kafkajs'
import { compressFrameSync, decompressFrameSync } from 'lz4-napi'
import { CompressionCodecs } from './library.ts'
import type { KafkaSettings } from './settings.ts'
import type { KafkaSignals } from './signals.ts'

/** What is sent is compressed so (ADR 9). */
export const compression = CompressionTypes.LZ4

/**
 * What is wrong is said by us, not by kafkajs' lines: it logs an error for every try. That its retries are limited is
 * meant: a producer that came to their end is not used again.
 */
export function createClient(settings: KafkaSettings, signals: Pick<KafkaSignals, 'client'>): Kafka {
  addLz4()
  stopIdleTimers()
  return new Kafka({
    clientId: 'waymark',
    brokers: [...settings.brokers],
    ssl: settings.ssl === false ? false : { ...settings.ssl },
    // The union of mechanisms is one of unions in kafkajs' types, though all three have one shape.
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl as { mechanism: 'plain' } & typeof settings.sasl }),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, multiplier: 2, maxRetryTime: 1_000, retries: 2 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ log: { message, ...details } }: LogEntry) =>
        message.startsWith('Limiting retries') ? undefined : signals.client(message, details),
  })
}

/** kafkajs has gzip; others are registered, once a process. */
function addLz4(): void {
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(compressFrameSync(buffer)),
    decompress: (buffer: Buffer) => Promise.resolve(decompressFrameSync(buffer)),
  })
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}

let timersStopped = false

/**
 * kafkajs 2.2.4 sets a timer that sets itself again for each connection, with a negative time: a thousand wake-ups a
 * second while nothing happens, and TimeoutNegativeWarning from Node 24 on (its issue 1751; no release has the fix). Here it is set
 * only when something waits or the brokers throttle us, which is when it has something to do.
 */
function stopIdleTimers(): void {
  if (timersStopped) return
  timersStopped = true
  const require = createRequire(import.meta.url)
  const queue = require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue }
  const schedule = queue.prototype.scheduleCheckPendingRequests
  queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
  }
}
