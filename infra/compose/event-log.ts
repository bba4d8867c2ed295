import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../domain/ports/clock.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import type { Config } from '../config.ts'
import { openKafkaLog } from '../kafka/open.ts'
import type { KafkaSettings } from '../kafka/settings.ts'
import { lockDirectory } from '../local-log/lock.ts'
import { openLocalLog } from '../local-log/open.ts'
import type { Releasers } from '../releasers.ts'
import { kafkaTelemetry, lagTelemetry } from '../telemetry/kafka.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/** What every part of a program stands on. */
export interface Ground {
  readonly config: Config
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly releasers: Releasers
}

/**
 * The event log of the one process. First of all, since it locks the data directory: ClickHouse says it less clearly.
 * @throws {LogLocked}
 */
export async function openOwnLog(ground: Ground): Promise<EventLog> {
  const { config, clock, releasers } = ground
  const directory = join(config.dataDir, 'log')
  if (config.kafka === undefined) {
    const log = await openLocalLog({ directory, limits: config.limits, clock })
    releasers.add('event log', () => log.close())
    watchLag(ground, log)
    return log
  }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  releasers.add('data directory', await lockDirectory(directory))
  return openSharedLog(ground, config.kafka)
}

/** The event log in Kafka. */
export async function openSharedLog(ground: Ground, settings: KafkaSettings): Promise<EventLog> {
  const { config, clock, telemetry, releasers } = ground
  const log = await openKafkaLog({ settings, limits: config.limits, clock, signals: kafkaTelemetry(telemetry) })
  releasers.add('event log', () => log.close())
  watchLag(ground, log)
  return log
}

function watchLag({ telemetry, clock }: Ground, log: EventLog): void {
  lagTelemetry(
    telemetry,
    () => log.lag(),
    () => clock.now(),
  )
}
