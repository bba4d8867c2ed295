import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect } from 'vitest'
import { seededRandom } from '../../domain/random.ts'
import { oneOf } from '../support/faults/choice.ts'
import { fault } from '../support/faults/fault.ts'
import { Journeys } from '../support/faults/load.ts'
import { reconcile } from '../support/faults/reconcile.ts'
import { useRig, withInstallation, type Installation } from '../support/faults/rig.ts'
import { adminSecret } from '../support/server.ts'
import { kafkaHere } from '../support/kafka.ts'

describe.skipIf(!kafkaHere)('what happens to collectors', () => {
  const rig = useRig()

  fault(1, 'collector killed in the middle of requests', { brief: true }, (rounds) =>
    withInstallation(rig(), async (installation) => {
      const { apart, round, replace } = installation
      const random = seededRandom(1)
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(random.whole(200, 600))
          await replace(oneOf(apart.of('collector'), random), 'SIGKILL')
          await load.more(random.whole(50, 200))
        })
      const figures = await installation.figures()
      await expectNoticed(installation)
      return figures
    }),
  )

  fault(11, 'connection of a client reset in the middle of a body', {}, (rounds) =>
    withInstallation(rig(), async (installation) => {
      const { apart, round, sent, answers } = installation
      const random = seededRandom(11)
      const journeys = new Journeys('reset', [['one', 1]], random)
      const halves = new Set<string>()
      let resets = 0
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          for (let reset = 0; reset < 30; reset++) {
            await load.more(random.whole(1, 10))
            const kind = random.pick(['half', 'half', 'half of NDJSON', 'whole'] as const)
            const { keys, again } = await resetOne(
              oneOf(apart.of('collector'), random).url,
              kind,
              installation,
              journeys,
            )
            resets += 1
            if (random.chance(0.5)) {
              expect(await again()).toBe(true)
              sent.acknowledge(keys)
            } else if (kind !== 'whole') for (const key of keys) halves.add(key)
          }
        })
      const { keys } = await reconcile(answers, sent)
      expect(halves.size).toBeGreaterThan(rounds)
      expect(
        [...halves].filter((key) => keys.has(key)),
        'nothing of half a body is stored',
      ).toEqual([])
      return { ...(await installation.figures()), more: { resets } }
    }),
  )
})

type Kind = 'half' | 'half of NDJSON' | 'whole'

/** Sends a body, or half of it, and resets the connection. @returns what sends all of it once more, and says whether it was taken */
async function resetOne(
  url: string,
  kind: Kind,
  { sent }: Installation,
  journeys: Journeys,
): Promise<{ keys: readonly string[]; again: () => Promise<boolean> }> {
  const { service, reference, events } = journeys.next()
  const keys = sent.add(service, reference, events)
  const ndjson = kind === 'half of NDJSON'
  const type = ndjson ? 'application/x-ndjson' : 'application/json'
  const body = ndjson
    ? events.map((event) => `${JSON.stringify({ service, journey: reference, ...event })}\n`).join('')
    : JSON.stringify({ service, journey: reference, events })
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const head = `POST /v1/events HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${adminSecret}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  // Of NDJSON whole lines have come then, and could be taken.
  const sentBody = kind === 'whole' ? body : ndjson ? body.slice(0, -2) : body.slice(0, Math.floor(body.length / 2))
  await new Promise<void>((resolve) => socket.write(head + sentBody, () => resolve()))
  socket.resetAndDestroy()
  return {
    keys,
    again: async () => {
      const headers = { authorization: `Bearer ${adminSecret}`, 'content-type': type }
      const response = await fetch(`${url}/v1/events`, { method: 'POST', headers, body })
      return response.ok
    },
  }
}

/** What all these tests rely on: an event too few, one too many, and one that is twice in a count, are found. */
async function expectNoticed({ answers, sent, apart }: Installation): Promise<void> {
  const [never] = sent.add('one', 'never sent', [
    { type: 'step', step: 'start', at: Date.now() - 4 * 3_600_000, seq: 1 },
  ])
  if (never === undefined) throw new Error('it was added')
  sent.acknowledge([never])
  await expect(reconcile(answers, sent)).rejects.toThrow('acknowledged ⊆ stored')
  sent.all.delete(never)
  const [[key, event]] = [...sent.all].filter(([, one]) => one.acknowledged) as [[string, never]]
  sent.all.delete(key)
  await expect(reconcile(answers, sent)).rejects.toThrow('stored ⊆ sent')
  sent.all.set(key, event)
  const trail = `INSERT INTO facts SELECT * REPLACE (revision + 1 AS revision, events + 1 AS events) FROM facts FINAL WHERE service = 'one' LIMIT 1`
  const { clickHouse, database } = answers
  const response = await fetch(`${clickHouse}/?database=${database}`, { method: 'POST', body: trail })
  expect(response.status, await response.text()).toBe(200)
  await expect(reconcile({ ...answers, url: apart.url }, sent)).rejects.toThrow('each event once in its facts')
}
