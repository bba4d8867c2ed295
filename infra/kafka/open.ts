import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import { createClient } from './client.ts'
import { Consumer } from './consumer.ts'
import { DeadLetters } from './dead-letters.ts'
import { asError, configErrorOf, unavailableOf } from './errors.ts'
import { Ledger } from './ledger.ts'
import { OffsetReader } from './offsets.ts'
import { Appender } from './producer.ts'
import { replay } from './replay.ts'
import { observe } from './session.ts'
import type { KafkaSettings } from './settings.ts'
import type { KafkaSignals } from './signals.ts'
import { prepareTopics } from './topic.ts'
import { doubling, pause, within } from './waiting.ts'

export interface KafkaLogOptions {
  readonly settings: KafkaSettings
  readonly limits: Pick<Limits, 'appendsInFlightMax'>
  readonly signals: KafkaSignals
  readonly clock?: Clock
}

/** So long the brokers have to answer the start; afterwards it goes on without them, and appends are refused until they come. */
const startMsMax = 5_000

/**
 * The event log as a topic of Kafka. Makes the topic when it is missing. Brokers that are away do not stop the start:
 * `problem` tells, and appends are refused, until they are there.
 * @throws {ConfigError} what no waiting cures: rights, credentials, an unsuitable topic; one line that says what to do
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  const { settings, limits, signals, clock = { now: () => Date.now() } } = options
  const { topic } = settings
  const now = (): number => clock.now()
  const client = createClient(settings, signals)
  const ledger = new Ledger()
  const offsets = new OffsetReader(client, topic)
  const preparation = createPreparation(() => offsets.ask((admin) => prepareTopics(admin, topic, signals)))
  const look = async (): Promise<void> => {
    await preparation.prepare()
    for (const one of await offsets.read()) observe(ledger, one, now())
  }
  let reached = false
  try {
    await soon(look)
    reached = true
  } catch (error) {
    const fault = configErrorOf(error)
    if (fault !== undefined) {
      await offsets.close()
      throw fault
    }
    signals.client('the brokers do not answer at the start', { error: asError(error).message })
  }
  const shared = { client, topic, ledger, signals, now }
  const appender = new Appender({ ...shared, ...preparation, limits, clock })
  const deadLetters = new DeadLetters(client, topic)
  const consumer = new Consumer({ ...shared, offsets, deadLetters })
  if (reached) await soon(() => appender.connected()).catch(() => undefined)
  const lag = async () => {
    try {
      for (const one of await offsets.read()) observe(ledger, one, now())
    } catch (error) {
      throw unavailableOf(error)
    }
    return ledger.pending()
  }
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await Promise.all([appender.close(), consumer.close()])
    await Promise.all([deadLetters.close(), offsets.close()])
  }
  return {
    append: (batch) => appender.append(batch),
    consume: (handle, signal, eventsMax) => consumer.consume(handle, signal, eventsMax),
    pending: () => ledger.pending(),
    lag,
    roll: () => roll(offsets, topic, signals),
    replay: (asked) => replay({ client, topic, offsets, now }, asked),
    problem: () => preparation.problem() ?? appender.problem() ?? consumer.problem,
    close: () => (closing ??= close()),
  }
}

/** Tries until it is done or the start may take no longer; what no waiting cures is not tried again. */
async function soon(work: () => Promise<void>): Promise<void> {
  const late = new AbortController()
  const trying = async (): Promise<void> => {
    for (const ms of doubling(100, 1_000)) {
      try {
        return await work()
      } catch (error) {
        if (configErrorOf(error) !== undefined || late.signal.aborted) throw error
        await pause(ms, late.signal)
      }
    }
  }
  try {
    await within(startMsMax, trying(), () => new Error('the brokers take their time'))
  } finally {
    late.abort()
  }
}

/** The topics as they have to be, asked for by several at once and again after failures. */
function createPreparation(prepareAll: () => Promise<number>) {
  let partitions = 1
  let problem: string | null = 'the brokers have not answered yet'
  let underWay: Promise<void> | undefined
  return {
    prepare: (): Promise<void> => {
      if (problem === null) return Promise.resolve()
      return (underWay ??= prepareAll()
        .then((count) => {
          partitions = count
          problem = null
        })
        .catch((error: unknown) => {
          problem = configErrorOf(error)?.message ?? unavailableOf(error).message
          throw error
        })
        .finally(() => (underWay = undefined)))
    },
    doubt: () => {
      problem ??= 'the brokers did not take events'
    },
    partitions: () => partitions,
    onPartitions: (count: number) => {
      partitions = count
    },
    problem: () => problem,
  }
}

/**
 * Deletes what the group has handled, rather than when retention comes: the files that hold nothing else go within
 * minutes, the one that is written to when it ends (`segment.ms`). Rejects never.
 */
async function roll(offsets: OffsetReader, topic: string, signals: KafkaSignals): Promise<void> {
  try {
    const handled = (await offsets.read()).flatMap(({ partition, low, committed }) =>
      committed !== undefined && committed > low ? [{ partition, offset: String(committed) }] : [],
    )
    if (handled.length > 0) await offsets.ask((admin) => admin.deleteTopicRecords({ topic, partitions: handled }))
  } catch (error) {
    signals.advised(`what was handled stays in topic ${topic} until its retention ends: ${asError(error).message}`)
  }
}
