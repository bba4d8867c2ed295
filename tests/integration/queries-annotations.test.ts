import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { normaliseFunnel, type Service } from '../../domain/service.ts'
import { annotationAnswer, annotationsAnswer } from '../../queries/answers.ts'
import { horizonMs } from '../../queries/before-after.ts'
import { openAnswering, type Answering } from '../support/answering.ts'
import { insertFacts } from '../support/facts.ts'
import { oracleBeforeAfter } from '../support/oracle-before-after.ts'
import type { OracleJourney, OracleJourneyEvent } from '../support/oracle.ts'
import { seededRandom } from '../support/random.ts'

const hour = 3_600_000
const day = 24 * hour
/** Half an hour after a full one, in the week in which clocks go forward in London. */
const at = Date.UTC(2026, 2, 27, 13, 30)
const zones = ['Europe/London', 'Asia/Kolkata', 'Australia/Lord_Howe'] as const
const ages = [3 * hour, 30 * hour, 5 * day, 15 * day, 60 * day]

let answering: Answering
const cases: { service: Service; journeys: readonly OracleJourney[] }[] = []

beforeAll(async () => {
  answering = await openAnswering(at)
  const random = seededRandom(20261124)
  for (const timeZone of zones) {
    const id = timeZone.toLowerCase().replaceAll(/[^a-z]/g, '-')
    const service = await answering.putService(id, { name: id, timeZone, funnel: { steps: ['start', 'done'] } })
    const journeys = Array.from({ length: 1500 }, (_, index): OracleJourney => {
      const start = random.chance(0.02) ? at - random.whole(0, 1) : at + random.whole(-29 * day, 29 * day)
      const event = (step: string, after: number): OracleJourneyEvent => ({
        type: 'step',
        step,
        at: start + after,
        seq: 0,
        outcome: '',
      })
      const done = random.chance(start < at ? 0.8 : 0.4)
      const quick = random.pick([60_000, hour, hour + 1, 20 * hour, 6 * day])
      return {
        journey: (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0'),
        events: random.chance(0.05)
          ? [event('other', 0)]
          : [event('start', 0), ...(done ? [event('done', quick)] : [])],
      }
    })
    await insertFacts(answering.stores, service, journeys)
    await answering.annotations.add(id, { id: 'v1', at, kind: 'release', label: 'Version 1' })
    await answering.annotations.add(id, { id: 'v2', at: at + 2 * day, kind: 'incident', label: 'Partner away' })
    cases.push({ service, journeys })
  }
})

afterAll(() => answering.close())

describe('before and after', () => {
  it('agree with the oracle, however fresh the release is', async () => {
    for (const { service, journeys } of cases)
      for (const age of ages) {
        const now = at + age
        answering.clock.set(now)
        const funnel = normaliseFunnel(service.funnel)
        const horizon = horizonMs(funnel.windowMs, age)
        if (horizon === null) throw new Error('old enough to compare')
        const until = Math.min(at + 28 * day, now - horizon)
        const expected = oracleBeforeAfter(
          { funnel, journeys, now },
          { at, until, horizonMs: horizon, tz: service.timeZone },
        )
        const answer = annotationAnswer.parse(await answering.questions.annotation({ service, id: 'v1' }))
        const { comparison } = answer.annotation
        const { before, after, difference, hours, reason } = comparison
        expect([before.started, before.completed]).toEqual([expected.before.started, expected.before.completed])
        expect([after.started, after.completed]).toEqual([expected.after.started, expected.after.completed])
        expect(Date.parse(after.to)).toBe(until)
        expect(comparison.horizonSeconds).toBe(horizon / 1000)
        expect(comparison.final).toBe(age === 60 * day)
        expect(answer.period).toBe(age === 60 * day ? 'complete' : 'partial')
        if (reason !== null) continue
        expect(hours).toBe(expected.hours)
        expect(difference?.value).toBeCloseTo(expected.difference, 9)
        expect((after.standardisedRate ?? 0) - (before.standardisedRate ?? 0)).toBeCloseTo(expected.difference, 9)
      }
  })

  it('call a fall from 80 % to 40 % significant, and say what else was marked', async () => {
    for (const { service } of cases) {
      answering.clock.set(at + 60 * day)
      const answer = await answering.questions.annotation({ service, id: 'v1' })
      const comparison = answer?.annotation.comparison
      expect(comparison).toMatchObject({ significant: true, wholeWindow: true, reason: null, alsoMarked: ['v2'] })
      expect(comparison?.difference?.high).toBeLessThan(-0.2)
      expect(comparison?.oddsRatio?.high).toBeLessThan(1)
    }
  })

  it('say nothing of a release of the last two hours, and why', async () => {
    const [one] = cases
    if (one === undefined) throw new Error('there are cases')
    answering.clock.set(at + 2 * hour - 1)
    const answer = annotationAnswer.parse(await answering.questions.annotation({ service: one.service, id: 'v1' }))
    expect(answer.annotation.comparison).toMatchObject({ reason: 'too-fresh', significant: null, difference: null })
    expect(answer.annotation.comparison.after).toMatchObject({ started: 0, rate: null })
  })

  it('are listed for a period, the latest first, up to the limit', async () => {
    const [one] = cases
    if (one === undefined) throw new Error('there are cases')
    const { service } = one
    answering.clock.set(at + 60 * day)
    const list = async (question: { from?: string; to?: string; limit?: number }) => {
      const all = { from: '2026-03-01', to: '2026-05-01' }
      return annotationsAnswer.parse(await answering.questions.annotations({ service, ...all, ...question }))
    }
    const all = await list({})
    expect(all.annotations.map(({ id }) => id)).toEqual(['v2', 'v1'])
    expect(all.annotations[1]).toEqual((await answering.questions.annotation({ service, id: 'v1' }))?.annotation)
    expect(await list({ limit: 1 })).toMatchObject({ annotations: [{ id: 'v2' }], other: 1 })
    const exactly = { from: new Date(at).toISOString(), to: new Date(at + 1).toISOString() }
    expect((await list(exactly)).annotations.map(({ id }) => id)).toEqual(['v1'])
    expect((await list({ from: exactly.to, to: '2026-03-28' })).annotations).toEqual([])
    expect(await answering.questions.annotation({ service, id: 'none' })).toBeNull()
    await answering.annotations.add(service.id, { id: 'v0', at: 5, kind: 'other', label: 'Long ago' })
    expect((await list({})).revision).not.toBe(all.revision)
    const old = await answering.questions.annotation({ service, id: 'v0' })
    expect(old?.annotation.comparison).toMatchObject({ reason: 'no-common-hours' })
  })

  it.each([0, 101, 1.5])('refuse the limit %f', async (limit) => {
    const [one] = cases
    if (one === undefined) throw new Error('there are cases')
    await expect(answering.questions.annotations({ service: one.service, limit })).rejects.toMatchObject({
      parameter: 'limit',
    })
  })
})

describe('the horizon', () => {
  it.each([
    [7 * day, 2 * hour - 1, null],
    [7 * day, 2 * hour, hour],
    [7 * day, 30 * hour, 12 * hour],
    [7 * day, 14 * day - 1, 5 * day],
    [7 * day, 14 * day, 7 * day],
    [60_000, 119_999, null],
    [60_000, 120_000, 60_000],
    [3 * hour, 6 * hour - 1, 2 * hour],
  ])('of a window of %i ms, %i ms after, is %j', (windowMs, since, expected) => {
    expect(horizonMs(windowMs, since)).toBe(expected)
  })
})
