import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { raw } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { loadSample } from '../../infra/sample/load.ts'
import { receiptsDefinition, receiptsService } from '../../infra/sample/receipts.ts'
import { defaultPace } from '../../processor/sealing/sealer.ts'
import type { FunnelAsk } from '../../queries/context.ts'
import { createQuestions } from '../../queries/questions.ts'
import { makeDataSet, openDataSet, type Opened } from '../bench/query-data.ts'
import { benchServices, largest, middle, withOptionalStep, withTwentySteps } from '../bench/query-services.ts'
import { journeyHash } from '../support/answering.ts'
import { httpQuestions } from '../support/http-questions.ts'
import { expectIdentities, type IdentitiesOf } from '../support/identities.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'
import { fixedClock, service } from '../support/processing.ts'
import { seededRandom, type Random } from '../support/random.ts'
import { storedEvent } from '../support/trails.ts'
import { openVerified } from '../support/verified.ts'
import { bringReceipts } from '../support/receipts.ts'
import { openWhole, type Whole } from '../support/whole.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20260715)
const isCi = process.env['CI'] === 'true'
const day = 86_400_000
const hour = 3_600_000
const now = Date.UTC(2026, 3, 7, 15, 20)

/** Without CI, fewer events and fewer questions. */
const events = isCi ? 1_000_000 : 100_000
const turns = Array.from({ length: isCi ? 3 : 1 }, (_, turn) => seed + turn)

/** Whole days of a zone, whole hours, or any moments; across the change of the clock in Europe, most times. */
function randomPeriod(random: Random, first: number, last: number): { from: string; to: string; tz: string } {
  const unit = random.pick([day, day, hour, 1])
  const some = () => Math.floor((first + (last - first) * random.next()) / unit) * unit
  const [a, b] = [some(), some()]
  const from = Math.min(a, b)
  const to = Math.max(a, b, from + unit)
  const tz = random.pick(['Europe/London', 'Europe/London', 'Asia/Kolkata', 'UTC'])
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), tz }
}

const wholePeriod = (from: number, to: number) => ({
  from: new Date(from).toISOString(),
  to: new Date(to).toISOString(),
  tz: 'Europe/London',
})

function randomWhere(random: Random, values: readonly (string | null)[]): Pick<IdentitiesOf, 'where'> {
  if (random.chance(0.5)) return {}
  const some = values.filter(() => random.chance(0.5))
  const condition = { dimension: 'device', values: some.length === 0 ? [null] : some, not: random.chance(0.3) }
  return { where: [condition] satisfies FunnelAsk['where'] }
}

let random: Random
let close: () => Promise<void> = () => Promise.resolve()

async function expectThem(of: Omit<IdentitiesOf, 'random'>): Promise<void> {
  try {
    await expectIdentities({ ...of, random })
  } catch (error) {
    const { service: one, from, to, tz, where, breakdown } = of
    throw new Error(JSON.stringify({ service: one.id, from, to, tz, where, breakdown }), { cause: error })
  }
}

function questionsOf(stores: Stores, registry: Registry): IdentitiesOf['ask'] {
  const clock = fixedClock(now)
  const annotations = openMemoryAnnotations({ clock })
  return createQuestions({ reads: stores.reads, registry, annotations, clock, limits: defaultLimits, journeyHash })
}

