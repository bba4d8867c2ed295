import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { normaliseFunnel, type FunnelInput, type Service } from '../../domain/service.ts'
import { opportunitiesAnswer } from '../../queries/answers.ts'
import { stepLossesByService, type StepLosses } from '../../queries/step-losses.ts'
import { defaultLimits } from '../../domain/limits.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { journeyHash, openAnswering, type Answering } from '../support/answering.ts'
import { insertFacts } from '../support/facts.ts'
import type { OracleJourney } from '../support/oracle.ts'
import { oracleLosses } from '../support/oracle-opportunities.ts'
import { randomFunnel, randomTrail } from '../support/random-funnels.ts'
import { seededRandom } from '../support/random.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20260714)
const day = 24 * 3_600_000
const to = Date.UTC(2026, 9, 13)
const period = { from: '2026-09-15', to: '2026-10-13', tz: 'UTC' }
const steps = ['start', 'pay', 'done']

let answering: Answering

beforeAll(async () => {
  answering = await openAnswering(to + 30 * day)
})

afterAll(() => answering.close())

/** Started, lost at the start, lost at pay; the others complete. */
type Counts = readonly [started: number, lostAtStart: number, lostAtPay: number]

function journeys([started, lostAtStart, lostAtPay]: Counts, at: number, prefix: string): OracleJourney[] {
  return Array.from({ length: started }, (_, index) => ({
    journey: prefix + (index + 1).toString(16).padStart(15, '0'),
    events: steps.slice(0, index < lostAtStart ? 1 : index < lostAtStart + lostAtPay ? 2 : 3).map((step, minute) => ({
      type: 'step' as const,
      step,
      at: at + index * 1000 + minute * 60_000,
      seq: 0,
      outcome: '' as const,
    })),
  }))
}

async function put(id: string, department: string, counts: readonly Counts[], more: object = {}): Promise<Service> {
  const service = await answering.putService(id, { name: id, department, funnel: { steps, window: 'P1D' }, ...more })
  // The latest stretch of 13 weeks first.
  const rows = counts.flatMap((some, index) => journeys(some, to - 10 * day - index * 91 * day, String(index + 1)))
  await insertFacts(answering.stores, service, rows)
  return service
}

describe('opportunities', () => {
  beforeAll(async () => {
    for (const id of ['apply', 'book', 'claim', 'declare'])
      await put(id, 'peers', [[1000, 50, 95]], { costs: { currency: 'GBP', otherChannel: 7.5 } })
    await put('worst', 'peers', [[1000, 50, 475]], { costs: { currency: 'GBP', otherChannel: 10 } })
    await put('small', 'peers', [[99, 0, 90]])
    await put('fell', 'alone', [
      [1000, 100, 450],
      [1000, 100, 90],
      [1000, 100, 450],
    ])
    await put('steady', 'alone', [
      [1000, 100, 200],
      [1000, 100, 205],
    ])
    await put('lucky', 'alone', [
      [1000, 100, 200],
      [20, 0, 0],
    ])
  })

  it('has the step that falls behind its peers first, with what it costs', async () => {
    const answer = await answering.questions.opportunities({ ...period, department: 'peers' })
    expect(opportunitiesAnswer.parse(answer)).toEqual(answer)
    const [first] = answer.opportunities
    expect(first).toMatchObject({
      rank: 1,
      service: 'worst',
      step: 'pay',
      position: 2,
      entered: 950,
      lost: 475,
      benchmark: 'peers',
      bestQuarter: null,
      peers: { services: 5 },
      costReason: null,
    })
    expect(first?.finishingRate?.value).toBe(1)
    const { value, low, high } = first?.recoverable ?? { value: 0, low: 0, high: 0 }
    // 950 x (about 0.82 - 0.5): four keep 90 %, this one half.
    expect(value).toBeGreaterThan(230)
    expect(value).toBeLessThan(380)
    expect(low).toBeGreaterThan(0)
    expect(high).toBeLessThanOrEqual(475)
    expect(first?.cost).toEqual({ value: value * 10, low: low * 10, high: high * 10, currency: 'GBP' })
    expect(answer.opportunities.map(({ service }) => service)).not.toContain('small')
  })

  it('holds a step to its own best quarter where it has no peers, and says why there is no cost', async () => {
    const { opportunities } = await answering.questions.opportunities({ ...period, department: 'alone' })
    expect(opportunities[0]).toMatchObject({
      service: 'fell',
      step: 'pay',
      benchmark: 'best-quarter',
      peers: null,
      bestQuarter: { from: '2026-04-14T00:00:00+00:00', to: '2026-07-14T00:00:00+00:00' },
      cost: null,
    })
    expect(opportunities[0]?.costReason).toContain('costs.otherChannel')
    expect(opportunities[0]?.recoverable.low).toBeGreaterThan(300)
    // Chance between quarters is nothing to win back for sure, and 20 of 20 are no standard.
    for (const one of opportunities.filter(({ service }) => service === 'steady')) expect(one.recoverable.low).toBe(0)
    expect(opportunities.map(({ service }) => service)).not.toContain('lucky')
  })

  it('is cut at the limit, and says by how much', async () => {
    const all = await answering.questions.opportunities(period)
    const cut = await answering.questions.opportunities({ ...period, limit: 1 })
    expect(cut.opportunities).toEqual(all.opportunities.slice(0, 1))
    expect(cut.other).toBe(all.opportunities.length - 1)
    const values = all.opportunities.map(({ recoverable }) => recoverable.value)
    expect(values).toEqual([...values].sort((a, b) => b - a))
    expect(values.every((value) => value > 0)).toBe(true)
  })

  it('looks only at services that the caller may read', async () => {
    const some = await answering.questions.opportunities({ ...period, services: ['worst', 'fell', 'gone'] })
    expect(new Set(some.opportunities.map(({ service }) => service))).toEqual(new Set(['fell']))
    expect((await answering.questions.opportunities({ ...period, services: [] })).opportunities).toEqual([])
  })

  it.each([0, 1.5, 1001])('refuses a limit of %d', async (limit) => {
    await expect(answering.questions.opportunities({ ...period, limit })).rejects.toMatchObject({ parameter: 'limit' })
  })

  it('leaves made-up services out once a real one has events', async () => {
    const sample = await answering.putService(
      'made-up',
      { name: 'Made up', department: 'alone', funnel: { steps, window: 'P1D' } },
      { sample: true },
    )
    await insertFacts(answering.stores, sample, [
      ...journeys([1000, 0, 900], to - 10 * day, '1'),
      ...journeys([1000, 0, 10], to - 110 * day, '2'),
    ])
    const { opportunities } = await answering.questions.opportunities(period)
    expect(opportunities.map(({ service }) => service)).not.toContain('made-up')
  })
})

