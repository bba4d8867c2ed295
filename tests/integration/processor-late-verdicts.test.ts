import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { QueryTooLarge, StoreUnavailable } from '../../domain/errors.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { Service } from '../../domain/service.ts'
import { sql } from '../../domain/sql.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { stepEventsAtOnceMax } from '../../processor/facts.ts'
import { createProcessor, type Processor } from '../../processor/processor.ts'
import { emptyTables, fixedClock, limits, service, nothingRemoved, silentSignals } from '../support/processing.ts'
import { ScriptedLog } from '../support/scripted-log.ts'
import { storedEvent } from '../support/trails.ts'

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(path(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})
afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(() => emptyTables(stores))

const at = 1_795_000_000_000
const longJourney = '00000000000000aa'
const journey = (number: number) => number.toString(16).padStart(16, '0')

const long = (length = stepEventsAtOnceMax + 1): StoredEvent[] =>
  Array.from({ length }, (_, index) =>
    storedEvent({ journey: longJourney, identity: index, at: at + index, step: index === 0 ? 'start' : 'between' }),
  )
const done = (identity: number) =>
  storedEvent({ journey: longJourney, identity, at: at + 10_000 + identity, step: 'done' })

const facts = async () =>
  (
    await stores.reads.select<{ journey: string; version: number; depth: number; events: number }>(
      sql`SELECT lower(leftPad(hex(journey), 16, '0')) AS journey, version, depth, events FROM facts FINAL ORDER BY journey`,
    )
  ).map((row) => [row.journey, row.version, row.depth, row.events])

const aside = () => stores.reads.select(sql`SELECT reason, bytes FROM set_aside FINAL ORDER BY reason, bytes`)

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come about within fifteen seconds')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Stores on which whatever has a limit of time among the reads, which is judging, first goes through `gate`. */
const judgingThrough = (gate: () => Promise<void>): Stores => ({
  ...stores,
  reads: {
    ...stores.reads,
    select: async (statement, options) => {
      if (options?.secondsMax !== undefined) await gate()
      return await stores.reads.select(statement, options)
    },
  },
})

/** On which whatever has a limit of time among the writes, which is facts with their verdict, runs out of it. */
const slowFacts = (isSlow: () => boolean): Stores => ({
  ...stores,
  writes: {
    ...stores.writes,
    command: (statement, options) =>
      options?.secondsMax !== undefined && isSlow()
        ? Promise.reject(new QueryTooLarge('out of time'))
        : stores.writes.command(statement, options),
  },
})

/** Runs a processor on these stores while `use` does. */
async function processing(
  on: Stores,
  use: (world: {
    log: ScriptedLog
    processor: Processor
    clock: ReturnType<typeof fixedClock>
    put(this: void, ...events: StoredEvent[]): Promise<void>
    judged(this: void): Promise<void>
    services: Map<string, Service>
  }) => Promise<void>,
): Promise<void> {
  const clock = fixedClock(1_800_000_000_000)
  const log = new ScriptedLog()
  const services = new Map<string, Service>([['renew', service('renew', { steps: ['start', 'done'] })]])
  const registry = { service: (id: string) => Promise.resolve(services.get(id)), onPut: () => () => undefined }
  const processor = createProcessor({
    ...nothingRemoved,
    log,
    stores: on,
    registry,
    clock,
    limits,
    signals: silentSignals,
  })
  const stop = new AbortController()
  const running = processor.run(stop.signal)
  const put = async (...events: StoredEvent[]) => {
    await log.append(events)
    await until(() => log.pending().events === 0)
  }
  try {
    await use({
      log,
      processor,
      clock,
      put,
      judged: () => until(() => processor.status().unjudgedJourneys === 0),
      services,
    })
  } finally {
    stop.abort()
    await running
  }
}

