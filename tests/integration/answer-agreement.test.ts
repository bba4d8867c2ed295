import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { normaliseFunnel, type FunnelInput, type Service } from '../../domain/service.ts'
import { dayStarts } from '../../queries/period.ts'
import {
  funnelAnswer,
  journeysAnswer,
  timeToCompleteAnswer,
  trendAnswer,
  intervals,
  type JourneyRow,
} from '../../queries/answers.ts'
import type { FunnelAsk, JourneysQuestion } from '../../queries/context.ts'
import { expectSteps, expectTotals, expectTrend } from '../support/agreeing-answers.ts'
import { openAnswering, type Answering } from '../support/answering.ts'
import { openSealing, type Sealing } from '../support/sealing.ts'
import {
  oracleBreakdown,
  oracleFunnelAnswer,
  oracleJourneys,
  oracleTrend,
  type OracleAsk,
  type OracleJourney,
} from '../support/oracle.ts'
import { randomFunnel, randomTrail } from '../support/random-funnels.ts'
import { seededRandom, type Random } from '../support/random.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20260412)
const services = Number(process.env['FUZZ_SERVICES'] ?? 3)
const journeysPerService = 80
const hour = 3_600_000

/** The hours around a change of the clock in Europe and, by half an hour, on Lord Howe Island a week later; and five weeks. */
const spans = [
  { from: Date.UTC(2026, 2, 28, 20), to: Date.UTC(2026, 2, 30, 6) },
  { from: Date.UTC(2026, 3, 4, 10), to: Date.UTC(2026, 3, 5, 4) },
  // Whole weeks, days around them, and days on which the clock changes.
  { from: Date.UTC(2026, 2, 11, 9), to: Date.UTC(2026, 3, 14, 15) },
] as const
const zones = ['Europe/London', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/New_York', 'UTC'] as const

interface Case {
  readonly service: Service
  readonly older: Service
  readonly journeys: readonly OracleJourney[]
  readonly period: { from: number; to: number; tz: string }
  readonly nows: readonly number[]
}

let answering: Answering
let cases: Case[]
let sealing: Sealing

beforeAll(async () => {
  answering = await openAnswering(Date.UTC(2026, 5, 1))
  const random = seededRandom(seed)
  cases = []
  for (let made = 0; made < services; made += 1) cases.push(await randomCase(random, `service-${made}`))
})

afterAll(() => answering.close())

async function randomCase(random: Random, id: string): Promise<Case> {
  const put = (funnel: FunnelInput) =>
    answering.putService(id, { name: id, timeZone: random.pick(zones), dimensions: ['kind'], funnel })
  const older = await put(randomFunnel(random))
  const service = await put(randomFunnel(random))
  const span = random.pick(spans)
  const journeys = Array.from({ length: journeysPerService }, (_, index) =>
    randomJourney(random, random.chance(0.8) ? service : older, index, span),
  ).filter(({ events }) => events.length > 0)
  await stored(random, { service, older }, journeys, span.to)
  const { windowMs } = normaliseFunnel(service.funnel)
  const times = journeys.flatMap(({ events }) => events.map(({ at }) => at)).sort((a, b) => a - b)
  const some = () => times[random.whole(0, times.length - 1)] ?? 0
  // Moments that cut an hour, whole hours, and days of some zone, of the service's own most of all.
  const unit = random.pick(['ms', 'hour', 'day'] as const)
  const tz = random.chance(0.5) ? service.timeZone : random.pick(zones)
  const rounded = (ms: number) => {
    if (unit === 'ms') return ms
    return unit === 'hour' ? Math.floor(ms / hour) * hour : (dayStarts(tz, ms, ms)[0] ?? ms)
  }
  const from = rounded(Math.min(some(), some()) - random.whole(0, 1))
  return {
    service,
    older,
    journeys,
    period: { from, to: Math.max(rounded(Math.max(some(), from) + random.whole(1, 30 * hour)), from + 1), tz },
    nows: [span.to + 24 * hour, some() + windowMs, some() + windowMs + 1, some() + Math.floor(windowMs / 2)],
  }
}

/**
 * Writes them as they come to be in the end, with seals between: some journeys are half there before a seal, some come
 * after the last, and a sealer that starts anew goes on where another has stopped.
 */
async function stored(
  random: Random,
  { service }: { readonly service: Service; readonly older: Service },
  journeys: readonly OracleJourney[],
  now: number,
): Promise<void> {
  answering.clock.set(now + random.whole(0, 30) * hour)
  // One sealer at a time works on the tables, as in one process.
  sealing = await openSealing(answering)
  const rounds = random.whole(0, 4)
  for (let round = 0; round < rounds; round += 1) {
    const early = journeys
      .filter(() => random.chance(0.5))
      .map(({ journey, events }) => ({ journey, events: events.filter(() => random.chance(0.6)) }))
      .filter(({ events }) => events.length > 0)
    await sealing.write(service, early)
    if (random.chance(0.8)) await sealing.seal()
    if (random.chance(0.3)) sealing = await openSealing(answering)
  }
  const late = journeys.filter(() => random.chance(0.4))
  await sealing.write(
    service,
    journeys.filter((journey) => !late.includes(journey)),
  )
  if (random.chance(0.8)) await sealing.seal()
  await sealing.write(service, late)
  if (random.chance(0.3)) await sealing.seal()
}

function randomJourney(
  random: Random,
  service: Service,
  index: number,
  span: { from: number; to: number },
): OracleJourney {
  const trail = randomTrail(random, normaliseFunnel(service.funnel))
  const first = trail[0]?.at ?? 0
  // Whole hours are boundaries of periods: meet them often.
  const anywhere = span.from + random.whole(0, span.to - span.from)
  const begin = random.chance(0.3) ? Math.floor(anywhere / hour) * hour - random.whole(0, 1) : anywhere
  const dimensions = {
    ...(random.chance(0.7) ? { device: random.pick(['mobile', 'desktop']) } : {}),
    ...(random.chance(0.5) ? { kind: random.pick(["it's", 'b,c', 'other']) } : {}),
  }
  return {
    journey: (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0'),
    events: trail.map((event) => ({ ...event, at: event.at - first + begin, dimensions })),
  }
}

/** The service's own funnel, an older version of it, and one made up for the question. */
function asks(one: Case): { readonly name: string; ask: FunnelAsk; oracle: Omit<OracleAsk, 'now'> }[] {
  const { service, older, journeys, period } = one
  const range = { from: new Date(period.from).toISOString(), to: new Date(period.to).toISOString(), tz: period.tz }
  const adHoc = randomFunnel(seededRandom(seed + period.from))
  const oracle = (funnel: FunnelInput) => ({
    funnel: normaliseFunnel(funnel),
    journeys,
    from: period.from,
    to: period.to,
  })
  return [
    { name: 'own', ask: { service, ...range }, oracle: oracle(service.funnel) },
    { name: 'older', ask: { service, ...range, version: older.version }, oracle: oracle(older.funnel) },
    { name: 'ad hoc', ask: { service, ...range, funnel: adHoc }, oracle: oracle(adHoc) },
    {
      name: 'own where',
      ask: { service, ...range, where: [{ dimension: 'device', values: ['mobile'], not: false }] },
      oracle: { ...oracle(service.funnel), where: { device: (value) => value === 'mobile' } },
    },
  ]
}

/** Every funnel of every case; its own at every moment, the others, which are compiled anew each time, at one. */
async function everywhere(check: (one: Case, ask: FunnelAsk, oracle: OracleAsk) => Promise<void>): Promise<void> {
  for (const [index, one] of cases.entries())
    for (const { name, ask, oracle } of asks(one))
      for (const now of name.startsWith('own') ? one.nows : one.nows.slice(index % one.nows.length).slice(0, 1)) {
        answering.clock.set(now)
        // The clock has left the hours that the seal was made for: most times it is made anew.
        if (name === 'own' && now % 4 !== 0) await sealing.seal()
        try {
          await check(one, ask, { ...oracle, now })
        } catch (error) {
          const asked = { now, ...ask, service: one.service.id, own: one.service.funnel }
          throw new Error(`FUZZ_SEED=${seed} ${one.service.id}, ${name}: ${JSON.stringify(asked)}`, { cause: error })
        }
      }
}

async function allPages(question: JourneysQuestion): Promise<JourneyRow[]> {
  const rows: JourneyRow[] = []
  let cursor: string | null = null
  do {
    const answer = journeysAnswer.parse(
      await answering.questions.journeys({ ...question, ...(cursor === null ? {} : { cursor }) }),
    )
    rows.push(...answer.journeys)
    cursor = answer.cursor
  } while (cursor !== null)
  return rows
}

describe('answers and the oracle, at a moving clock', { timeout: 300_000 }, () => {
  it('agree on the funnel', () =>
    everywhere(async (_, ask, oracle) => {
      const expected = oracleFunnelAnswer(oracle)
      const answer = funnelAnswer.parse(await answering.questions.funnel(ask))
      expectTotals(answer.totals, expected.totals)
      expectSteps(answer.steps, expected, expected)
      expect(answer.period).toBe(expected.waiting > 0 ? 'partial' : 'complete')
    }))

  it('agree on a breakdown, whose rows add up to the whole', () =>
    everywhere(async (_, ask, oracle) => {
      const expected = oracleBreakdown(oracle, 'kind')
      const answer = await answering.questions.funnel({ ...ask, breakdown: 'kind' })
      const rows = answer.breakdown ?? []
      expect(rows.map(({ value }) => value).sort()).toEqual([...expected.keys()].sort())
      for (const row of rows) {
        const values = expected.get(row.value)
        if (values === undefined) throw new Error('a row that the oracle has not')
        expectTotals(row.totals, values.totals)
        expectSteps(row.steps, values, null)
      }
      for (const [index, step] of answer.steps.entries())
        if (step.left.silent !== null)
          expect(rows.reduce((sum, { steps }) => sum + (steps[index]?.left.silent ?? 0), 0)).toBe(step.left.silent)
    }))

  it('agree on the trend, whose periods add up to the totals', () =>
    everywhere(async ({ period }, ask, oracle) => {
      const { totals } = oracleFunnelAnswer(oracle)
      const position = oracle.funnel.positions.length - 1
      const step = oracle.funnel.positions[position - 1]?.names[0] ?? ''
      const first = oracle.funnel.positions.findIndex(({ names }) => names.includes(step)) + 1
      const named = oracle.funnel.order !== 'any'
      // Compiled anew for each question, so one interval is enough for it.
      const stored = ask.funnel === undefined && ask.version === undefined
      for (const interval of stored ? intervals : (['hour'] as const)) {
        const answer = trendAnswer.parse(await answering.questions.trend({ ...ask, interval }))
        expectTrend(answer, oracleTrend(oracle, interval, period.tz))
        for (const count of ['started', 'completed', 'failed', 'abandoned', 'open', 'unstarted', 'excluded'] as const)
          expect(answer.periods.reduce((sum, row) => sum + row[count], 0)).toBe(totals[count])
      }
      const reached = await answering.questions.trend({
        ...ask,
        interval: 'hour',
        ...(named ? { step } : { position }),
      })
      expectTrend(reached, oracleTrend(oracle, 'hour', period.tz, named ? first : position))
    }))

  it('agree on the trend of each value, which add up to the whole', () =>
    everywhere(async ({ period }, ask, oracle) => {
      const interval = oracle.now % 2 === 0 ? ('hour' as const) : ('day' as const)
      const answer = trendAnswer.parse(
        await answering.questions.trend({ ...ask, interval, breakdown: 'kind', position: 2 }),
      )
      const values = answer.breakdown ?? []
      expect(values.map(({ value }) => value).sort()).toEqual([...oracleBreakdown(oracle, 'kind').keys()].sort())
      for (const { value, periods } of values) {
        const kind = {
          ...oracle.where,
          kind: (one: string | null) => one === value && (oracle.where?.['kind']?.(one) ?? true),
        }
        expectTrend({ ...answer, periods }, oracleTrend({ ...oracle, where: kind }, interval, period.tz, 2))
      }
      expectTrend(answer, oracleTrend(oracle, interval, period.tz, 2))
    }))

  it('agree on the period that one is compared with', () =>
    everywhere(async (_, ask, oracle) => {
      for (const compare of ['previous', 'year'] as const) {
        const answer = funnelAnswer.parse(await answering.questions.funnel({ ...ask, compare }))
        if (answer.comparison === undefined) throw new Error('it was asked for')
        const { from, to, totals, steps, completionRateDifference } = answer.comparison
        const before = oracleFunnelAnswer({ ...oracle, from: Date.parse(from), to: Date.parse(to) })
        expectTotals(totals, before.totals)
        expectSteps(steps, before, before)
        const now = oracleFunnelAnswer(oracle).totals.completionRate
        const then = before.totals.completionRate
        if (now === null || then === null) expect(completionRateDifference).toBeNull()
        else expect(completionRateDifference?.value).toBeCloseTo(now.value - then.value, 9)
        if (compare === 'previous') expect(Date.parse(to)).toBe(oracle.from)
      }
    }))

  it('agree on the time to complete', () =>
    everywhere(async (_, ask, oracle) => {
      const answer = timeToCompleteAnswer.parse(await answering.questions.timeToComplete(ask))
      const rows = oracleJourneys(oracle)
      const times = rows
        .flatMap(({ state, verdict }) => (state === 'completed' ? [verdict.completionMs / 1000] : []))
        .sort((a, b) => a - b)
      expect(answer.count).toBe(times.length)
      expect(answer.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(times.length)
      for (const { from, to, count } of answer.histogram)
        expect(count).toBe(times.filter((seconds) => seconds >= from && seconds < to).length)
      for (const [name, level] of [
        ['p50', 0.5],
        ['p75', 0.75],
        ['p90', 0.9],
        ['p95', 0.95],
      ] as const) {
        const expected = times[Math.floor(level * times.length)]
        if (expected === undefined) expect(answer[name]).toBeNull()
        else expect(Math.abs((answer[name] ?? NaN) - expected)).toBeLessThanOrEqual(expected * 0.008)
      }
      const last = answer.within.at(-1)
      expect(last?.completed).toBe(times.length)
    }))

  it('agree on the journeys, page by page', () =>
    everywhere(async (_, ask, oracle) => {
      const expected = oracleJourneys(oracle)
      const rows = await allPages({ ...ask, limit: 37 })
      expect(rows).toEqual(
        expected.map(({ journey, start, state, position }) => ({
          journey,
          start: start === null ? null : new Date(start).toISOString(),
          state,
          furthest: oracle.funnel.order === 'any' ? null : (oracle.funnel.positions[position - 1]?.names[0] ?? null),
          position: position === 0 ? null : position,
        })),
      )
    }))
})

/** Each as the question says it, and as the oracle does. */
const filters: readonly [name: string, where: FunnelAsk['where'], holds: NonNullable<OracleAsk['where']>][] = [
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

describe('where, and the oracle', { timeout: 300_000 }, () => {
  it.each(filters)('agree on %s', async (_, where, holds) => {
    let [met, all] = [0, 0]
    await everywhere(async ({ period, nows }, ask, oracle) => {
      if (ask.where !== undefined || ask.version !== undefined || ask.funnel !== undefined) return
      if (answering.clock.now() !== nows[0]) return
      const filtered = { ...oracle, where: holds }
      const rows = oracleJourneys(filtered)
      met += rows.length
      all += oracleJourneys(oracle).length
      const question = where === undefined ? ask : { ...ask, where }
      const { totals } = await answering.questions.funnel(question)
      expectTotals(totals, oracleFunnelAnswer(filtered).totals)
      expectTrend(
        await answering.questions.trend({ ...question, interval: 'hour' }),
        oracleTrend(filtered, 'hour', period.tz),
      )
      expect((await allPages(question)).map(({ journey }) => journey)).toEqual(rows.map(({ journey }) => journey))
    })
    // Else it would hold of a filter that lets everything through, or nothing.
    expect(met).toBeGreaterThan(0)
    expect(met).toBeLessThan(all)
  })
})

describe('the drill-down', { timeout: 300_000 }, () => {
  it('has as many journeys as each number of the funnel says', () =>
    everywhere(async ({ nows }, ask) => {
      // Each number is a question of its own: those of a stored funnel, at two moments, are enough.
      if (ask.funnel !== undefined || ask.version !== undefined) return
      if (!nows.slice(0, 2).includes(answering.clock.now())) return
      const { totals, steps } = await answering.questions.funnel(ask)
      const count = async (question: Omit<JourneysQuestion, keyof FunnelAsk>) =>
        (await answering.questions.journeys({ ...ask, ...question, limit: 1000 })).journeys.length
      for (const state of ['completed', 'failed', 'abandoned', 'open', 'unstarted', 'excluded'] as const)
        expect(await count({ state })).toBe(totals[state])
      for (const { position, entered, passed, left } of steps) {
        expect(await count({ position })).toBe(entered)
        expect(await count({ position, state: 'passed' })).toBe(passed)
        for (const state of ['completed', 'failed', 'abandoned', 'open'] as const)
          expect(await count({ position, state })).toBe(left[state])
        if (left.silent !== null) expect(await count({ position, state: 'silent' })).toBe(left.silent)
      }
    }))
})
