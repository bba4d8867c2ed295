import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InvalidParameter } from '../../domain/errors.ts'
import { defaultLimits } from '../../domain/limits.ts'
import type { Service } from '../../domain/service.ts'
import { funnelAnswer, trailAnswer, trendAnswer, type FunnelAnswer } from '../../queries/answers.ts'
import type { FunnelQuestion, JourneysQuestion, TrendQuestion } from '../../queries/context.ts'
import { journeyHash, openAnswering, type Answering } from '../support/answering.ts'
import { insertFacts } from '../support/facts.ts'
import type { OracleJourney } from '../support/oracle.ts'
import { storedEvent } from '../support/trails.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const monday = Date.UTC(2026, 9, 12, 9)
const period = { from: '2026-10-12', to: '2026-10-13' }

let answering: Answering
let made = 0

beforeAll(async () => {
  answering = await openAnswering(monday + 30 * day, { ...defaultLimits, breakdownRowsMax: 2 })
})

afterAll(() => answering.close())

async function permit(steps: readonly string[] = ['start', 'name', 'pay', 'done']): Promise<Service> {
  answering.clock.set(monday + 30 * day)
  return answering.putService(`permit-${(made += 1)}`, { name: 'Permit', funnel: { steps, window: 'P1D' } })
}

/** Steps of one journey, a minute apart. */
function journey(number: number, steps: readonly string[], some: { at?: number; device?: string } = {}): OracleJourney {
  const { at = monday, device } = some
  return {
    journey: number.toString(16).padStart(16, '0'),
    events: steps.map((step, index) => ({
      type: 'step',
      step,
      at: at + index * minute,
      seq: 0,
      outcome: '',
      dimensions: device === undefined ? {} : { device },
    })),
  }
}

const many = (from: number, count: number, steps: readonly string[], some = {}) =>
  Array.from({ length: count }, (_, index) => journey(from + index, steps, some))

