import { describe, expect } from 'vitest'
import { seededRandom, type Random } from '../../domain/random.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { encodeEvents } from '../../infra/event-text.ts'
import { deadLettersOf } from '../../infra/kafka/topic.ts'
import { fault } from '../support/faults/fault.ts'
import { deliverAll, Journeys, jsonRequest, ndjsonRequest, steps, type Request } from '../support/faults/load.ts'
import { misfits, poison } from '../support/faults/poison.ts'
import { headers, select } from '../support/faults/reconcile.ts'
import { metric, useRig, withInstallation, type Installation, type Rig } from '../support/faults/rig.ts'
import type { SentEvents } from '../support/faults/sent.ts'
import { eventsOf, messagesOf, testClient } from '../support/faults/topic.ts'
import { kafkaHere } from '../support/kafka.ts'
import { storedEvent } from '../support/trails.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

describe.skipIf(!kafkaHere)('what comes in messages', () => {
  const rig = useRig()

  fault(14, 'poison: malformed, unknown service, oversized, future version', { brief: true }, (rounds) =>
    withInstallation(rig(), async (installation) => {
      const { round, figures } = installation
      const random = seededRandom(14)
      const unknown = new Set<string>()
      const aside = new Set<string>()
      let messages = 0
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(random.whole(50, 200))
          messages += await sendPoison(rig(), installation, random, { unknown, aside })
          await load.more(random.whole(50, 200))
        })
      const more = await expectDeadLetters(rig(), installation, messages, unknown)
      return { ...(await figures({ gone: new Set([...unknown, ...aside]) })), more }
    }),
  )

  fault(15, 'everything three times, shuffled', {}, (rounds) =>
    withInstallation(rig(), async ({ apart, round, sent, figures }) => {
      const random = seededRandom(15)
      for (let count = 0; count < rounds; count++)
        await round(
          async () => {
            await deliverAll(apart.url, thrice(`thrice-${count}`, sent, random), sent)
          },
          { clients: 1 },
        )
      const all = await figures()
      expect(all.copies).toBeGreaterThan(all.stored)
      return all
    }),
  )

  fault(16, 'clocks years off in one batch', {}, (rounds) =>
    withInstallation(rig(), async ({ apart, round, sent, figures }) => {
      const { front } = rig()
      const random = seededRandom(16)
      for (let count = 0; count < rounds; count++)
        await round(async (load) => {
          await load.more(100)
          // What waits for it comes in one batch when it is back.
          await front.away()
          await sendOff(apart.url, `off-${count}`, sent, random)
          await load.more(100)
          await front.back()
        })
      return figures()
    }),
  )

  fault(17, 'one journey with 5,000 events, one service with nine tenths of the traffic', {}, (rounds) =>
    withInstallation(
      rig(),
      async ({ apart, round, sent, figures, answers }) => {
        const random = seededRandom(17)
        for (let count = 0; count < rounds; count++)
          await round(async (load) => {
            await load.more(100)
            await deliverAll(apart.url, longJourney(`long-${count}`, sent, random), sent)
            await load.more(300)
          })
        const long = await select<{ events: number; dropped: number }>(
          answers,
          "SELECT events, eventsDropped AS dropped FROM facts FINAL WHERE service = 'busy' AND events > 4000",
        )
        expect(long).toEqual(Array.from({ length: rounds }, () => ({ events: 5_000, dropped: 0 })))
        return figures()
      },
      {
        services: [
          ['busy', 9],
          ['quiet', 1],
        ],
      },
    ),
  )
})

/** @returns how many messages are to be dead letters */
async function sendPoison(
  { kafka }: Rig,
  { topic, sent }: Installation,
  random: Random,
  { unknown, aside }: { unknown: Set<string>; aside: Set<string> },
): Promise<number> {
  const producer = testClient(kafka.addresses).producer({ createPartitioner: () => () => random.whole(0, 5) })
  await producer.connect()
  const dead = poison(random)
  const journey = random
    .whole(0, 2 ** 31)
    .toString(16)
    .padStart(16, '0')
  const stranger = storedEvent({ service: 'nobody-knows', journey, identity: random.whole(1, 2 ** 40) })
  unknown.add(`nobody-knows/${journey}/${stranger.identity}`)
  const misfitting = misfits(random).map(({ value }) => value)
  for (const value of misfitting) for (const key of eventsOf({ value }) ?? []) aside.add(key)
  const messages = [...dead.map(({ value }) => value), ...misfitting, versioned([stranger])]
  // Larger than any that is sent, and full of events all the same.
  messages.push(versioned(large(random, sent)))
  for (const value of messages.sort(() => random.next() - 0.5)) await producer.send({ topic, messages: [{ value }] })
  await expect(producer.send({ topic, messages: [{ value: Buffer.alloc(2_000_000) }] })).rejects.toThrow(
    /too large|larger/i,
  )
  await producer.disconnect()
  return dead.length
}

const versioned = (events: readonly StoredEvent[]): Buffer =>
  Buffer.concat([Buffer.from([1]), Buffer.from(encodeEvents(events))])

/** Some 400 KB of events, each known to be sent and acknowledged by the brokers. */
function large(random: Random, sent: SentEvents): readonly StoredEvent[] {
  const at = Date.now() - 5 * hourMs
  const mark = random.whole(0, 2 ** 31)
  return Array.from({ length: 5_000 }, (_, index) => {
    const event = { id: `${index}`, type: 'step', step: 'start', at: at + index, seq: index } as const
    const keys = sent.add('one', `large-${mark}-${index % 50}`, [event])
    sent.acknowledge(keys)
    const [service = '', journey = '', identity] = (keys[0] ?? '').split('/')
    return storedEvent({ service, journey, identity: Number(identity), step: event.step, at: event.at, seq: event.seq })
  })
}

