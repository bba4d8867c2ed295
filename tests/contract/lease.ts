import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LeaseLost, StoreUnavailable } from '../../domain/errors.ts'
import type { Lease, Leases } from '../../domain/ports/lease.ts'
import type { Store, Stores } from '../../domain/ports/store.ts'
import { param, sql } from '../../domain/sql.ts'
import { openLeases, readLease } from '../../infra/clickhouse/leases.ts'

/** Short, so that a test sees a holder be taken for gone; long enough that one that lives is not. */
const pace = { renewMs: 50, untilMs: 2_000 }

/** A program that may be cut off from the database, as by a freeze of it or of the network. */
interface Program {
  readonly leases: Leases
  cutOff(): void
}

/** What every lease on a database does, whichever way it is reached. */
export function leaseContract(database: string, stores: () => Stores): void {
  describe(`${database}: a lease`, () => {
    const stop = new AbortController()
    let name: string
    let held: Lease[]

    beforeEach(() => {
      name = `contract-${randomUUID()}`
      held = []
    })
    afterEach(async () => {
      for (const lease of held) await lease.release()
    })

    function program(holder: string = randomUUID(), status = () => 'well'): Program {
      let isCutOff = false
      const { reads } = stores()
      const store: Store = {
        ...reads,
        select: (...asked) => (isCutOff ? Promise.reject(new StoreUnavailable('cut off')) : reads.select(...asked)),
        command: (...asked) => (isCutOff ? Promise.reject(new StoreUnavailable('cut off')) : reads.command(...asked)),
      }
      return { leases: openLeases({ store, name, holder, status, pace }), cutOff: () => (isCutOff = true) }
    }
    async function take({ leases }: Program, signal = stop.signal): Promise<Lease> {
      const lease = await leases.take(signal)
      if (lease === null) throw new Error('it was aborted')
      held.push(lease)
      return lease
    }
    /** Writes a row under the lease, as what is derived is written. @returns whether it is there */
    async function writes(lease: Lease): Promise<boolean> {
      const id = randomUUID()
      await stores().writes.command(
        sql`INSERT INTO calls (id, at, what) SELECT ${param('String', id)}, toUnixTimestamp64Milli(now64(3)), 'contract' WHERE ${lease.held}`,
      )
      const rows = await stores().reads.select(sql`SELECT 1 FROM calls WHERE id = ${param('String', id)}`)
      return rows.length === 1
    }

    it('has one holder, whose statements do what they say', async () => {
      const lease = await take(program())
      await lease.check()
      expect(await writes(lease)).toBe(true)
      expect(lease.lost.aborted).toBe(false)
    })

    it('goes to one of many that want it at the same moment, and to each in turn', async () => {
      const programs = Array.from({ length: 6 }, () => program())
      let holders = 0
      await Promise.all(
        programs.map(async (one) => {
          const lease = await take(one)
          holders += 1
          expect(holders).toBe(1)
          await lease.check()
          expect(await writes(lease)).toBe(true)
          holders -= 1
          await lease.release()
        }),
      )
      expect((await readLease(stores().reads, name)).epoch).toBe(6)
    })

    it('goes to the next when its holder is not heard; what that one still sends does nothing', async () => {
      const first = program()
      const lease = await take(first)
      first.cutOff()
      const next = await take(program())
      expect(await writes(lease)).toBe(false)
      expect(await writes(next)).toBe(true)
    })

    it('tells a holder that it was taken over', async () => {
      const store = { ...stores().reads }
      const lease = await openLeases({
        store,
        name,
        holder: randomUUID(),
        status: () => '',
        pace: { renewMs: 60_000, untilMs: 1 },
      }).take(stop.signal)
      if (lease === null) throw new Error('it was aborted')
      await take(program())
      await expect(lease.check()).rejects.toBeInstanceOf(LeaseLost)
      expect(lease.lost.aborted).toBe(true)
      await lease.release()
    })

    it('is released with a word, so that the next one need not wait', async () => {
      const lease = await take(program())
      await lease.release()
      expect(await readLease(stores().reads, name)).toMatchObject({ epoch: 1, alive: false })
      await take(program())
      await expect(lease.check()).rejects.toBeInstanceOf(LeaseLost)
    })

    it('is had at once by a program that starts again under its own name', async () => {
      const first = program('the-same')
      await take(first)
      first.cutOff()
      const again = await take(program('the-same'))
      expect(await readLease(stores().reads, name)).toMatchObject({ epoch: 2, holder: 'the-same', alive: true })
      await again.check()
    })

    it('is not had before the statements of the holder before have ended', async () => {
      const first = await take(program('the-same'))
      const id = randomUUID()
      // Long enough to be under way when the next one looks.
      const slow = stores().writes.command(
        sql`INSERT INTO calls (id, at, what)
          SELECT ${param('String', id)}, toUnixTimestamp64Milli(now64(3)) + sum(sleepEachRow(0.05)), 'contract'
          FROM numbers(20) WHERE ${first.held}
          SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0`,
      )
      await underWay(stores().reads, 'sleepEachRow')
      await take(program('the-same'))
      const written = await stores().reads.select(sql`SELECT 1 FROM calls WHERE id = ${param('String', id)}`)
      expect(written).toHaveLength(1)
      await slow
    })

    it('says how its holder is', async () => {
      let how = 'starting'
      await take(program('mine', () => how))
      how = 'working'
      for (;;) {
        const state = await readLease(stores().reads, name)
        if (state.status === 'working') break
      }
    })

    it('is not waited for by one that is told to stop', async () => {
      await take(program())
      const enough = new AbortController()
      const waiting = program().leases.take(enough.signal)
      enough.abort()
      expect(await waiting).toBeNull()
    })
  })
}

/** Resolves when a statement with this text is under way. */
async function underWay(reads: Store, text: string): Promise<void> {
  for (;;) {
    const rows = await reads.select(
      sql`SELECT 1 FROM system.processes WHERE position(query, ${param('String', text)}) > 0 AND NOT startsWith(query, 'SELECT')`,
    )
    if (rows.length > 0) return
  }
}