describe('the funnel', () => {
  it('counts states, steps, rates and times of a period', async () => {
    const service = await permit()
    await insertFacts(answering.stores, service, [
      journey(1, ['start', 'name', 'pay', 'done']),
      journey(2, ['start', 'name', 'help', 'done']),
      journey(3, ['start']),
      journey(4, ['help']),
      journey(5, ['start', 'name'], { at: monday + day }),
    ])
    const answer = await answering.questions.funnel({ service, ...period })
    expect(funnelAnswer.parse(answer)).toEqual(answer)
    expect(answer).toMatchObject({ period: 'complete', version: 1, from: '2026-10-12T00:00:00+00:00' })
    expect(answer.totals).toMatchObject({ started: 3, completed: 1, abandoned: 2, open: 0, unstarted: 1 })
    expect(answer.totals.completionRate?.value).toBeCloseTo(1 / 3)
    expect(answer.steps.map(({ entered, passed }) => [entered, passed])).toEqual([
      [3, 2],
      [2, 1],
      [1, 1],
      [1, 0],
    ])
    expect(answer.steps[2]?.secondsFromPrevious).toEqual({ median: 60, p90: 60 })
    expect(answer.steps[0]).toMatchObject({ rateFromPrevious: null, rateFromStart: { value: 1 } })
  })

  it('is all zero and null where nothing was seen', async () => {
    const answer = await answering.questions.funnel({ service: await permit(), ...period, breakdown: 'device' })
    expect(answer.totals).toMatchObject({ started: 0, completionRate: null, soFar: null, atBest: null })
    expect(answer.steps.map(({ entered, rateFromStart }) => [entered, rateFromStart])).toEqual(
      Array.from({ length: 4 }, () => [0, null]),
    )
    expect(answer).toMatchObject({ period: 'complete', breakdown: [] })
  })

  it('is open to the last millisecond of the window, and abandoned one later', async () => {
    const service = await permit()
    await insertFacts(answering.stores, service, [journey(1, ['start'])])
    const at = async (now: number) => {
      answering.clock.set(now)
      const { totals, period: state } = await answering.questions.funnel({ service, ...period })
      return [totals.open, totals.abandoned, totals.elapsed.started, state]
    }
    expect(await at(monday + day)).toEqual([1, 0, 0, 'partial'])
    expect(await at(monday + day + 1)).toEqual([0, 1, 1, 'complete'])
  })

  it('calls open journeys silent once enough have gone on, and lists them', async () => {
    const service = await permit()
    const open = [journey(101, ['start', 'name']), journey(102, ['start', 'name'], { at: monday + 2 * hour })]
    await insertFacts(answering.stores, service, [...many(1, 19, ['start', 'name', 'pay']), ...open])
    answering.clock.set(monday + 2 * hour + minute)
    const before = await answering.questions.funnel({ service, ...period })
    expect(before.steps.map(({ left }) => left.silent)).toEqual([0, null, null, 0])
    await insertFacts(answering.stores, service, [journey(20, ['start', 'name', 'pay'])])
    const after = await answering.questions.funnel({ service, ...period })
    expect(after.steps.map(({ left }) => [left.open, left.silent])).toEqual([
      [0, 0],
      [2, 1],
      [20, null],
      [0, 0],
    ])
    const { journeys } = await answering.questions.journeys({ service, ...period, state: 'silent' })
    expect(journeys.map((row) => row.journey)).toEqual(['0000000000000065'])
  })

  it('judges who is silent on a day that has only begun by the days before', async () => {
    const service = await permit()
    const today = monday + day
    await insertFacts(answering.stores, service, [
      ...many(1, 20, ['start', 'name', 'pay']),
      journey(101, ['start', 'name'], { at: today }),
      journey(102, ['start', 'name'], { at: today + 30 * minute }),
    ])
    answering.clock.set(today + 31 * minute)
    const silentOf = async (silenceFrom?: string) => {
      const ask = { service, from: '2026-10-13', to: '2026-10-14', breakdown: 'device' }
      const answer = await answering.questions.funnel({ ...ask, silenceFrom })
      expect(answer.totals).toMatchObject({ started: 2, open: 2 })
      return [answer, ...(answer.breakdown ?? [])].map(({ steps }) => steps.map(({ left }) => left.silent))
    }
    expect(await silentOf()).toEqual([
      [null, null, null, 0],
      [null, null, null, 0],
    ])
    expect(await silentOf('2026-09-15')).toEqual([
      [0, 1, null, 0],
      [0, 1, null, 0],
    ])
  })

  it('sums the values past the cut-off in one row, and those without a value in another', async () => {
    const service = await permit()
    await insertFacts(answering.stores, service, [
      ...many(1, 4, ['start', 'name'], { device: 'mobile' }),
      ...many(11, 3, ['start'], { device: 'desktop' }),
      ...many(21, 2, ['start', 'name', 'pay', 'done'], { device: 'tablet' }),
      ...many(31, 1, ['start'], { device: 'watch' }),
      ...many(41, 2, ['start']),
    ])
    const answer = await answering.questions.funnel({ service, ...period, breakdown: 'device' })
    expect(answer.breakdown?.map(({ value, other, totals }) => [value, other, totals.started])).toEqual([
      ['mobile', undefined, 4],
      ['desktop', undefined, 3],
      [null, undefined, 2],
      [null, true, 3],
    ])
    const sum = (count: (row: Pick<FunnelAnswer, 'totals' | 'steps'>) => number) =>
      answer.breakdown?.reduce((total, row) => total + count(row), 0)
    expect(sum(({ totals }) => totals.completed)).toBe(answer.totals.completed)
    expect(sum(({ steps }) => steps[1]?.entered ?? 0)).toBe(answer.steps[1]?.entered)
    const without = await answering.questions.funnel({
      service,
      ...period,
      where: [{ dimension: 'device', values: [null], not: false }],
    })
    expect(without.totals.started).toBe(2)
  })

  it('is of the new funnel at once, while stored verdicts are still of the old one', async () => {
    const old = await permit()
    await insertFacts(answering.stores, old, many(1, 5, ['start', 'name', 'done']))
    const service = await answering.putService(old.id, {
      name: 'Permit',
      funnel: { steps: ['start', 'done'], window: 'P1D' },
    })
    await insertFacts(answering.stores, service, many(11, 2, ['start', 'done']))
    const answer = await answering.questions.funnel({ service, ...period })
    expect([answer.version, answer.totals.completed]).toEqual([2, 7])
    const before = await answering.questions.funnel({ service, ...period, version: 1 })
    expect([before.version, before.totals.completed]).toEqual([1, 0])
    const adHoc = await answering.questions.funnel({ service, ...period, funnel: { steps: ['start', 'name'] } })
    expect([adHoc.version, adHoc.totals.completed]).toEqual([null, 5])
    const ranking = await answering.questions.lowCompletion({ ...period, services: [service.id] })
    expect(ranking.services[0]?.completed).toBe(7)
  })

  it('is revised when a complete hour of it was changed later', async () => {
    const service = await permit()
    await insertFacts(answering.stores, service, [journey(1, ['start'])])
    await answering.stores.writes.insert(
      'cohorts',
      ['service', 'hour', 'revision', 'version', 'state'],
      [
        [service.id, monday, 1, 1, 'revised'],
        [service.id, monday + 3 * hour, 1, 1, 'sealed'],
      ],
    )
    expect((await answering.questions.funnel({ service, ...period })).period).toBe('revised')
    const trend = await answering.questions.trend({ service, ...period, interval: 'hour' })
    expect(trend.periods.flatMap(({ state, start }) => (state === 'revised' ? start : []))).toEqual([
      '2026-10-12T09:00:00+00:00',
    ])
    const elsewhere = { from: '2026-10-12T10:00Z', to: '2026-10-13' }
    expect((await answering.questions.funnel({ service, ...elsewhere })).period).toBe('complete')
    answering.clock.set(monday + hour)
    expect((await answering.questions.funnel({ service, ...period })).period).toBe('partial')
  })

  it('has another revision after new data and after a changed definition, and not by the clock', async () => {
    const service = await permit()
    const revision = async (of: Service = service) =>
      (await answering.questions.funnel({ service: of, ...period })).revision
    const first = await revision()
    answering.clock.set(monday + 40 * day)
    expect(await revision()).toBe(first)
    expect(await revision({ ...service, name: 'Another' })).not.toBe(first)
    await insertFacts(answering.stores, service, [journey(1, ['start'])])
    expect(await revision()).not.toBe(first)
  })
})