describe('the identities', { timeout: 300_000 }, () => {
  afterAll(() => close())

  describe('of the sample', () => {
    let stores: Stores
    let registry: Registry

    beforeAll(async () => {
      const directory = mkdtempSync(join(tmpdir(), 'waymark-'))
      stores = await openEmbedded(directory)
      close = async () => {
        await stores.close()
        rmSync(directory, { recursive: true, force: true })
      }
      const clock = fixedClock(now)
      registry = openMemoryRegistry({ clock })
      const all: StoredEvent[] = []
      const log = { append: async (some: readonly StoredEvent[]) => void all.push(...some) }
      await loadSample({ registry, log, clock, journeyHash, stop: new AbortController().signal })
      await writeNames(stores, all)
      // Sealed, but for what comes on the last two days: of journeys that are sealed, and new ones.
      const verified = await openVerified({ stores, registry, clock }, { ...defaultPace, journeysMin: 0 })
      await verified.write(all.filter(({ at }) => at < now - 2 * day))
      await verified.sealing.seal()
      await verified.write(all.filter(({ at }) => at >= now - 2 * day))
    })
    afterAll(async () => {
      await close()
      close = () => Promise.resolve()
    })

    it.each(turns)('hold (FUZZ_SEED=%i)', async (own) => {
      random = seededRandom(own)
      const services = await registry.services()
      const one = services[random.whole(0, services.length - 1)]
      if (one === undefined) throw new Error('the sample has services')
      await expectThem({
        ask: questionsOf(stores, registry),
        service: one,
        ...(own === seed ? wholePeriod(now - 36 * day, now) : randomPeriod(random, now - 36 * day, now)),
        ...randomWhere(random, ['mobile', 'desktop', 'tablet']),
        breakdown: random.pick(['device', 'browser', 'channel']),
      })
    })
  })

  describe('of a real permit log, over HTTP', () => {
    let whole: Whole

    beforeAll(async () => {
      whole = await openWhole()
      await bringReceipts(whole)
      await whole.shown()
      close = () => whole.close()
    })
    afterAll(async () => {
      await close()
      close = () => Promise.resolve()
    })

    it.each(turns.slice(0, 2))('hold (FUZZ_SEED=%i)', async (own) => {
      random = seededRandom(own)
      const { timeZone, funnel } = receiptsDefinition
      const all = { from: '2010-01-01T00:00:00Z', to: '2013-01-01T00:00:00Z', tz: timeZone }
      await expectThem({
        ask: httpQuestions(whole),
        service: service(receiptsService, { ...funnel, order: 'ordered' }, { timeZone }),
        ...(own === seed ? all : randomPeriod(random, Date.UTC(2010, 9), Date.UTC(2012, 1))),
        breakdown: 'channel',
      })
    })
  })

  describe(`of ${events} events that were sealed`, () => {
    let opened: Opened

    beforeAll(async () => {
      const directory = mkdtempSync(join(tmpdir(), 'waymark-'))
      opened = await openDataSet(directory, now)
      close = async () => {
        await opened.stores.close()
        rmSync(directory, { recursive: true, force: true })
      }
      const named = [largest, middle, withTwentySteps, withOptionalStep]
      // Peers, so that a step can be held against others of its name.
      const chosen = benchServices.filter(({ id }, index) => named.includes(id) || (index > 0 && index < 5))
      const shares = chosen.reduce((sum, { share }) => sum + share, 0)
      const services = chosen.map((one) => ({ ...one, share: one.share / shares }))
      await makeDataSet(opened, events, now, services)
      const clock = fixedClock(now)
      const verified = await openVerified({ ...opened, clock }, { ...defaultPace, journeysMin: 0 })
      await verified.sealing.seal()
      await verified.write(lateEvents(largest))
    }, 300_000)
    afterAll(async () => {
      await close()
      close = () => Promise.resolve()
    })

    it('are as many, and sealed', async () => {
      const [row] = await opened.stores.reads.select<{ events: string; services: string; sealed: string }>(
        raw(`SELECT (SELECT sum(events) FROM facts) AS events, (SELECT uniqExact(service) FROM facts) AS services,
          (SELECT uniqExact(service) FROM seals FINAL WHERE notEmpty(layers)) AS sealed`),
      )
      expect(Number(row?.events)).toBeGreaterThan(0.9 * events)
      expect([row?.services, row?.sealed]).toEqual(['8', '8'])
    })

    it.each(turns)('hold (FUZZ_SEED=%i)', async (own) => {
      random = seededRandom(own)
      const all = await opened.registry.services()
      const one = own === seed ? all.find(({ id }) => id === largest) : all[random.whole(0, all.length - 1)]
      if (one === undefined) throw new Error('there are services')
      await expectThem({
        ask: questionsOf(opened.stores, opened.registry),
        service: one,
        // Once all there is, with those whose window passes now.
        ...(own === seed ? wholePeriod(now - 91 * day, now) : randomPeriod(random, now - 91 * day, now)),
        ...randomWhere(random, ['mobile', 'desktop', 'tablet', null]),
        breakdown: random.pick(['device', 'device', 'licence-type']),
      })
    })
  })
})

async function writeNames({ writes }: Stores, all: readonly StoredEvent[]): Promise<void> {
  const names = new Map(all.map(({ service: id, step }) => [`${id} ${step}`, [id, step, now - (now % hour)]]))
  await writes.insert(
    'step_names',
    ['service', 'step', 'lastSeen'],
    [...names.values()].filter(([, step]) => step !== ''),
  )
}

/** New journeys after the seal, three steps each, some with a device. */
function lateEvents(id: string): StoredEvent[] {
  const pages = benchServices.find((one) => one.id === id)?.input.funnel.steps ?? []
  return Array.from({ length: 900 }, (_, index) =>
    storedEvent({
      service: id,
      journey: (Math.floor(index / 3) + 1).toString(16).padStart(16, 'f'),
      identity: index * 2 + 1,
      step: typeof pages[index % 3] === 'string' ? (pages[index % 3] as string) : 'elsewhere',
      at: now - 20 * day + Math.floor(index / 3) * 97 * 60_000 + (index % 3) * 60_000,
      dimensions: index % 2 === 0 ? [['device', 'mobile']] : [],
    }),
  )
}
