import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Stores } from '../../domain/ports/store.ts'
import { normaliseFunnel, type FunnelInput } from '../../domain/service.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import type { FunnelAsk } from '../../queries/context.ts'
import { dayStarts } from '../../queries/period.ts'
import { createQuestions } from '../../queries/questions.ts'
import { comparisons } from '../support/agreeing-answers.ts'
import {
  agreeing,
  allQuestions,
  expectAcross,
  expectDrillDown,
  type Asked,
  type Question,
} from '../support/agreeing-questions.ts'
import { openHistory, type History } from '../support/history.ts'
import { oracleJourneys, type OracleAsk } from '../support/oracle.ts'
import { randomFunnel } from '../support/random-funnels.ts'
import { randomSubjected, zones, type Subjected } from '../support/random-history.ts'
import { seededRandom, type Random } from '../support/random.ts'
import { stepHashes } from '../support/verdicts.ts'

const isCi = process.env['CI'] === 'true'
const seed = Number(process.env['FUZZ_SEED'] ?? 20260412)
const histories = Number(process.env['FUZZ_HISTORIES'] ?? (isCi ? 6 : 1))
const stages = 3
const servicesEach = 2
const journeysEach = 400
const hour = 3_600_000

let directory: string
let stores: Stores
/** Of step names that are equal in time, the one with the smaller hash stands first. */
let tie: (a: string, b: string) => number

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
  const hashes = await stepHashes(stores.reads, ['a', 'b', 'c', 'd', 'e', 'f', 'z'])
  const hashOf = (name: string) => BigInt(hashes.get(name) ?? 0)
  tie = (a, b) => (hashOf(a) < hashOf(b) ? -1 : hashOf(a) > hashOf(b) ? 1 : 0)
})

afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Each as the question says it, and as the oracle does. */
type Filter = readonly [name: string, where: FunnelAsk['where'], holds: NonNullable<OracleAsk['where']>]
const filters: readonly [Filter, ...Filter[]] = [
  ['one value', [{ dimension: 'kind', values: ["it's"], not: false }], { kind: (value) => value === "it's" }],
  [
    'any of several',
    [{ dimension: 'kind', values: ["it's", 'b,c'], not: false }],
    { kind: (value) => value === "it's" || value === 'b,c' },
  ],
  ['without a value', [{ dimension: 'kind', values: [null], not: false }], { kind: (value) => value === null }],
  [
    'a value or none',
    [{ dimension: 'kind', values: [null, 'other'], not: false }],
    { kind: (value) => value === null || value === 'other' },
  ],
  ['not a value', [{ dimension: 'kind', values: ['b,c'], not: true }], { kind: (value) => value !== 'b,c' }],
  [
    'none of several',
    [{ dimension: 'kind', values: ['b,c', null], not: true }],
    { kind: (value) => value !== null && value !== 'b,c' },
  ],
  [
    'several dimensions',
    [
      { dimension: 'kind', values: ["it's", null], not: false },
      { dimension: 'device', values: ['mobile'], not: true },
    ],
    { kind: (value) => value === "it's" || value === null, device: (value) => value !== 'mobile' },
  ],
  [
    'one of these and not one of those',
    [
      { dimension: 'kind', values: ["it's", 'b,c'], not: false },
      { dimension: 'kind', values: ["it's"], not: true },
    ],
    { kind: (value) => value === 'b,c' },
  ],
]

/** What has happened over all histories: a test in which nothing went wrong would show little. */
const happened = { crashes: new Set<string>(), whole: 0, filtered: 0 }

interface Stage {
  readonly history: History
  readonly subjected: readonly Subjected[]
  readonly random: Random
}

/** Moments that cut an hour, whole hours, and days of some zone, of the service's own most of all. */
function randomPeriod(random: Random, one: Subjected): { from: number; to: number; tz: string } {
  const unit = random.pick(['ms', 'hour', 'hour', 'day'] as const)
  const tz = random.chance(0.5) ? one.service().timeZone : random.pick(zones)
  const rounded = (ms: number) => {
    if (unit === 'ms') return ms
    return unit === 'hour' ? Math.floor(ms / hour) * hour : (dayStarts(tz, ms, ms)[0] ?? ms)
  }
  const from = rounded(Math.min(one.someTime(), one.someTime()) - random.whole(0, 1))
  return { from, to: Math.max(rounded(Math.max(one.someTime(), from) + random.whole(1, 30 * hour)), from + 1), tz }
}

function randomNow(random: Random, one: Subjected): number {
  const { windowMs } = normaliseFunnel(one.service().funnel)
  return one.someTime() + random.pick([96 * hour, windowMs, windowMs + 1, Math.floor(windowMs / 2)])
}

