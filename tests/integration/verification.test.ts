import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { normaliseFunnel, serviceInput, type FunnelInput, type Service } from '../../domain/service.ts'
import { raw, sql } from '../../domain/sql.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { tellKey } from '../../domain/tally/keys.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'
import { emptyTables, fixedClock } from '../support/processing.ts'
import { randomFunnel, randomTrail } from '../support/random-funnels.ts'
import { seededRandom, type Random } from '../support/random.ts'
import { storedEvent } from '../support/trails.ts'
import { openVerified, type Verified } from '../support/verified.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20261124)
const hour = 3_600_000
const day = 24 * hour
const now = Date.UTC(2026, 2, 29, 15, 30)

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

interface Bench {
  readonly verified: Verified
  readonly service: Service
  readonly clock: { now(): number; set(now: number): void }
}

async function bench(funnel: FunnelInput, timeZone = 'Europe/London', clock = fixedClock(now)): Promise<Bench> {
  const registry = openMemoryRegistry({ clock })
  const service = await registry.putService('renew', serviceInput.parse({ name: 'r', timeZone, funnel }))
  return { verified: await openVerified({ stores, registry, clock }), service, clock }
}

/** Spread over all hashes, as real ones are. */
const hash = (index: number) =>
  BigInt.asUintN(64, BigInt(index + 1) * 0x9e3779b97f4a7c15n)
    .toString(16)
    .padStart(16, '0')

const steps: FunnelInput = { steps: ['start', { step: 'details', optional: true }, 'done'], window: 'PT2H' }

/** Journeys of thirty hours, half of which complete; the last of them are open, or within the hours of the edge. */
function journeys(from: number, to: number): StoredEvent[] {
  return Array.from({ length: to - from }, (_, index) => from + index).flatMap((index) => {
    const at = now - 10 * 60_000 - (index % 30) * hour
    const event = { journey: hash(index), dimensions: [['kind', index % 3 === 0 ? 'new' : "it's"] as const] }
    return [
      storedEvent({ ...event, identity: 1, step: 'start', at }),
      ...(index % 4 === 0 ? [storedEvent({ ...event, identity: 2, step: 'details', at: at + 60_000, seq: 1 })] : []),
      ...(index % 2 === 0 ? [storedEvent({ ...event, identity: 3, step: 'done', at: at + 90_000, seq: 2 })] : []),
    ]
  })
}

/** Sealed twice, with journeys that came or went on since. */
async function filled(clock?: Bench['clock']): Promise<Bench> {
  const made = await bench(steps, undefined, clock)
  await made.verified.write(journeys(0, 60))
  await made.verified.sealing.seal()
  await made.verified.write(journeys(50, 90))
  await made.verified.sealing.seal()
  await made.verified.write([
    ...journeys(90, 100),
    storedEvent({ journey: hash(1), identity: 9, step: 'done', at: now - 60_000, seq: 3 }),
  ])
  return made
}

/** Its day is the last. */
const today = { from: Date.UTC(2026, 2, 29, 12), to: Date.UTC(2026, 2, 29, 13) }

const run = (statement: string) => stores.writes.command(raw(`${statement} SETTINGS mutations_sync = 2`))

const journeyOf = (index: number) => `toUInt64(${BigInt(`0x${hash(index)}`)})`

