import { describe, expect } from 'vitest'
import { seededRandom } from '../../domain/random.ts'
import { until } from '../support/apart.ts'
import { oneOf } from '../support/faults/choice.ts'
import { fault } from '../support/faults/fault.ts'
import { select } from '../support/faults/reconcile.ts'
import { metric, useRig, withInstallation, type Installation } from '../support/faults/rig.ts'
import { kafkaHere } from '../support/kafka.ts'

const awayMs = 60_000
const insertMs = 5_000
const forEver = 1_000_000

/** What a server says, and its number. */
const refusals = [
  [243, 'NOT_ENOUGH_SPACE'],
  [252, 'TOO_MANY_PARTS'],
  [242, 'TABLE_IS_READ_ONLY'],
  [164, 'READONLY'],
] as const

describe.skipIf(!kafkaHere)('what happens to ClickHouse', () => {
  const rig = useRig()

  fault(7, 'ClickHouse away for 60 s', { rounds: 3 }, (rounds) =>
    withInstallation(rig(), async ({ round, sent, figures }) => {
      const { front } = rig()
      let meanwhile = 0
      for (let count = 0; count < rounds; count++)
        await round(
          async (load) => {
            await load.more(200)
            await front.away()
            const before = sent.acknowledged
            await new Promise((resolve) => setTimeout(resolve, awayMs))
            meanwhile += sent.acknowledged - before
            await front.back()
          },
          { clients: 2 },
        )
      expect(meanwhile, 'collectors go on').toBeGreaterThan(200 * rounds)
      return { ...(await figures()), more: { 'acknowledged meanwhile': meanwhile } }
    }),
  )

  fault(8, 'ClickHouse slow: 5 s an insert', { rounds: 3 }, (rounds) =>
    withInstallation(rig(), async ({ apart, round, sent, figures }) => {
      const { front } = rig()
      let meanwhile = 0
      let slow = 0
      for (let count = 0; count < rounds; count++)
        await round(
          async (load) => {
            await load.more(200)
            const before = { acknowledged: sent.acknowledged, done: await front.done() }
            await front.fault({ kind: 'slow', ms: insertMs, statement: '^INSERT', times: forEver })
            await new Promise((resolve) => setTimeout(resolve, awayMs / 2))
            await front.clear()
            meanwhile += sent.acknowledged - before.acknowledged
            slow += (await front.done()) - before.done
          },
          { clients: 2 },
        )
      expect(slow).toBeGreaterThan(rounds * 4)
      expect(apart.of('processor').length).toBe(2)
      return { ...(await figures()), more: { 'acknowledged meanwhile': meanwhile, 'slow inserts': slow } }
    }),
  )

  fault(9, 'ClickHouse stores the rows, and the answer is lost', { brief: true }, (rounds) =>
    withInstallation(rig(), async ({ round, figures }) => {
      const { front } = rig()
      const random = seededRandom(9)
      const before = await front.done()
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          for (const statement of ['^INSERT INTO trail', '^INSERT INTO facts', '^INSERT INTO (trail|facts|leases)']) {
            await load.more(random.whole(30, 200))
            const done = await front.done()
            // Once more than an insert of rows is sent again by itself.
            const times = random.whole(1, 3)
            await front.fault({ kind: 'answer-lost', statement, times })
            await until(async () => (await front.done()) >= done + times)
          }
        })
      return { ...(await figures()), more: { 'answers lost': (await front.done()) - before } }
    }),
  )

  fault(10, 'ClickHouse refuses: disk full, too many parts, read-only', {}, (rounds) =>
    withInstallation(rig(), async (installation) => {
      const { apart, round, answers, figures } = installation
      const { front } = rig()
      const random = seededRandom(10)
      const before = await front.done()
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(random.whole(50, 300))
          const [code, type] = refusals[count % refusals.length] ?? refusals[0]
          const begun = await retries(installation)
          await front.fault({ kind: 'refuse', code, type, statement: '^(INSERT|ALTER)', times: forEver })
          await until(async () => (await retries(installation)) >= begun + 3)
          // In some rounds for so long that the lease ends too.
          if (count % 3 === 2) await new Promise((resolve) => setTimeout(resolve, 20_000))
          await load.more(100)
          await front.clear()
        })
      expect(await select(answers, 'SELECT * FROM set_aside'), 'nothing is at fault but the server').toEqual([])
      expect(oneOf(apart.of('processor'), random)).toBeDefined()
      return { ...(await figures()), more: { refusals: (await front.done()) - before } }
    }),
  )
})

async function retries({ apart }: Installation): Promise<number> {
  const each = await Promise.all(apart.of('processor').map(({ url }) => metric(url, 'waymark_processor_retries_total')))
  return each.reduce((sum, count) => sum + count, 0)
}
