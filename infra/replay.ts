import { z } from 'zod'
import { NothingKept } from '../domain/errors.ts'
import type { EventLog, Replay, Replayed } from '../domain/ports/event-log.ts'
import type { Stores } from '../domain/ports/store.ts'
import { param, sql } from '../domain/sql.ts'
import { channels, eventTypes, outcomes, type StoredEvent } from '../domain/stored-event.ts'

export interface ReplayParts {
  readonly log: Pick<EventLog, 'append' | 'replay'>
  readonly stores: Pick<Stores, 'reads' | 'writes'>
}

/** Entries of one look. */
const entriesMax = 1_000

const event = z.object({
  service: z.string(),
  journey: z.string().regex(/^[0-9a-f]{16}$/),
  identity: z.number(),
  type: z.enum(eventTypes),
  step: z.string(),
  at: z.number(),
  seq: z.number(),
  outcome: z.enum([...outcomes, '']),
  field: z.string(),
  code: z.string(),
  rating: z.number(),
  engagedMs: z.number(),
  channel: z.enum(channels),
  dimensions: z.array(z.tuple([z.string(), z.string()])),
}) satisfies z.ZodType<StoredEvent>

/**
 * Sends through the event log again what the log still has of a time; or what could not become part of an answer when it came:
 * events that ClickHouse refused (table set_aside), and messages that no program could read (the log's dead letters). What is
 * refused again comes back.
 */
export function createReplay({ log, stores }: ReplayParts): (asked: Replay) => Promise<Replayed> {
  return async (asked) => {
    if (asked !== 'dead letters') return await log.replay(asked)
    const events = await putBack({ log, stores })
    try {
      const replayed = await log.replay(asked)
      return { events: events + replayed.events, unreadable: replayed.unreadable }
    } catch (error) {
      // What a local log could not read is in set_aside only.
      if (!(error instanceof NothingKept)) throw error
      return { events, unreadable: 0 }
    }
  }
}

/**
 * The events among what was set aside. An entry goes once its event is in the log again.
 *
 * Reads   set_aside, in the order of its key.
 */
async function putBack({ log, stores }: ReplayParts): Promise<number> {
  let events = 0
  for (let after: string | undefined = '0'; after !== undefined;) {
    const rows: readonly Row[] = await stores.reads.select<Row>(sql`
      SELECT entry, bytes FROM set_aside FINAL WHERE entry > ${param('UInt64', BigInt(after))}
      ORDER BY entry LIMIT ${param('UInt32', entriesMax)}`)
    const found = rows.flatMap(({ entry, bytes }) => {
      const read = eventOf(bytes)
      return read === undefined ? [] : [{ entry, read }]
    })
    if (found.length > 0) {
      await log.append(found.map(({ read }) => read))
      const entries = found.map(({ entry }) => BigInt(entry))
      await stores.writes.command(sql`DELETE FROM set_aside WHERE entry IN ${param('Array(UInt64)', entries)}`)
      events += found.length
    }
    after = rows.length < entriesMax ? undefined : rows.at(-1)?.entry
  }
  return events
}

interface Row {
  readonly entry: string
  readonly bytes: string
}

function eventOf(bytes: string): StoredEvent | undefined {
  if (!bytes.startsWith('{')) return undefined
  try {
    return event.safeParse(JSON.parse(bytes)).data
  } catch {
    return undefined
  }
}