/** Some questions, about the service's own funnel, with a condition, by an older version of it, and ad hoc. */
async function askAll({ history, random }: Stage, one: Subjected): Promise<void> {
  const { from, to, tz } = randomPeriod(random, one)
  const service = one.service()
  const range = { service, from: new Date(from).toISOString(), to: new Date(to).toISOString(), tz }
  const questions = createQuestions(history.context)
  const journeys = one.journeys()
  const oracle = (funnel: FunnelInput): OracleAsk => ({
    funnel: normaliseFunnel(funnel),
    journeys,
    from,
    to,
    now: history.clock.now(),
  })
  const shared = { questions, errors: one.errors(), tie, tz, random }
  const compare = async (name: string, some: readonly Question[], asked: Pick<Asked, 'ask' | 'oracle'>) => {
    for (const question of some)
      try {
        await agreeing[question]({ ...shared, ...asked })
      } catch (error) {
        const told = JSON.stringify({ now: asked.oracle.now, ...asked.ask, own: service.funnel })
        throw new Error(`${question} of ${name}: ${told}`, { cause: error })
      }
  }
  const own = { ask: range, oracle: oracle(service.funnel) }
  await compare('own', some(random, 4), own)
  await compare('own', ['trend', 'journeys'], own)
  await expectDrillDown({ ...shared, ...own }, 3)
  const [filterName, where, holds] = random.pick(filters)
  const filtered = { ask: { ...range, where }, oracle: { ...own.oracle, where: holds } }
  happened.whole += oracleJourneys(own.oracle).length
  happened.filtered += oracleJourneys(filtered.oracle).length
  await compare(filterName, some(random, 2), filtered)
  const older = one.olderVersions()
  const before = older[random.whole(0, older.length - 1)]
  if (before !== undefined)
    await compare('older', some(random, 1), {
      ask: { ...range, version: before.version },
      oracle: oracle(before.funnel),
    })
  const adHoc = randomFunnel(random)
  if (random.chance(0.3))
    await compare('ad hoc', some(random, 1), { ask: { ...range, funnel: adHoc }, oracle: oracle(adHoc) })
}

/** So many questions, each another. */
function some(random: Random, count: number): readonly Question[] {
  const left = [...allQuestions]
  return Array.from({ length: count }, () => left.splice(random.whole(0, left.length - 1), 1)).flat()
}

describe('every answer and the oracle, whatever has happened before', { timeout: 300_000 }, () => {
  it.each(Array.from({ length: histories }, (_, index) => seed + index))('agree (FUZZ_SEED=%i)', async (own) => {
    const random = seededRandom(own)
    const history = await openHistory(stores, random)
    const subjected: Subjected[] = []
    for (let made = 0; made < servicesEach; made += 1)
      subjected.push(await randomSubjected(history, random, `service-${made}`, journeysEach))
    const anyone = () => subjected[random.whole(0, subjected.length - 1)] ?? subjected[0]
    const told: string[] = []
    try {
      for (let stage = 0; stage < stages; stage += 1) {
        for (let left = random.whole(3, 7); left > 0; left -= 1) {
          const one = anyone()
          if (one === undefined) throw new Error('there are services')
          history.clock.set(randomNow(random, one))
          told.push(`${one.id} ${await one.happen()}`)
        }
        if (stage === stages - 1) for (const one of subjected) await one.settle()
        for (const one of subjected) {
          history.clock.set(randomNow(random, one))
          // The clock has left the hours that the seal was made for: most times it is made anew.
          if (random.chance(0.7)) await history.seal()
          await askAll({ history, subjected, random }, one)
        }
        const [first] = subjected
        if (first === undefined) throw new Error('there are services')
        const known = subjected.map((one) => ({ service: one.service(), oracle: { journeys: one.journeys() } }))
        const span = { ...randomPeriod(random, first), now: history.clock.now() }
        await expectAcross(createQuestions(history.context), history.context, known, span)
      }
    } catch (error) {
      throw new Error(`FUZZ_SEED=${own} after ${told.join(', ')}; ${history.crashes.join(', ')}`, { cause: error })
    }
    for (const crash of history.crashes) happened.crashes.add(crash)
  })

  it('was a hard test', () => {
    // Else conditions would let everything through, or nothing.
    expect(happened.filtered).toBeGreaterThan(0)
    expect(happened.filtered).toBeLessThan(happened.whole)
    if (isCi) {
      expect([...happened.crashes].filter((crash) => crash.startsWith('seal')).length).toBeGreaterThan(10)
      expect(comparisons()).toBeGreaterThanOrEqual(10_000)
    }
  })
})