/** Everything that can go wrong, and which table says so. */
const corruptions: readonly { what: string; table: 'facts' | 'rollup' | 'edge'; statement: string }[] = [
  {
    what: 'a row of the rollup is lost',
    table: 'rollup',
    statement: `ALTER TABLE rollups DELETE WHERE dimension = 'kind' AND value = 'new' AND grain = 'hour'
      AND bucket = (SELECT max(bucket) FROM rollups WHERE dimension = 'kind' AND value = 'new' AND grain = 'hour')`,
  },
  {
    what: 'a row of the rollup by days is lost',
    table: 'rollup',
    statement: `ALTER TABLE rollups DELETE WHERE dimension = '' AND grain = 'day'
      AND bucket = (SELECT max(bucket) FROM rollups WHERE grain = 'day')`,
  },
  {
    what: 'a count of the rollup is another',
    table: 'rollup',
    statement: `ALTER TABLE rollups UPDATE counts = arrayMap((c, i) -> if(i = 1, c + 1, c), counts, arrayEnumerate(counts))
      WHERE dimension = '' AND grain = 'hour'
        AND bucket = (SELECT max(bucket) FROM rollups WHERE dimension = '' AND grain = 'hour')`,
  },
  {
    what: 'a count of times is another',
    table: 'rollup',
    statement: `ALTER TABLE rollups UPDATE timeCounts = arrayMap(c -> c + 1, timeCounts)
      WHERE dimension = '' AND grain = 'hour' AND notEmpty(timeCounts)`,
  },
  {
    what: 'what a journey was is lost',
    table: 'rollup',
    statement: `ALTER TABLE unsealed DELETE WHERE journey = ${journeyOf(1)} AND present = 0
      AND seal = (SELECT max(seal) FROM unsealed)`,
  },
  {
    what: 'what a journey has become is lost',
    table: 'rollup',
    statement: `ALTER TABLE unsealed DELETE WHERE journey = ${journeyOf(97)} AND present = 1`,
  },
  {
    what: 'what a journey has become is another',
    table: 'rollup',
    statement: `ALTER TABLE unsealed UPDATE completed = 1 - completed, failed = 0 WHERE journey = ${journeyOf(97)} AND present = 1`,
  },
  {
    what: 'a verdict of facts is another',
    table: 'facts',
    statement: `ALTER TABLE facts UPDATE completed = 1 - completed WHERE journey = ${journeyOf(33)}`,
  },
  {
    what: 'a step of facts is another',
    table: 'facts',
    statement: `ALTER TABLE facts UPDATE step = arrayReverse(arrayMap(s -> s + 1, step)) WHERE journey = ${journeyOf(40)}`,
  },
  {
    what: 'facts of a journey are lost',
    table: 'facts',
    statement: `ALTER TABLE facts DELETE WHERE journey = ${journeyOf(42)}`,
  },
  {
    what: 'an entry of the edge is lost',
    table: 'edge',
    statement: `ALTER TABLE edge_journeys DELETE WHERE journey = (SELECT max(journey) FROM edge_journeys)`,
  },
]

describe('a verification', () => {
  it('finds nothing where nothing is wrong', async () => {
    const { verified } = await filled()
    const [edge] = await stores.reads.select<{ rows: string }>(sql`SELECT count() AS rows FROM edge_journeys`)
    expect(Number(edge?.rows)).toBeGreaterThan(0)
    expect(await verified.verify('renew')).toMatchObject({
      service: 'renew',
      sealed: true,
      hours: 30,
      journeys: 100,
      notJudged: 0,
      daysUnsettled: 0,
      differences: 0,
      listed: [],
    })
  })

  it('says where and by how much', async () => {
    const { verified } = await filled()
    const bucket = Math.floor((now - 10 * 60_000 - 3 * hour) / hour) * hour
    await run(
      `ALTER TABLE rollups DELETE WHERE dimension = 'kind' AND value = 'new' AND grain = 'hour' AND bucket = ${bucket}`,
    )
    const { listed } = await verified.verify('renew')
    for (const one of listed)
      expect(one).toMatchObject({ table: 'rollup', dimension: 'kind', value: 'new', grain: 'hour', bucket, sealed: 0 })
    expect(listed.map((one) => (one.table === 'rollup' ? tellKey(one.key) : ''))).toContain('depth 1, pending')
  })

  it('looks only at the days that it is asked about', async () => {
    const { verified } = await filled()
    await run(`ALTER TABLE rollups DELETE WHERE grain = 'hour' AND bucket < ${now - 20 * hour}`)
    expect(await verified.verify('renew', today)).toMatchObject({
      differences: 0,
      hours: 16,
      to: now - (now % day) + 23 * hour,
    })
    expect((await verified.verify('renew')).differences).toBeGreaterThan(0)
  })

  it('comes to an end where every statement takes long, however few its journeys', async () => {
    let late = 0
    const given = fixedClock(now)
    // Half a second passes with every look: more than a piece should take.
    const slow = { ...given, now: () => given.now() + (late += 500) }
    const { verified } = await filled(slow)
    expect(await verified.verify('renew')).toMatchObject({ journeys: 100, differences: 0 })
  })

  it('takes what has expired as counted, and only that', async () => {
    const { verified, clock } = await filled()
    const gone = `journey IN (${[7, 8].map(journeyOf).join(', ')})`
    await stores.writes.command(raw(`DELETE FROM trail WHERE ${gone}`))
    await stores.writes.command(raw(`DELETE FROM facts WHERE ${gone}`))
    expect((await verified.verify('renew')).differences).toBeGreaterThan(0)
    clock.set(now + 40 * day)
    await stores.writes.insert('removals', ['service', 'what', 'revision'], [['renew', 'expired', clock.now()]])
    expect(await verified.verify('renew')).toMatchObject({ differences: 0 })
    await run(`ALTER TABLE rollups DELETE WHERE bucket = (SELECT max(bucket) FROM rollups WHERE grain = 'hour')`)
    expect((await verified.verify('renew')).differences).toBeGreaterThan(0)
  })

  it('has nothing to say of a service without events', async () => {
    const { verified } = await bench(steps)
    expect(await verified.verify('renew')).toMatchObject({
      from: null,
      to: null,
      hours: 0,
      differences: 0,
      sealed: false,
    })
  })
})

