import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import { seededRandom, type Random } from '../../domain/random.ts'
import { apartSecret, until } from '../support/apart.ts'
import { startFrontChild } from '../support/chdb-http-front/child.ts'
import { versionBefore } from '../support/faults/before.ts'
import { fault, together, type Figures } from '../support/faults/fault.ts'
import { reconcile, shown } from '../support/faults/reconcile.ts'
import { install, metric, put, useRig, withInstallation, type Installation, type Rig } from '../support/faults/rig.ts'
import { eventsOf, messagesOf, withAdmin } from '../support/faults/topic.ts'
import { kafkaHere } from '../support/kafka.ts'
import { adminSecret } from '../support/server.ts'

describe.skipIf(!kafkaHere)('what is done to an installation', () => {
  const rig = useRig()

  fault(18, 'partitions added while running', { rounds: 5 }, (rounds) =>
    withInstallation(rig(), async ({ round, topic, figures }) => {
      const { kafka } = rig()
      let partitions = 6
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(200)
          partitions += 1
          await withAdmin(kafka.addresses, (admin) =>
            admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] }),
          )
          // Until events are sent to the new one too.
          await withAdmin(kafka.addresses, (admin) =>
            until(async () => {
              const offsets = await admin.fetchTopicOffsets(topic)
              return offsets.some(({ partition, high }) => partition === partitions - 1 && Number(high) > 3)
            }),
          )
        })
      return { ...(await figures()), more: { partitions } }
    }),
  )

  fault(19, 'offsets out of range after retention', { brief: true }, (rounds) =>
    withInstallation(rig(), async (installation) => {
      const { apart, answers, load, round, figures } = installation
      const random = seededRandom(19)
      const gone = new Set<string>()
      let messages = 0
      for (let count = 0; count < rounds; count++) {
        let deleted = 0
        const early = load()
        await early.more(random.whole(50, 200))
        await early.stop()
        // With nothing half done: what is in a trail without its facts, and then deleted, is in no count.
        await shown(answers)
        await Promise.all(apart.of('processor').map((processor) => apart.end(processor)))
        await round(
          async (under) => {
            await under.more(600)
            deleted = await deleteUnhandled(rig(), installation, random, gone)
            messages += deleted
            await Promise.all([apart.start('processor'), apart.start('processor')])
          },
          { excused: { gone } },
        )
        const counted = await Promise.all(
          apart.of('processor').map(({ url }) => metric(url, 'waymark_log_gone_messages_total')),
        )
        expect(deleted).toBeGreaterThan(0)
        expect(
          counted.reduce((sum, one) => sum + one, 0),
          'counted exactly',
        ).toBe(deleted)
      }
      return { ...(await figures({ gone })), more: { 'messages gone': messages, 'events in them': gone.size } }
    }),
  )

  fault(21, 'a program of the version before beside those of this one', { rounds: 3 }, (rounds) =>
    withInstallation(rig(), (installation) => besideTheVersionBefore(rig(), installation, rounds)),
  )

  fault(22, 'two installations started at once on an empty server', {}, async (rounds) => {
    const all: Figures[] = []
    for (let count = 0; count < rounds; count++) {
      const front = await startFrontChild()
      const started = await Promise.allSettled(
        ['first', 'second'].map((database) => install({ ...rig(), front }, { database })),
      )
      const installations = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      try {
        expect(installations.length).toBe(2)
        await Promise.all(installations.map(({ round }) => round((load) => load.more(300), { clients: 3 })))
        all.push(...(await Promise.all(installations.map(({ figures }) => figures()))))
      } finally {
        await Promise.all(installations.map(({ close }) => close()))
        await front.close()
      }
    }
    return { ...together(all), rounds }
  })
})

/**
 * Deletes, in some partitions, messages that the group has not committed, though never the last.
 * @returns how many; their events are added to `gone`
 */
async function deleteUnhandled(
  { kafka }: Rig,
  { topic }: Installation,
  random: Random,
  gone: Set<string>,
): Promise<number> {
  const messages = await messagesOf(kafka.addresses, topic)
  return withAdmin(kafka.addresses, async (admin) => {
    const [group] = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
    const committed = new Map(
      group?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]),
    )
    const partitions: { partition: number; offset: string }[] = []
    let count = 0
    for (const [partition, from] of committed) {
      const waiting = messages.filter((message) => message.partition === partition && message.offset >= from)
      if (waiting.length < 2 || random.chance(0.3)) continue
      const deleted = waiting.slice(0, random.whole(1, waiting.length - 1))
      for (const message of deleted) for (const key of eventsOf(message) ?? []) gone.add(key)
      partitions.push({ partition, offset: String((deleted.at(-1)?.offset ?? 0) + 1) })
      count += deleted.length
    }
    await admin.deleteTopicRecords({ topic, partitions })
    return count
  })
}

/**
 * One process of the version before sends to the same topic and reads it as a member of the same group, into a database of its
 * own, since it knows of no lease. So each version reads what the other wrote; together they store everything.
 */
async function besideTheVersionBefore(
  { kafka, front }: Rig,
  installation: Installation,
  rounds: number,
): Promise<Figures> {
  const { apart, answers, sent, topic } = installation
  const random = seededRandom(21)
  const version = versionBefore()
  const database = `before_${randomBytes(4).toString('hex')}`
  const startIt = () =>
    version.start({
      KAFKA_BROKERS: kafka.addresses.join(','),
      KAFKA_TOPIC: topic,
      CLICKHOUSE_URL: front.url,
      CLICKHOUSE_DATABASE: database,
      WAYMARK_SECRET: apartSecret,
      WAYMARK_ADMIN_KEY: adminSecret,
    })
  let program = await startIt()
  try {
    for (const service of ['one', 'other']) await put(program.url, service)
    let shared = 0
    let stored = 0
    const everything = { gone: new Set<string>() }
    for (let count = 0; count < rounds; count++) {
      const load = installation.load({ url: () => (random.chance(0.5) ? program.url : apart.url) })
      await load.more(1_000)
      program.process.kill(count % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
      await program.ended
      await load.more(300)
      program = await startIt()
      await load.more(1_000)
      await load.stop()
      // Either stores a part: what it has not is the other's.
      for (const key of sent.all.keys()) everything.gone.add(key)
      const own = await installation.settle(load, everything)
      await shown(program)
      const theirs = await reconcile({ ...answers, url: program.url, database }, sent, everything)
      const lost = [...sent.all].filter(
        ([key, { acknowledged }]) => acknowledged && !own.keys.has(key) && !theirs.keys.has(key),
      )
      expect(lost.slice(0, 5), 'acknowledged ⊆ stored by one of the two').toEqual([])
      expect(own.keys.size).toBeGreaterThan(0)
      expect(theirs.keys.size).toBeGreaterThan(0)
      shared = theirs.keys.size
      stored = new Set([...own.keys, ...theirs.keys]).size
    }
    return { ...(await installation.figures(everything)), stored, more: { 'of these by the version before': shared } }
  } finally {
    program.process.kill('SIGTERM')
    await program.ended
    version.remove()
  }
}
