import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { EventLog, LogBatch } from '../../domain/ports/event-log.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { anyStoredEvent, storedEvent } from '../support/trails.ts'

/** A log of its own for one test, empty. */
export interface OpenedLog {
  readonly log: EventLog
  /** Where the log outlives its process: the same one again, after `close`. */
  readonly reopen?: () => Promise<EventLog>
  /** Makes what was appended last unreadable, or puts something unreadable behind it, as a bad disk would. */
  readonly spoil?: () => Promise<void>
}

/**
 * What every event log does, whatever carries it.
 * @param can what this one's `open` gives: the tests that need more are not made
 */
export function eventLogContract(
  name: string,
  open: () => Promise<OpenedLog>,
  can: { reopen: boolean | 'with an estimate'; spoil: boolean; runs?: number },
): void {
  const opened: EventLog[] = []
  const start = async (): Promise<OpenedLog> => {
    const one = await open()
    opened.push(one.log)
    return one
  }
  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close()
  })

  describe(`${name}: what was acknowledged`, () => appending(start, can.runs ?? 30))
  describe(`${name}: the consumer`, () => consuming(start, can.spoil))
  describe(`${name}: what waits`, () => waiting(start))
  describe(`${name}: rolling on`, () => rolling(start))
  describe(`${name}: the end`, () => ending(start, opened, can.reopen))
}

type Start = () => Promise<OpenedLog>

function appending(start: Start, numRuns: number): void {
  it('comes out as it went in', async () => {
    const { log } = await start()
    const batches = fc.array(fc.array(anyStoredEvent, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(batches, fc.integer({ min: 1, max: 40 }), async (sent, eventsMax) => {
        await Promise.all(sent.map((batch) => log.append(batch)))
        const taken = await take(log, sent.flat().length, eventsMax)
        expect(sorted(taken.flatMap(({ events }) => events))).toEqual(sorted(sent.flat()))
      }),
      { numRuns },
    )
  })

  it('keeps the order of a journey over appends at once and one after another', async () => {
    const { log } = await start()
    const journeys = ['000000000000000a', '000000000000000b', '000000000000000c']
    for (let round = 0; round < 5; round++)
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          log.append([event(round * 40 + index, { journey: journeys[index % 3] ?? '' })]),
        ),
      )
    const events = (await take(log, 200, 17)).flatMap((batch) => batch.events)
    for (const journey of journeys) {
      const order = events.filter((one) => one.journey === journey).map(({ identity }) => identity)
      expect(order).toEqual([...order].sort((a, b) => a - b))
      expect(order.length).toBeGreaterThan(60)
    }
  })

  it('is any text, and any number that an event may have', async () => {
    const { log } = await start()
    const sent = [
      event(2 ** 48 - 1, { step: 'a\u0000b\u2028"\\\ud83d\ude00', at: 0, seq: 2 ** 32 - 1 }),
      event(0, { step: 'Confirmation of receipt, by post', at: 8.64e15, dimensions: [['kind', '']] }),
      event(1, { type: 'leave', engagedMs: 2 ** 32 - 1, channel: 'paper' }),
      event(2, { type: 'error', step: '', field: 'email', code: 'missing' }),
      event(3, { type: 'feedback', step: '', rating: 5 }),
      event(4, { type: 'outcome', step: '', outcome: 'already-done' }),
    ]
    await log.append(sent)
    expect((await take(log, sent.length, 100)).flatMap(({ events }) => events)).toEqual(sent)
  })

  it('is nothing when nothing was appended', async () => {
    const { log } = await start()
    await log.append([])
    expect(log.pending()).toEqual({ events: 0, bytes: 0, oldestAt: null })
  })
}