describe('a long journey', () => {
  it('holds up no other while its verdict is computed, and gets it in the end', async () => {
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    await processing(
      judgingThrough(() => gate),
      async ({ put, judged, processor }) => {
        await put(...long(), storedEvent({ journey: journey(1) }))
        expect(await facts()).toEqual([
          [journey(1), 1, 1, 1],
          [longJourney, 0, 0, 201],
        ])
        await put(storedEvent({ journey: journey(2) }), done(900))
        expect(processor.status().unjudgedJourneys).toBeGreaterThan(0)
        expect(await facts()).toEqual([
          [journey(1), 1, 1, 1],
          [journey(2), 1, 1, 1],
          [longJourney, 0, 0, 202],
        ])
        open()
        await judged()
        expect((await facts())[2]).toEqual([longJourney, 1, 2, 202])
      },
    )
  })

  it('keeps its verdict when nothing of it changes', async () => {
    let times = 0
    const counted = judgingThrough(() => {
      times += 1
      return Promise.resolve()
    })
    await processing(counted, async ({ put, judged }) => {
      await put(...long())
      await judged()
      await put(...long())
      expect(await facts()).toEqual([[longJourney, 1, 1, 201]])
      await put(storedEvent({ journey: longJourney, identity: 5_000, at: at - 1, type: 'leave', step: 'start' }))
      expect(await facts()).toEqual([[longJourney, 1, 1, 202]])
      await judged()
    })
    expect(times).toBeLessThanOrEqual(3)
  })

  it('is given up when its verdict takes too long, is set aside, and tried again no sooner than in ten minutes', async () => {
    let tries = 0
    let tooLong = true
    const slow = judgingThrough(() => {
      tries += 1
      return tooLong ? Promise.reject(new QueryTooLarge('out of time')) : Promise.resolve()
    })
    await processing(slow, async ({ put, judged, clock, processor }) => {
      await put(...long(), storedEvent({ journey: journey(1) }))
      await judged()
      expect(await facts()).toEqual([
        [journey(1), 1, 1, 1],
        [longJourney, 1, 0, 201],
      ])
      expect(await aside()).toEqual([
        { reason: 'no verdict: out of time', bytes: JSON.stringify({ service: 'renew', journey: longJourney }) },
      ])
      expect(processor.status().refusedEvents).toBe(1)
      tooLong = false
      await put(done(900))
      await judged()
      expect([tries, await facts()]).toEqual([
        1,
        [
          [journey(1), 1, 1, 1],
          [longJourney, 1, 0, 202],
        ],
      ])
      clock.set(clock.now() + 10 * 60_000)
      await put(done(901))
      await judged()
      expect([tries, (await facts())[1]]).toEqual([2, [longJourney, 1, 2, 203]])
    })
  })

  it('is judged after a restart, and by a new version of its funnel', async () => {
    const away = judgingThrough(() => Promise.reject(new StoreUnavailable('away')))
    await processing(away, async ({ put }) => {
      await put(...long(), done(900))
      expect(await facts()).toEqual([[longJourney, 0, 0, 202]])
    })
    await processing(stores, async ({ services, processor }) => {
      await until(async () => (await facts())[0]?.[1] === 1)
      expect(await facts()).toEqual([[longJourney, 1, 2, 202]])
      services.set('renew', service('renew', { steps: ['start', 'between', 'done'] }, { version: 2 }))
      processor.rebuild('renew')
      await until(async () => (await facts())[0]?.[1] === 2)
      expect(await facts()).toEqual([[longJourney, 2, 3, 202]])
      await until(() => processor.status().rebuilding.length === 0)
    })
  })
})

describe('a funnel with which a batch takes too long', () => {
  it('is told later, and left to be told later for a minute', async () => {
    let tries = 0
    let slow = true
    const on = slowFacts(() => {
      tries += 1
      return slow
    })
    await processing(on, async ({ put, judged, clock }) => {
      await put(storedEvent({ journey: journey(1) }))
      await judged()
      expect(await facts()).toEqual([[journey(1), 1, 1, 1]])
      await put(storedEvent({ journey: journey(2) }))
      await judged()
      expect(tries).toBe(1)
      slow = false
      clock.set(clock.now() + 60_000)
      await put(storedEvent({ journey: journey(3) }))
      expect(tries).toBe(2)
      expect((await facts()).map((row) => row.slice(1))).toEqual(Array(3).fill([1, 1, 1]))
    })
  })
})
