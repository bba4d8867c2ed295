import { describe, expect } from 'vitest'
import { seededRandom } from '../../domain/random.ts'
import { until } from '../support/apart.ts'
import type { Fault } from '../support/chdb-http-front/faults.ts'
import { oneOf } from '../support/faults/choice.ts'
import { fault } from '../support/faults/fault.ts'
import { select } from '../support/faults/reconcile.ts'
import { metric, useRig, withInstallation, type Installation } from '../support/faults/rig.ts'
import { withAdmin } from '../support/faults/topic.ts'
import { kafkaHere } from '../support/kafka.ts'

const frozenMs = 40_000

describe.skipIf(!kafkaHere)('what happens to processors', () => {
  const rig = useRig()

  /** Resolves when the front does this fault to a statement of the processor that works. */
  const during = async (what: Fault) => {
    const { front } = rig()
    const before = await front.done()
    await front.fault(what)
    await until(async () => (await front.done()) > before)
  }

  fault(2, 'processor killed between insert and commit', { brief: true }, (rounds) =>
    withInstallation(rig(), async ({ apart, round, replace }) => {
      const random = seededRandom(2)
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(random.whole(100, 400))
          const active = await apart.active()
          // The trail is written: now the facts are, or all is and the lease is looked at, after which it commits.
          await during({
            kind: 'slow',
            ms: 2_000,
            statement: count % 2 === 0 ? '^INSERT INTO facts' : '^SELECT .* AS held',
          })
          await replace(active, 'SIGKILL')
        })
    }),
  )

  fault(3, 'processor killed in the middle of an insert', {}, (rounds) =>
    withInstallation(rig(), async ({ apart, round, replace }) => {
      const random = seededRandom(3)
      const statement = '^INSERT INTO trail'
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(random.whole(100, 400))
          const active = await apart.active()
          // The rows have come and are stored after it is dead; or they have not all come, and none is.
          await during(count % 2 === 0 ? { kind: 'slow', ms: 2_000, statement } : { kind: 'upload-cut', statement })
          await replace(active, 'SIGKILL')
        })
    }),
  )

  fault(12, 'processors join and leave', {}, (rounds) =>
    withInstallation(rig(), async ({ apart, round, figures }) => {
      const random = seededRandom(12)
      let changes = 0
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          for (let change = 0; change < 4; change++) {
            await load.more(random.whole(30, 150))
            const there = apart.of('processor')
            if (there.length < 2 || (there.length < 4 && random.chance(0.5))) await apart.start('processor')
            // In half of the cases the one that works.
            else
              await apart.end(
                random.chance(0.5) ? await apart.active() : oneOf(there, random),
                random.chance(0.7) ? 'SIGTERM' : 'SIGKILL',
              )
            changes += 1
          }
        })
      return { ...(await figures()), more: { 'joined and left': changes } }
    }),
  )

  fault(13, 'processor frozen for 40 s in the middle of a batch, and woken', { rounds: 3 }, (rounds) =>
    withInstallation(rig(), async (installation) => {
      const { apart, round, figures } = installation
      const { front, kafka } = rig()
      const random = seededRandom(13)
      let written = 0
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(random.whole(100, 400))
          const frozen = await apart.active()
          await during({ kind: 'slow', ms: 1_500, statement: '^INSERT INTO trail' })
          const old = await epoch(installation)
          const late = `^INSERT INTO facts[^]*= ${old} /\\* under a lease`
          frozen.process.kill('SIGSTOP')
          const thawed = new Promise((resolve) => setTimeout(resolve, frozenMs))
          await until(async () => (await epoch(installation)) > old)
          // What it had in hand, and more, is another's work by now.
          await load.more(1_000)
          await thawed
          const before = await front.ran(late)
          // Its sign of life, by which it learns that it is late, waits for longer than what it was about to write.
          await front.fault({ kind: 'slow', ms: 3_000, statement: '^INSERT INTO leases', times: 3 })
          const watch = watchCommitted(kafka.addresses, installation.topic)
          frozen.process.kill('SIGCONT')
          await until(async () => (await front.ran(late)) > before)
          written += (await front.ran(late)) - before
          await load.more(500)
          await until(async () => (await metric(frozen.url, 'waymark_processor_active')) === 0)
          expect(await watch.stop(), 'what is committed only rises').toBe(true)
        })
      return { ...(await figures()), more: { 'statements of the woken ones': written } }
    }),
  )
})

/** The epoch of the lease. */
async function epoch({ answers }: Installation): Promise<number> {
  const [row] = await select<{ epoch: number }>(answers, 'SELECT max(epoch) AS epoch FROM leases')
  return row?.epoch ?? 0
}

/** Looks at what the group has committed again and again. */
function watchCommitted(brokers: readonly string[], topic: string): { stop: () => Promise<boolean> } {
  let watching = true
  const rises = withAdmin(brokers, async (admin) => {
    const last = new Map<number, number>()
    let rising = true
    for (let looks = 0; watching || looks < 2; looks++) {
      const [group] = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
      for (const { partition, offset } of group?.partitions ?? []) {
        if (Number(offset) < (last.get(partition) ?? -1)) rising = false
        last.set(partition, Number(offset))
      }
    }
    return rising
  })
  rises.catch(() => undefined)
  return {
    stop: () => {
      watching = false
      return rises
    },
  }
}