function consuming(start: Start, canSpoil: boolean): void {
  it('gets batches of at most so many events, one at a time, oldest first', async () => {
    const { log } = await start()
    for (let index = 0; index < 30; index++) await log.append([event(index * 2), event(index * 2 + 1)])
    let handling = 0
    const batches = await take(log, 60, 7, async () => {
      handling += 1
      expect(handling).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      handling -= 1
    })
    expect(batches.flatMap(({ events }) => identities(events))).toEqual(range(60))
    for (const { events } of batches) expect(events.length).toBeLessThanOrEqual(7)
  })

  it('gets an appended batch whole, alone when it is larger than asked for', async () => {
    const { log } = await start()
    await log.append(range(3).map((index) => event(index)))
    await log.append(range(1200).map((index) => event(3 + index)))
    await log.append([event(1203)])
    const batches = await take(log, 1204, 100)
    expect(batches.map(({ events }) => events.length)).toEqual([3, 1200, 1])
    expect(batches.flatMap(({ events }) => identities(events))).toEqual(range(1204))
  })

  it('gets what it refused again, the same events, and loses none', async () => {
    const { log } = await start()
    for (let index = 0; index < 6; index++) await log.append([event(index)])
    const seen: number[][] = []
    const stop = new AbortController()
    let refusals = 3
    await log.consume(
      async ({ events }) => {
        seen.push(identities(events))
        expect(log.pending().events).toBeGreaterThan(0)
        if (refusals-- > 0) throw new Error('not now')
        if (new Set(seen.slice(3).flat()).size === 6) stop.abort()
      },
      stop.signal,
      4,
    )
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]).toEqual(seen[0])
    expect(seen.slice(3).flat()).toEqual(range(6))
    expect(log.pending().events).toBe(0)
  })

  it('waits for what is appended later', async () => {
    const { log } = await start()
    const taken = take(log, 2, 10)
    await log.append([event(0)])
    await log.append([event(1)])
    expect((await taken).flatMap(({ events }) => identities(events))).toEqual([0, 1])
  })

  it('is let go when aborted: while it waits, and before anything was asked', async () => {
    const { log } = await start()
    const stop = new AbortController()
    const consumed = log.consume(() => Promise.resolve(), stop.signal, 10)
    stop.abort()
    await consumed
    await log.append([event(0)])
    let called = 0
    await log.consume(async () => void called++, AbortSignal.abort(), 10)
    expect(called).toBe(0)
    expect(log.pending().events).toBe(1)
  })

  it('forgets what was taken by a handler that ended after the abort, and no more', async () => {
    const { log } = await start()
    for (let index = 0; index < 3; index++) await log.append([event(index)])
    const stop = new AbortController()
    await log.consume(
      async () => {
        stop.abort()
        await new Promise((resolve) => setImmediate(resolve))
      },
      stop.signal,
      1,
    )
    expect((await take(log, 2, 10)).flatMap(({ events }) => identities(events))).toEqual([1, 2])
  })

  it('gets again what it refused when it was stopped in between', async () => {
    const { log } = await start()
    await log.append([event(7)])
    const stop = new AbortController()
    await log.consume(
      () => {
        stop.abort()
        return Promise.reject(new Error('stopped'))
      },
      stop.signal,
      10,
    )
    expect((await take(log, 1, 10)).flatMap(({ events }) => identities(events))).toEqual([7])
  })

  if (!canSpoil) return
  it('is told of what cannot be read, once, and gets everything around it', async () => {
    const { log, spoil } = await start()
    await log.append([event(0)])
    await log.append([event(1)])
    await spoil?.()
    await log.append([event(2)])
    const batches = await take(log, 2, 100)
    expect(batches.flatMap(({ events }) => identities(events)).filter((identity) => identity !== 1)).toEqual([0, 2])
    const unreadable = batches.flatMap((batch) => batch.unreadable)
    expect(unreadable).toHaveLength(1)
    expect(unreadable[0]?.reason).toMatch(/\w/)
    expect(unreadable[0]?.bytes.length).toBeGreaterThan(0)
    expect(log.pending().events).toBe(0)
  })
}

function waiting(start: Start): void {
  it('is counted from the acknowledgement until it is forgotten', async () => {
    const { log } = await start()
    expect(log.pending()).toEqual({ events: 0, bytes: 0, oldestAt: null })
    await log.append([event(0), event(1), event(2)])
    const first = log.pending()
    expect(await log.lag()).toEqual(first)
    expect(first.events).toBe(3)
    expect(first.bytes).toBeGreaterThan(0)
    expect(first.oldestAt).toBeTypeOf('number')
    await log.append([event(3)])
    expect(log.pending().events).toBe(4)
    expect(log.pending().oldestAt).toBe(first.oldestAt)
    expect(log.pending().bytes).toBeGreaterThan(first.bytes)
    await take(log, 3, 3, async () => expect(log.pending().events).toBe(4))
    expect(log.pending().events).toBe(1)
    const batches = await take(log, 1, 3)
    expect(batches[0]?.appendedAt).toBeGreaterThanOrEqual(first.oldestAt ?? Infinity)
    expect(await log.lag()).toEqual({ events: 0, bytes: 0, oldestAt: null })
    expect(log.pending()).toEqual({ events: 0, bytes: 0, oldestAt: null })
  })

  it('says since when the oldest of it waits', async () => {
    const { log } = await start()
    await log.append([event(0)])
    await log.append([event(1)])
    const { oldestAt } = log.pending()
    const [batch] = await take(log, 1, 1)
    expect(batch?.appendedAt).toBe(oldestAt)
    const [next] = await take(log, 1, 1, async (one) => expect(one.appendedAt).toBe(log.pending().oldestAt))
    expect(next?.events).toHaveLength(1)
  })
}

