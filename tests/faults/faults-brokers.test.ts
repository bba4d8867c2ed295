import { describe, expect } from 'vitest'
import { seededRandom } from '../../domain/random.ts'
import { until } from '../support/apart.ts'
import { allFaults, fault } from '../support/faults/fault.ts'
import { useRig, withInstallation } from '../support/faults/rig.ts'
import { kafkaHere } from '../support/kafka.ts'

const awayMs = 60_000

describe.skipIf(!kafkaHere)('what happens to a broker', () => {
  const rig = useRig()

  fault(4, 'broker killed and started again', { brief: true }, (rounds) =>
    withInstallation(rig(), async ({ round }) => {
      const { kafka } = rig()
      const random = seededRandom(4)
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(random.whole(200, 800))
          kafka.broker(0).kill('SIGKILL')
          await kafka.broker(0).ended
          await kafka.restart(0)
        })
    }),
  )

  fault(6, 'all brokers away for 60 s', { rounds: 3 }, (rounds) =>
    withInstallation(rig(), async ({ apart, round, figures }) => {
      const { kafka } = rig()
      let refused = 0
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(300)
          kafka.broker(0).kill('SIGKILL')
          await kafka.broker(0).ended
          const back = new Promise((resolve) => setTimeout(resolve, awayMs))
          await until(async () => load.counts().refused > 20)
          for (const { url } of apart.of('collector'))
            await until(async () => (await fetch(`${url}/readyz`)).status === 503)
          await back
          refused += load.counts().refused
          await kafka.restart(0)
        })
      return { ...(await figures()), more: { 'answered 503': refused } }
    }),
  )
})

if (allFaults)
  describe.skipIf(!kafkaHere)('what happens to three brokers', () => {
    const rig = useRig({ brokers: 3 })

    fault(5, 'one of three brokers gone, then another', {}, (rounds) =>
      withInstallation(rig(), async ({ round, sent, figures }) => {
        const { kafka } = rig()
        const random = seededRandom(5)
        let meanwhile = 0
        for (let count = 0; count < rounds; count++)
          await round(async (load) => {
            const first = count % 3
            const second = (count + random.whole(1, 2)) % 3
            await load.more(random.whole(100, 400))
            kafka.broker(first).kill('SIGKILL')
            await kafka.broker(first).ended
            // Two of three are in sync: it goes on.
            const before = sent.acknowledged
            await load.more(500)
            meanwhile += sent.acknowledged - before
            const refused = load.counts().refused
            kafka.broker(second).kill('SIGKILL')
            await kafka.broker(second).ended
            // One alone may acknowledge nothing.
            await until(async () => load.counts().refused > refused + 5)
            await kafka.restart(second)
            await load.more(200)
            await kafka.restart(first)
          })
        return { ...(await figures()), more: { 'acknowledged with two': meanwhile } }
      }),
    )

    fault(20, 'rolling restart of everything by SIGTERM', { rounds: 5 }, (rounds) =>
      withInstallation(rig(), async ({ apart, round, figures }) => {
        const { kafka } = rig()
        const before = [...apart.programs]
        for (let count = 0; count < rounds; count++)
          await round(async (load) => {
            for (const name of ['collector', 'processor', 'api'] as const)
              for (const program of apart.of(name)) {
                // As a rolling update does it: one more comes before one goes.
                await apart.start(name)
                expect((await apart.end(program)).code, name).toBe(0)
                await load.more(50)
              }
            for (const broker of [0, 1, 2]) {
              await kafka.broker(broker).stop()
              await kafka.restart(broker)
              await load.more(50)
            }
          })
        const restarts = apart.programs.length - before.length
        return { ...(await figures()), more: { 'programs started': restarts, 'brokers started': rounds * 3 } }
      }),
    )
  })