describe('a sample', () => {
  it('finds nothing where nothing is wrong, wherever it looks', async () => {
    const { verified } = await filled()
    for (const chance of [0, 0.3, 0.999]) await verified.sample([0.5, 0, chance])
    expect(verified.found).toEqual([])
    expect(verified.samplesJourneys()).toBe(300)
  })

  it('leaves alone what nobody could count again', async () => {
    const { verified } = await filled()
    await stores.writes.insert('removals', ['service', 'what', 'revision'], [['renew', 'expired', now - day]])
    await run(`ALTER TABLE rollups DELETE WHERE bucket = (SELECT max(bucket) FROM rollups WHERE grain = 'hour')`)
    await verified.sample([0, 0, 0.999])
    expect(verified.found).toMatchObject([{ service: 'renew', healed: false }])
    await verified.sealing.seal()
    expect((await verified.verify('renew')).differences).toBeGreaterThan(0)
  })
})

describe('what goes wrong', () => {
  it.each(corruptions)('is found and healed: $what', async ({ table, statement }) => {
    const { verified } = await filled()
    await run(statement)
    const { differences, listed } = await verified.verify('renew', today)
    expect(differences).toBeGreaterThan(0)
    expect(listed.map((one) => one.table)).toContain(table)
    await verified.sample([0, 0, 0.999])
    expect(verified.found).toMatchObject([{ service: 'renew', healed: true }])
    await verified.sealing.seal()
    expect(await verified.verify('renew')).toMatchObject({ sealed: true, journeys: 100, differences: 0 })
  })
})

describe('any history', { timeout: 60_000 }, () => {
  const zones = ['Europe/London', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'] as const

  it.each([0, 1, 2])('verifies, and does not once a number of it is another (%i)', async (turn) => {
    const random = seededRandom(seed + turn)
    const { verified, service, clock } = await bench(randomFunnel(random), random.pick(zones))
    const events = Array.from({ length: 60 }, (_, index) => randomJourney(random, service, index)).flat()
    // Copies, parts and all orders: each round brings some of the events, those of before among them.
    for (let round = random.whole(1, 4); round >= 0; round -= 1) {
      await verified.write(round === 0 ? events : events.filter(() => random.chance(0.5)))
      if (random.chance(0.7)) await verified.sealing.seal()
      clock.set(clock.now() + random.whole(0, 3) * hour)
    }
    await verified.sealing.seal()
    await verified.write(events.filter(() => random.chance(0.2)))
    const told = `FUZZ_SEED=${seed}: ${JSON.stringify(service.funnel)}`
    expect(await verified.verify('renew'), told).toMatchObject({ differences: 0, sealed: true })
    await run(`ALTER TABLE rollups UPDATE counts = arrayMap(c -> c * 2, counts)
      WHERE (dimension, grain, bucket, value) = (SELECT dimension, grain, bucket, value FROM rollups
        WHERE arraySum(counts) != 0 ORDER BY cityHash64(dimension, grain, bucket, value) LIMIT 1)`)
    expect((await verified.verify('renew')).differences, told).toBeGreaterThan(0)
  })
})

function randomJourney(random: Random, service: Service, index: number): StoredEvent[] {
  const trail = randomTrail(random, normaliseFunnel(service.funnel))
  const first = trail[0]?.at ?? 0
  const anywhere = now - random.whole(0, 60 * hour)
  const begin = random.chance(0.3) ? Math.floor(anywhere / hour) * hour - random.whole(0, 1) : anywhere
  const kind = random.pick(["it's", 'b,c', undefined])
  return trail.map((event, identity) =>
    storedEvent({
      ...event,
      identity,
      journey: hash(index),
      at: event.at - first + begin,
      dimensions: kind === undefined ? [] : [['kind', kind]],
    }),
  )
}