function rolling(start: Start): void {
  it('loses nothing, whenever it comes', async () => {
    const { log } = await start()
    await log.roll()
    const appends: Promise<void>[] = []
    const rolls: Promise<void>[] = []
    for (const index of range(40)) {
      appends.push(log.append([event(index)]))
      if (index % 3 === 0) rolls.push(log.roll())
      if (index % 7 === 0) await log.roll()
    }
    await Promise.all([...appends, ...rolls])
    expect(log.pending().events).toBe(40)
    expect((await take(log, 40, 6)).flatMap(({ events }) => identities(events))).toEqual(range(40))
    await log.roll()
    await log.append([event(40)])
    expect((await take(log, 1, 6)).flatMap(({ events }) => identities(events))).toEqual([40])
  })
}

function ending(start: Start, opened: EventLog[], canReopen: boolean | 'with an estimate'): void {
  it('takes what was under way, and no more', async () => {
    const { log } = await start()
    const under = Promise.allSettled(range(20).map((index) => log.append([event(index)])))
    await log.close()
    expect((await under).map(({ status }) => status)).toEqual(range(20).map(() => 'fulfilled'))
    await expect(log.append([event(20)])).rejects.toMatchObject({ code: 'log-unavailable', retriable: true })
  })

  it('lets the consumer go, and may come twice', async () => {
    const { log } = await start()
    const consumed = log.consume(() => Promise.resolve(), new AbortController().signal, 10)
    await log.close()
    await consumed
    await log.close()
  })

  if (canReopen === false) return
  it('is no loss: a log that is opened again has what was not forgotten, and counts it', async () => {
    const { log, reopen } = await start()
    for (let index = 0; index < 10; index++) await log.append([event(index * 2), event(index * 2 + 1)])
    await take(log, 8, 4)
    const before = log.pending()
    await log.close()
    const again = await reopen?.()
    if (again === undefined) return
    opened.push(again)
    expect(before.events).toBe(12)
    if (canReopen === true) expect(again.pending()).toEqual(before)
    else expect(again.pending().events).toBeGreaterThan(0)
    expect(await again.lag()).toEqual(again.pending())
    await again.append([event(20)])
    expect((await take(again, 13, 100)).flatMap(({ events }) => identities(events))).toEqual(range(21).slice(8))
    expect(again.pending().events).toBe(0)
  })
}

/** Consumes until so many events were taken. */
async function take(
  log: EventLog,
  events: number,
  eventsMax: number,
  during: (batch: LogBatch) => Promise<void> = () => Promise.resolve(),
): Promise<LogBatch[]> {
  const stop = new AbortController()
  const batches: LogBatch[] = []
  let failure: unknown
  await log.consume(
    async (batch) => {
      batches.push(batch)
      // What fails in a handler is a refusal to the log; to the test it is a failure.
      await during(batch).catch((error: unknown) => {
        failure ??= error
      })
      if (batches.reduce((sum, one) => sum + one.events.length, 0) >= events) stop.abort()
    },
    stop.signal,
    eventsMax,
  )
  if (failure !== undefined) throw failure instanceof Error ? failure : new Error('the handler failed')
  return batches
}

function event(identity: number, some: Partial<StoredEvent> = {}): StoredEvent {
  return storedEvent({ identity, ...some })
}

function identities(events: readonly StoredEvent[]): number[] {
  return events.map(({ identity }) => identity)
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}

function sorted(events: readonly StoredEvent[]): string[] {
  return events.map((one) => JSON.stringify(one, Object.keys(one).sort())).sort()
}
