import { statfs } from 'node:fs/promises'
import type { Check } from '../domain/check.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { EventLog } from '../domain/ports/event-log.ts'
import type { Stores } from '../domain/ports/store.ts'
import { param, sql } from '../domain/sql.ts'
import type { ProcessorStatus } from '../processor/processor.ts'
import type { Config } from './config.ts'

export interface Patient {
  readonly config: Pick<Config, 'dataDir' | 'kafka' | 'clickHouse'>
  readonly log: Pick<EventLog, 'lag' | 'problem'>
  readonly stores: Pick<Stores, 'reads'>
  readonly status: () => Promise<ProcessorStatus>
  readonly clock: Clock
}

const mb = 1024 * 1024
const freeMbWarn = 2_048
const freeMbFail = 256
const lagSecondsWarn = 60
const setAsideListed = 10

/** Looks at everything that the installation stands on. Never throws: what cannot be asked is a failed check. */
export async function diagnose(patient: Patient): Promise<readonly Check[]> {
  const { dataDir, kafka, clickHouse } = patient.config
  return [
    // Otherwise nothing that matters is on the disk of this program.
    ...(kafka === undefined || clickHouse === undefined ? [await attempt('disk', () => disk(dataDir))] : []),
    await attempt('event log', () => eventLog(patient)),
    await attempt('engine', () => engine(patient)),
    await attempt('processor', async () => processor(await patient.status())),
    await attempt('set aside', () => setAside(patient.stores)),
    await attempt('removals', () => removals(patient)),
  ]
}

async function attempt(name: string, look: () => Promise<Check>): Promise<Check> {
  try {
    return await look()
  } catch (error) {
    const detail = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return { name, state: 'fail', detail, action: 'look at the log of the server for the cause' }
  }
}

async function disk(dataDir: string): Promise<Check> {
  const { bavail, bsize } = await statfs(dataDir)
  const freeMb = Math.floor((bavail * bsize) / mb)
  const detail = `${freeMb} MB free where the data is`
  if (freeMb < freeMbFail)
    return {
      name: 'disk',
      state: 'fail',
      detail,
      action: 'make room: events are answered 503 when nothing can be made durable',
    }
  if (freeMb < freeMbWarn)
    return { name: 'disk', state: 'warn', detail, action: `make room: merges need more than ${freeMbWarn} MB` }
  return { name: 'disk', state: 'ok', detail }
}

async function eventLog({ log, clock }: Patient): Promise<Check> {
  const problem = log.problem()
  if (problem !== null)
    return { name: 'event log', state: 'fail', detail: problem, action: 'events are answered 503 until this is mended' }
  const { events, bytes, oldestAt } = await log.lag()
  const seconds = oldestAt === null ? 0 : Math.round((clock.now() - oldestAt) / 1000)
  const detail = `${events} events wait (${Math.ceil(bytes / mb)} MB), the oldest for ${seconds} s`
  return seconds > lagSecondsWarn
    ? { name: 'event log', state: 'warn', detail, action: 'answers are behind: look at the processor' }
    : { name: 'event log', state: 'ok', detail }
}

async function engine({ stores, config }: Patient): Promise<Check> {
  const [row] = await stores.reads.select<{ version: string }>(sql`SELECT version() AS version`)
  const where = config.clickHouse === undefined ? 'in process' : `at ${config.clickHouse.url.origin}`
  return { name: 'engine', state: 'ok', detail: `ClickHouse ${row?.version ?? ''} ${where} answers` }
}

function processor({ notReady, revision }: ProcessorStatus): Check {
  return notReady === null
    ? { name: 'processor', state: 'ok', detail: `at revision ${revision}` }
    : {
        name: 'processor',
        state: 'fail',
        detail: notReady,
        action: 'nothing is lost: it goes on by itself once the cause is gone',
      }
}

async function setAside({ reads }: Pick<Stores, 'reads'>): Promise<Check> {
  const rows = await reads.select<{ reason: string; entries: string; last: string }>(
    sql`SELECT reason, count() AS entries, toString(fromUnixTimestamp64Milli(max(at), 'UTC')) AS last
      FROM set_aside GROUP BY reason ORDER BY count() DESC LIMIT ${param('UInt32', setAsideListed)}`,
  )
  if (rows.length === 0) return { name: 'set aside', state: 'ok', detail: 'nothing' }
  const reasons = rows.map(({ reason, entries, last }) => `${entries} × ${reason} (last ${last})`)
  return {
    name: 'set aside',
    state: 'warn',
    detail: reasons.join('; '),
    action: 'these entries of the log could not become events: they are kept in the table set_aside',
  }
}

const purgeHoursWarn = 8

/** Whether the bytes of removed journeys go: a purge that the engine cannot end, most of all for want of room, says so. */
async function removals({ stores }: Patient): Promise<Check> {
  const [row] = await stores.reads.select<{ erased: string; stuck: string; reason: string }>(sql`
    SELECT (SELECT uniqExact(service, journey) FROM erasures) AS erased, count() AS stuck,
      any(latest_fail_reason) AS reason
    FROM system.mutations
    WHERE database = currentDatabase() AND NOT is_done AND command LIKE '%APPLY DELETED MASK%'
      AND (latest_fail_reason != '' OR create_time < now() - INTERVAL ${param('UInt32', purgeHoursWarn)} HOUR)`)
  const erased = `${row?.erased ?? 0} journeys are in the list of erasures`
  if (row === undefined || row.stuck === '0') return { name: 'removals', state: 'ok', detail: erased }
  return {
    name: 'removals',
    state: 'warn',
    detail: `${erased}; a purge has not ended: ${row.reason.slice(0, 200)}`,
    action: 'make room: the bytes of removed journeys are still there; it goes on by itself',
  }
}