describe('a funnel of order any', () => {
  it('names no step that a journey may never have done, and takes positions instead', async () => {
    answering.clock.set(monday + 30 * day)
    const service = await answering.putService(`permit-${(made += 1)}`, {
      name: 'Permit',
      funnel: { steps: ['photo', 'address', 'payment'], order: 'any', window: 'P1D' },
    })
    await insertFacts(answering.stores, service, [
      journey(1, ['payment', 'photo']),
      journey(2, ['payment']),
      journey(3, ['address', 'payment']),
    ])
    const { journeys } = await answering.questions.journeys({ service, ...period })
    expect(journeys.map(({ furthest, position }) => [furthest, position])).toEqual([
      [null, 2],
      [null, 1],
      [null, 2],
    ])
    const { services } = await answering.questions.lowCompletion({ ...period, services: [service.id] })
    expect(services[0]?.worstStep).toEqual({ step: null, name: '2 of 3 steps', position: 2, lost: 2 })
    const { steps } = await answering.questions.funnel({ service, ...period })
    expect(steps.map(({ name }) => name)).toEqual(['1 of 3 steps', '2 of 3 steps', '3 of 3 steps'])
    for (const call of ['journeys', 'trend'] as const) {
      const refusal = answering.questions[call]({ service, ...period, step: 'address' })
      await expect(refusal).rejects.toMatchObject({ parameter: 'step' })
      await expect(refusal).rejects.toThrow('`position`')
    }
    const trend = await answering.questions.trend({ service, ...period, position: 2 })
    expect(trend).toMatchObject({ position: 2, periods: [{ reached: 2, started: 3 }] })
    expect(trend).not.toHaveProperty('step')
  })
})