/** Acknowledged by the brokers = stored + dead-lettered + set aside. */
async function expectDeadLetters(
  { kafka }: Rig,
  { topic, answers, apart }: Installation,
  messages: number,
  unknown: ReadonlySet<string>,
): Promise<Record<string, number>> {
  const place = ({ partition, offset }: { partition: number | string; offset: number | string }) =>
    `${partition}/${offset}`
  const dead = new Map(
    (await messagesOf(kafka.addresses, topic))
      .filter((message) => eventsOf(message) === undefined)
      .map((message) => [place(message), message]),
  )
  expect(dead.size).toBe(messages)
  const letters = await messagesOf(kafka.addresses, deadLettersOf(topic))
  const found = new Set<string>()
  for (const { value, headers: given } of letters) {
    const header = (name: string) => String(given?.[name])
    const from = place({ partition: header('partition'), offset: header('offset') })
    found.add(from)
    expect(header('reason').length).toBeGreaterThan(5)
    expect((value ?? Buffer.alloc(0)).equals(dead.get(from)?.value ?? Buffer.alloc(0)), 'as it came').toBe(true)
  }
  expect([...found].sort()).toEqual([...dead.keys()].sort())
  const counted = await Promise.all(
    apart.of('processor').map(({ url }) => metric(url, 'waymark_log_dead_letters_total')),
  )
  expect(counted.reduce((sum, one) => sum + one, 0)).toBe(letters.length)
  const strangers = await select<{ journey: string }>(
    answers,
    "SELECT journey FROM trail FINAL WHERE service = 'nobody-knows'",
  )
  expect(strangers.length).toBe(unknown.size)
  const aside = await select<{ reason: string }>(answers, 'SELECT reason FROM set_aside FINAL')
  const misfitsSeen = aside.filter(({ reason }) => /whole number|64-bit|BigInt|32-bit/.test(reason)).length
  expect(misfitsSeen).toBe((messages / 12) * 3)
  const response = await fetch(`${answers.url}/v1/status`, { headers })
  const { refusedEvents } = (await response.json()) as { refusedEvents: number }
  expect(refusedEvents).toBeGreaterThanOrEqual(aside.length)
  return { 'dead letters': found.size, 'set aside only': misfitsSeen, 'of an unknown service': unknown.size }
}

/** Journeys as they come, and twice more, in other company and another order. */
function thrice(name: string, sent: SentEvents, random: Random): readonly Request[] {
  const services = [
    ['one', 1],
    ['other', 1],
  ] as const
  const journeys = new Journeys(name, services, random)
  const all = Array.from({ length: 150 }, () => journeys.next())
  const requests = all.map(({ service, reference, events }) =>
    jsonRequest(service, reference, shuffled(events, random), sent),
  )
  const lines = all.flatMap(({ events, ...whose }) => events.map((event) => ({ ...whose, event })))
  for (const copy of [shuffled(lines, random), shuffled(lines, random)])
    for (let from = 0; from < copy.length; from += 30) requests.push(ndjsonRequest(copy.slice(from, from + 30), sent))
  return shuffled(requests, random)
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, by: random.next() }))
    .sort((a, b) => a.by - b.by)
    .map(({ item }) => item)
}

const browser =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36'

/** Browsers whose clocks are years off, and secret keys that send what is years old, or of tomorrow. */
async function sendOff(url: string, name: string, sent: SentEvents, random: Random): Promise<void> {
  const journeys = new Journeys(name, [['one', 1]], random)
  const requests: Request[] = []
  const one = async (): Promise<void> => {
    const { service, reference, events } = journeys.next()
    // Without an id it is the time as sent that tells an event from others.
    const known = events.map((event) => ({ ...event, id: `e${event.seq}` }))
    const keys = sent.add(service, reference, known, 61_000)
    const off = random.pick([-9, -3, 4, 11] as const) * 365 * dayMs + random.whole(-dayMs, dayMs)
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': browser },
      body: JSON.stringify({
        service,
        journey: reference,
        sentAt: Date.now() + off,
        events: known.map((event) => ({ ...event, at: event.at + off })),
      }),
    })
    expect(response.status, await response.text()).toBe(204)
    sent.acknowledge(keys)
  }
  for (let count = 0; count < 40; count++) {
    const year = random.whole(1971, 2020)
    const at = random.chance(0.2) ? Date.now() + 20 * hourMs : Date.UTC(year, 0, 1) + random.whole(0, 300 * dayMs)
    const events = steps
      .slice(0, random.whole(1, 5))
      .map((step, index) => ({ type: 'step' as const, step, at: at + index * 1_000, seq: index }))
    requests.push(jsonRequest('one', `${name}-keyed-${count}`, events, sent))
  }
  await Promise.all([deliverAll(url, requests, sent), ...Array.from({ length: 60 }, one)])
}

/** Its steps, and between them thousands that are of no funnel; some of it twice. */
function longJourney(name: string, sent: SentEvents, random: Random): readonly Request[] {
  const at = Date.now() - 10 * hourMs
  const events = Array.from({ length: 5_000 }, (_, index) => ({
    id: `e${index}`,
    type: 'step' as const,
    step: index % 1_250 === 0 || index === 4_999 ? (steps[Math.ceil(index / 1_250)] ?? 'done') : `page-${index % 50}`,
    at: at + index * 500,
    seq: index,
  }))
  const mixed = shuffled(events, random)
  const requests: Request[] = []
  for (let from = 0; from < mixed.length; from += 100) {
    const some = jsonRequest('busy', name, mixed.slice(from, from + 100), sent)
    requests.push(some, ...(random.chance(0.2) ? [some] : []))
  }
  return shuffled(requests, random)
}
