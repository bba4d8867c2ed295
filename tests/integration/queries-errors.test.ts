import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { normaliseFunnel, type FunnelInput, type Service } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { errorsAnswer } from '../../queries/answers.ts'
import type { FunnelAsk } from '../../queries/context.ts'
import { openAnswering, type Answering } from '../support/answering.ts'
import { expectErrors } from '../support/agreeing-errors.ts'
import { oracleErrors, type OracleError } from '../support/oracle-errors.ts'
import type { OracleAsk, OracleJourney } from '../support/oracle.ts'
import { randomFunnel, randomTrail } from '../support/random-funnels.ts'
import { seededRandom, type Random } from '../support/random.ts'
import { storedEvent } from '../support/trails.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20261124)
const services = Number(process.env['FUZZ_SERVICES'] ?? 2)
const begin = Date.UTC(2026, 2, 28, 20)
const hour = 3_600_000

interface Case {
  readonly service: Service
  readonly journeys: readonly OracleJourney[]
  readonly errors: readonly OracleError[]
  readonly times: readonly number[]
}

let answering: Answering
const cases: Case[] = []

beforeAll(async () => {
  answering = await openAnswering(Date.UTC(2026, 5, 1))
  const random = seededRandom(seed)
  for (let made = 0; made < services; made += 1) cases.push(await randomCase(random, `service-${made}`))
})

afterAll(() => answering.close())

async function randomCase(random: Random, id: string): Promise<Case> {
  const put = (funnel: FunnelInput) => answering.putService(id, { name: id, timeZone: 'Europe/London', funnel })
  const service = await put(randomFunnel(random))
  const events: StoredEvent[] = []
  const errors: OracleError[] = []
  const journeys = Array.from({ length: 60 }, (_, index): OracleJourney => {
    const journey = (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0')
    const trail = randomTrail(random, normaliseFunnel(service.funnel)).filter(({ type }) => type !== 'error')
    const first = trail[0]?.at ?? 0
    const from = begin + random.whole(0, 30 * hour)
    const dimensions = { device: random.pick(['mobile', 'desktop']) }
    const moved = trail.map((event) => ({ ...event, at: event.at - first + from, dimensions }))
    const met = moved.length === 0 ? [] : randomErrors(random, service, journey, moved)
    errors.push(...met)
    const sent = [
      ...moved,
      ...met.map((error) => ({ type: 'error' as const, seq: 0, outcome: '' as const, dimensions, ...error })),
    ]
    for (const [identity, { journey: _, dimensions: attrs, ...event }] of sent
      .map((event) => ({ journey, ...event }))
      .entries())
      events.push(storedEvent({ ...event, service: id, journey, identity, dimensions: Object.entries(attrs) }))
    return { journey, events: sent }
  }).filter(({ events: all }) => all.length > 0)
  // Copies merge, whatever their order.
  await answering.send([...events, ...events.filter(() => random.chance(0.1)).reverse()])
  return { service, journeys, errors, times: events.map(({ at }) => at).sort((a, b) => a - b) }
}

function randomErrors(
  random: Random,
  { funnel }: Service,
  journey: string,
  trail: readonly { at: number }[],
): OracleError[] {
  const names = normaliseFunnel(funnel).positions.flatMap((position) => position.names)
  return Array.from({ length: random.chance(0.5) ? random.whole(1, 4) : 0 }, () => ({
    journey,
    at: (trail[random.whole(0, trail.length - 1)]?.at ?? 0) + random.pick([-1000, 0, 1, 500]),
    step: random.chance(0.3)
      ? ''
      : random.chance(0.8)
        ? (names[random.whole(0, names.length - 1)] ?? 'a')
        : 'elsewhere',
    field: random.pick(['email', 'postcode', '']),
    code: random.pick(['missing', 'format']),
  }))
}

async function everywhere(check: (ask: FunnelAsk, oracle: OracleAsk, one: Case) => Promise<void>): Promise<void> {
  for (const one of cases) {
    const { service, journeys, times } = one
    const period = { from: times[3] ?? 0, to: times[times.length - 3] ?? 1 }
    const range = { from: new Date(period.from).toISOString(), to: new Date(period.to).toISOString(), tz: 'UTC' }
    const oracle = { funnel: normaliseFunnel(service.funnel), journeys, ...period }
    const { windowMs } = oracle.funnel
    const asks: [FunnelAsk, Omit<OracleAsk, 'now'>][] = [
      [{ service, ...range }, oracle],
      [
        { service, ...range, where: [{ dimension: 'device', values: ['mobile'], not: false }] },
        { ...oracle, where: { device: (value: string | null) => value === 'mobile' } },
      ],
    ]
    const moments = [period.to + 1000 * 24 * hour, (times[Math.floor(times.length / 2)] ?? 0) + windowMs]
    for (const [ask, expected] of asks)
      for (const now of moments) {
        answering.clock.set(now)
        await check(ask, { ...expected, now }, one)
      }
  }
}

describe('errors and the oracle', { timeout: 120_000 }, () => {
  it('agree on every row, and on every field and code', async () => {
    let rated = 0
    await everywhere(async (ask, oracle, { errors }) => {
      const expected = oracleErrors(oracle, errors)
      const answer = errorsAnswer.parse(await answering.questions.errors({ ...ask, limit: 1000 }))
      expectErrors(answer, expected)
      rated += expected.rows.filter(({ oddsRatio }) => oddsRatio !== null).length
    })
    expect(rated).toBeGreaterThan(10)
  })

  it('agree with the funnel on who reached a step, and add up past the limit', async () => {
    await everywhere(async (ask) => {
      const { steps } = await answering.questions.funnel(ask)
      const all = await answering.questions.errors({ ...ask, limit: 1000 })
      for (const { position, reached } of all.errors)
        if (position !== null) expect(reached).toBe(steps[position - 1]?.entered)
      const few = await answering.questions.errors({ ...ask, limit: 2 })
      expect(few.errors).toEqual(all.errors.slice(0, 2))
      expect(few.codes).toEqual(all.codes.slice(0, 2))
      const sum = (rows: readonly { events: number }[]) => rows.reduce((total, { events }) => total + events, 0)
      expect(sum(few.errors) + (few.other?.events ?? 0)).toBe(few.events)
      expect(sum(few.codes) + (few.otherCodes?.events ?? 0)).toBe(few.events)
      expect(few.errors.length + (few.other?.rows ?? 0)).toBe(all.errors.length)
    })
  })

  it.each([0, 1001, 1.5])('refuse the limit %f', async (limit) => {
    const [one] = cases
    if (one === undefined) throw new Error('there are cases')
    await expect(answering.questions.errors({ service: one.service, limit })).rejects.toMatchObject({
      parameter: 'limit',
    })
  })
})