describe('the trend', () => {
  it('tells apart a step that stands twice by its position', async () => {
    const service = await permit(['start', 'check', 'pay', 'check', 'done'])
    await insertFacts(answering.stores, service, [
      journey(1, ['start', 'check', 'pay', 'check']),
      journey(2, ['start', 'check']),
    ])
    const reached = async (asked: Partial<TrendQuestion>) => {
      const answer = trendAnswer.parse(await answering.questions.trend({ service, ...period, ...asked }))
      return [answer.position, answer.periods[0]?.reached, answer.periods[0]?.rate?.value]
    }
    expect(await reached({ step: 'check' })).toEqual([2, 2, 1])
    expect(await reached({ step: 'check', position: 4 })).toEqual([4, 1, 0.5])
    expect(await reached({ position: 4 })).toEqual([4, 1, 0.5])
  })
})

describe('what cannot be asked', () => {
  const refused: [
    string,
    Partial<FunnelQuestion & TrendQuestion & JourneysQuestion>,
    'funnel' | 'trend' | 'journeys',
  ][] = [
    ['breakdown', { breakdown: 'shoe-size' }, 'funnel'],
    ['where', { where: [{ dimension: "device'", values: ['x'], not: false }] }, 'funnel'],
    ['version', { version: 7 }, 'funnel'],
    ['tz', { tz: 'Mars/Olympus' }, 'funnel'],
    ['interval', { interval: 'hour', from: '1990-01-01' }, 'trend'],
    ['step', { step: 'no such step' }, 'trend'],
    ['step', { step: 'name', position: 1 }, 'trend'],
    ['position', { position: 5 }, 'trend'],
    ['step', { step: 'no such step' }, 'journeys'],
    ['step', { step: 'name', position: 1 }, 'journeys'],
    ['position', { position: 5 }, 'journeys'],
    ['state', { state: 'passed' }, 'journeys'],
    ['state', { state: 'unstarted', step: 'name' }, 'journeys'],
    ['limit', { limit: 0 }, 'journeys'],
    ['limit', { limit: 1001 }, 'journeys'],
    ['cursor', { cursor: 'x' }, 'journeys'],
  ]
  it.each(refused)('names %s in %j', async (parameter, question, call) => {
    const ask = { service: await permit(), ...period, ...question }
    const error: unknown = await answering.questions[call](ask).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(InvalidParameter)
    expect(error).toMatchObject({ parameter })
  })
})

describe('one trail', () => {
  it('is found by its hash and by its reference, and nothing else is', async () => {
    const service = await permit()
    const hash = journeyHash(service.id, 'my reference')
    const event = { service: service.id, journey: hash, dimensions: [['device', 'mobile']] as const }
    await answering.send([
      storedEvent({ ...event, identity: 1, step: 'start', at: monday }),
      storedEvent({ ...event, identity: 3, type: 'leave', step: 'name', at: monday + 2 * minute, engagedMs: 900 }),
      storedEvent({ ...event, identity: 2, step: 'name', at: monday + minute, seq: 4 }),
      storedEvent({ ...event, identity: 4, type: 'outcome', step: '', at: monday + hour, outcome: 'ineligible' }),
    ])
    const answer = await answering.questions.trail({ service, journey: 'my reference' })
    expect(trailAnswer.parse(answer)).toEqual(answer)
    expect(answer).toMatchObject({ journey: hash, state: 'completed', furthest: 'name', position: 2 })
    const common = { channel: 'online', attrs: { device: 'mobile' } }
    expect(answer?.events).toEqual([
      { type: 'step', step: 'start', at: monday, seq: 0, ...common },
      { type: 'step', step: 'name', at: monday + minute, seq: 4, ...common },
      { type: 'leave', step: 'name', at: monday + 2 * minute, seq: 0, engagedMs: 900, ...common },
      { type: 'outcome', at: monday + hour, seq: 0, outcome: 'ineligible', ...common },
    ])
    expect(await answering.questions.trail({ service, journey: hash })).toEqual(answer)
    for (const unknown of ['another', '', 'ffffffffffffffff', hash.toUpperCase(), 'x'.repeat(10_000)])
      expect(await answering.questions.trail({ service, journey: unknown })).toBeNull()
    expect(await answering.questions.trail({ service: await permit(), journey: hash })).toBeNull()
  })
})