describe('what steps lost, and the oracle', { timeout: 120_000 }, () => {
  it('agree on every step, in the period and in every quarter, of stored and of changed funnels, and with the funnel', async () => {
    const random = seededRandom(seed)
    const range = { from: to - 28 * day, to, tz: 'UTC' }
    const cases: { service: Service; journeys: readonly OracleJourney[] }[] = []
    for (let made = 0; made < 10; made += 1) {
      const putRandom = (funnel: FunnelInput) =>
        answering.putService(`random-${made}`, { name: 'Random', department: 'random', funnel })
      let service = await putRandom(randomFunnel(random))
      const own = Array.from({ length: 60 }, (_, index): OracleJourney => {
        const trail = randomTrail(random, normaliseFunnel(service.funnel))
        const first = trail[0]?.at ?? 0
        // Edges of quarters too, to the millisecond.
        const edge = to - random.whole(0, 4) * 91 * day - random.whole(0, 1)
        const begin = random.chance(0.3) ? edge : to - random.whole(1, (random.chance(0.5) ? 28 : 400) * day)
        return {
          journey: (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0'),
          events: trail.map((event) => ({ ...event, at: event.at - first + begin })),
        }
      }).filter(({ events }) => events.length > 0)
      await insertFacts(answering.stores, service, own)
      // Two of them have just got another funnel: their stored verdicts are of the one before.
      if (made < 2) service = await putRandom(randomFunnel(random))
      cases.push({ service, journeys: own })
    }
    let compared = 0
    for (const now of [to + 30 * day, to - 7 * day]) {
      answering.clock.set(now)
      const context = {
        reads: answering.stores.reads,
        registry: answering.registry,
        clock: answering.clock,
        limits: defaultLimits,
        journeyHash,
        annotations: openMemoryAnnotations({ clock: answering.clock }),
      }
      const services = cases.map(({ service }) => service)
      const all = await stepLossesByService(context, services, range, now)
      for (const { service, journeys: own } of cases) {
        const funnel = normaliseFunnel(service.funnel)
        const losses = all.get(service.id)
        const expectLosses = (given: StepLosses | undefined, from: number, until: number) => {
          const expected = oracleLosses({ funnel, journeys: own, now }, from, until)
          for (const name of ['entered', 'lost', 'completed'] as const)
            expect(
              funnel.positions.map((_, index) => given?.[name][index] ?? 0),
              `FUZZ_SEED=${seed} ${service.id} ${name}`,
            ).toEqual(expected[name])
          compared += 3 * funnel.positions.length
        }
        expectLosses(losses?.period, range.from, to)
        for (let quarter = 0; quarter < 4; quarter += 1)
          expectLosses(losses?.quarters[quarter], to - (quarter + 1) * 91 * day, to - quarter * 91 * day)
        const answer = await answering.questions.funnel({
          service,
          from: new Date(range.from).toISOString(),
          to: new Date(to).toISOString(),
        })
        expect(funnel.positions.map((_, index) => losses?.period.entered[index] ?? 0)).toEqual(
          answer.steps.map(({ elapsed }) => elapsed.entered),
        )
        expect([losses?.started ?? 0, losses?.elapsed ?? 0]).toEqual([
          answer.totals.started,
          answer.totals.elapsed.started,
        ])
      }
    }
    answering.clock.set(to + 30 * day)
    expect(compared).toBeGreaterThan(600)
  })
})
