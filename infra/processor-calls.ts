import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { StoreUnavailable, WaymarkError } from '../domain/errors.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Erasure, Erasures } from '../domain/ports/erasures.ts'
import type { Store, Stores } from '../domain/ports/store.ts'
import { param, sql } from '../domain/sql.ts'
import type { Verification } from '../domain/verification.ts'
import type { Processor, ProcessorStatus } from '../processor/processor.ts'
import { readLease } from './clickhouse/leases.ts'
import type { AskedProcessor } from './compose/answering.ts'

/**
 * What the API asks of a processor that is another program goes through the database that both have: a row of table `calls`
 * with the question, and one with the answer in its place. So whichever processor works then answers, and one that
 * takes over answers what the one before left.
 */

/** Between two looks for questions, and for an answer. */
const lookMs = 250
/** So long a question waits for its answer; what was asked is done all the same. */
const waitMsMax = { erase: 30_000, verify: 15 * 60_000 } as const
/** Questions that are older have nobody who waits. */
const oldMs = 20 * 60_000

type What = keyof typeof waitMsMax

const asked = {
  erase: z.array(z.object({ service: z.string(), journey: z.string(), at: z.number() })),
  verify: z.object({
    service: z.string(),
    period: z.object({ from: z.number(), to: z.number() }).nullable(),
  }),
} as const

/** A call that was answered: done, or refused with why. */
const answered = z.union([z.object({ done: z.unknown() }), z.object({ refused: z.string() })])

const columns = ['id', 'at', 'what', 'asked', 'answered', 'answer'] as const

/** The processor that works on this database, whichever program it is. */
export function askProcessor({ reads, writes }: Pick<Stores, 'reads' | 'writes'>, clock: Clock): AskedProcessor {
  async function call(what: What, question: unknown): Promise<unknown> {
    const id = randomUUID()
    const begun = clock.now()
    await writes.insert('calls', columns, [[id, begun, what, JSON.stringify(question), 0, '']])
    while (clock.now() - begun < waitMsMax[what]) {
      await wait(lookMs)
      const [row] = await reads.select<{ answer: string }>(
        sql`SELECT answer FROM calls WHERE id = ${param('String', id)} AND answered = 1 LIMIT 1`,
      )
      if (row === undefined) continue
      const answer = answered.parse(JSON.parse(row.answer))
      if ('done' in answer) return answer.done
      throw new StoreUnavailable(answer.refused, { retryAfterSeconds: 60 })
    }
    throw new StoreUnavailable('no processor has answered yet', { retryAfterSeconds: 60 })
  }
  return {
    async erase(erasures) {
      if (erasures.length > 0) await call('erase', erasures)
    },
    // The processor of this version wrote it, or of one that the other reads.
    verify: async (question) => (await call('verify', question)) as Verification,
    status: async () => statusOf(await readLease(reads, 'processor')),
  }
}

/** As the processor that works said last. */
function statusOf({ alive, status }: Awaited<ReturnType<typeof readLease>>): ProcessorStatus {
  const said = { ...nothingSaid, ...(status === '' ? {} : (JSON.parse(status) as Partial<ProcessorStatus>)) }
  const notReady = alive ? said.notReady : 'no processor was heard lately'
  return { ...said, standsBy: false, isActive: alive, notReady }
}

/** Before the first sign of life that tells more. */
const nothingSaid: ProcessorStatus = {
  pendingEvents: 0,
  pendingSeconds: 0,
  refusedEvents: 0,
  revision: '0',
  rebuilding: [],
  unjudgedJourneys: 0,
  sealing: [],
  standsBy: false,
  isActive: false,
  notReady: null,
}

export interface AnsweringParts {
  readonly stores: Pick<Stores, 'reads'>
  readonly erasures: Pick<Erasures, 'add'>
  readonly processor: Pick<Processor, 'erase' | 'verify' | 'status'>
  readonly clock: Clock
  /** Told why a look failed; the next one is soon. */
  readonly onTrouble: (error: unknown) => void
}

/** Answers what others ask of this processor, while it is the one that works. @returns ends it */
export function answerCalls(parts: AnsweringParts): () => Promise<void> {
  const { stores, processor, clock, onTrouble } = parts
  const stop = new AbortController()
  const underWay = new Map<string, Promise<void>>()

  async function look(): Promise<void> {
    if (!processor.status().isActive) return
    for (const { id, at, what, asked: question } of await unanswered(stores.reads, clock.now() - oldMs)) {
      if (underWay.has(id)) continue
      const working = answer(parts, what, question)
        .then((text) => stores.reads.command(answerOf({ id, at, what, question }, text)))
        .catch(onTrouble)
        .finally(() => underWay.delete(id))
      underWay.set(id, working)
    }
  }

  const running = (async () => {
    while (!stop.signal.aborted) {
      await look().catch(onTrouble)
      await wait(lookMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
    await Promise.all(underWay.values())
  })()
  return async () => {
    stop.abort()
    await running
  }
}

interface Call {
  readonly id: string
  readonly at: string
  readonly what: What
  readonly asked: string
}

/** Reads   calls, which has a day of them. */
function unanswered(reads: Store, since: number): Promise<readonly Call[]> {
  return reads.select<Call>(sql`
    SELECT id, at, what, asked FROM calls FINAL
    WHERE answered = 0 AND at > ${param('Int64', since)} AND what IN ('erase', 'verify') ORDER BY at`)
}

const answerOf = ({ id, at, what, question }: Omit<Call, 'asked'> & { question: string }, text: string) => sql`
  INSERT INTO calls (id, at, what, asked, answered, answer)
  SELECT ${param('String', id)}, ${param('Int64', Number(at))}, ${param('String', what)}, ${param('String', question)}, 1,
    ${param('String', text)}`

async function answer({ erasures, processor }: AnsweringParts, what: What, question: string): Promise<string> {
  try {
    return JSON.stringify({ done: (await done({ erasures, processor }, what, question)) ?? null })
  } catch (error) {
    if (!(error instanceof WaymarkError)) throw error
    return JSON.stringify({ refused: error.message })
  }
}

async function done(
  { erasures, processor }: Pick<AnsweringParts, 'erasures' | 'processor'>,
  what: What,
  question: string,
): Promise<unknown> {
  if (what === 'verify') return await processor.verify(asked.verify.parse(JSON.parse(question)))
  const listed: readonly Erasure[] = asked.erase.parse(JSON.parse(question))
  // They are in the table; from here on this program knows of them too, before what there is of them is removed.
  await erasures.add(listed)
  await processor.erase(listed)
  return undefined
}
