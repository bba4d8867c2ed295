import { expect } from 'vitest'
import { normaliseFunnel, type Service } from '../../domain/service.ts'
import {
  errorsAnswer,
  funnelAnswer,
  intervals,
  journeysAnswer,
  lowCompletionAnswer,
  pathsAnswer,
  timeToCompleteAnswer,
  trendAnswer,
  type JourneyRow,
} from '../../queries/answers.ts'
import type { FunnelAsk, JourneysQuestion, QueryContext, Questions } from '../../queries/context.ts'
import { quarterMs, stepLossesByService, type StepLosses } from '../../queries/step-losses.ts'
import { agreed, expectRate, expectSteps, expectTotals, expectTrend } from './agreeing-answers.ts'
import { expectErrors } from './agreeing-errors.ts'
import { expectCut, expectPaths } from './agreeing-paths.ts'
import { oracleErrors, type OracleError } from './oracle-errors.ts'
import { oracleLosses } from './oracle-opportunities.ts'
import { oraclePaths } from './oracle-paths.ts'
import { oracleBreakdown, oracleFunnelAnswer, oracleJourneys, oracleTrend, type OracleAsk } from './oracle.ts'
import type { Random } from './random.ts'

/** A question to be asked, and what it is asked of. */
export interface Asked {
  readonly questions: Questions
  readonly ask: FunnelAsk
  readonly oracle: OracleAsk
  readonly errors: readonly OracleError[]
  /** Of step names that are equal in time: which stands first. */
  readonly tie: (a: string, b: string) => number
  readonly tz: string
  readonly random: Random
}

/** Each asks one question of the product and of the oracle, and compares all that both say. */
export const agreeing = {
  async funnel({ questions, ask, oracle }: Asked) {
    const expected = oracleFunnelAnswer(oracle)
    const answer = funnelAnswer.parse(await questions.funnel(ask))
    expectTotals(answer.totals, expected.totals)
    expectSteps(answer.steps, expected, expected)
    expect(answer.period).toBe(expected.waiting > 0 ? 'partial' : 'complete')
  },

  async breakdown({ questions, ask, oracle }: Asked) {
    const expected = oracleBreakdown(oracle, 'kind')
    const answer = funnelAnswer.parse(await questions.funnel({ ...ask, breakdown: 'kind' }))
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
  },

  async trend({ questions, ask, oracle, tz, random }: Asked) {
    const { totals } = oracleFunnelAnswer(oracle)
    const interval = random.pick(['hour', 'hour', ...intervals] as const)
    const answer = trendAnswer.parse(await questions.trend({ ...ask, interval }))
    expectTrend(answer, oracleTrend(oracle, interval, tz))
    for (const count of ['started', 'completed', 'failed', 'abandoned', 'open', 'unstarted', 'excluded'] as const)
      expect(answer.periods.reduce((sum, row) => sum + row[count], 0)).toBe(totals[count])
  },

  async trendOfStep({ questions, ask, oracle, tz }: Asked) {
    const { positions, order } = oracle.funnel
    const position = positions.length - 1
    const step = positions[position - 1]?.names[0] ?? ''
    const first = positions.findIndex(({ names }) => names.includes(step)) + 1
    const named = order !== 'any'
    const answer = trendAnswer.parse(
      await questions.trend({ ...ask, interval: 'hour', ...(named ? { step } : { position }) }),
    )
    expectTrend(answer, oracleTrend(oracle, 'hour', tz, named ? first : position))
  },

  async trendOfValues({ questions, ask, oracle, tz, random }: Asked) {
    const interval = random.pick(['hour', 'hour', 'day'] as const)
    const answer = trendAnswer.parse(await questions.trend({ ...ask, interval, breakdown: 'kind', position: 2 }))
    const values = answer.breakdown ?? []
    expect(values.map(({ value }) => value).sort()).toEqual([...oracleBreakdown(oracle, 'kind').keys()].sort())
    for (const { value, periods } of values) {
      const isOne = (kind: string | null) => kind === value && (oracle.where?.['kind']?.(kind) ?? true)
      const of = { ...oracle, where: { ...oracle.where, kind: isOne } }
      expectTrend({ ...answer, periods }, oracleTrend(of, interval, tz, 2))
    }
    expectTrend(answer, oracleTrend(oracle, interval, tz, 2))
  },

  async comparison({ questions, ask, oracle, random }: Asked) {
    const compare = random.pick(['previous', 'previous', 'year'] as const)
    const answer = funnelAnswer.parse(await questions.funnel({ ...ask, compare }))
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
  },

  async timeToComplete({ questions, ask, oracle }: Asked) {
    const answer = timeToCompleteAnswer.parse(await questions.timeToComplete(ask))
    const times = oracleJourneys(oracle)
      .flatMap(({ state, verdict }) => (state === 'completed' ? [verdict.completionMs / 1000] : []))
      .sort((a, b) => a - b)
    expect(answer.count).toBe(times.length)
    expect(answer.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(times.length)
    for (const { from, to, count } of answer.histogram)
      expect(count).toBe(times.filter((seconds) => seconds >= from && seconds < to).length)
    agreed(answer.histogram.length)
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
    expect(answer.within.at(-1)?.completed).toBe(times.length)
    agreed()
  },

  async journeys({ questions, ask, oracle }: Asked) {
    const expected = oracleJourneys(oracle)
    expect(await allPages(questions, { ...ask, limit: 120 })).toEqual(
      expected.map(({ journey, start, state, position }) => ({
        journey,
        start: start === null ? null : new Date(start).toISOString(),
        state,
        furthest: oracle.funnel.order === 'any' ? null : (oracle.funnel.positions[position - 1]?.names[0] ?? null),
        position: position === 0 ? null : position,
      })),
    )
    agreed(expected.length)
  },

  async paths({ questions, ask, oracle, tie, random }: Asked) {
    const named = oracle.funnel.positions.flatMap(({ names }) => names)
    const step = random.chance(0.3) ? null : (named[random.whole(0, named.length - 1)] ?? null)
    const index = oracle.funnel.positions.findIndex(({ names }) => step !== null && names.includes(step))
    const position = index === -1 || oracle.funnel.order === 'any' ? null : index + 1
    const expected = oraclePaths({ ...oracle, step, position, tie })
    const question = { ...ask, ...(step === null ? {} : { step }) }
    const answer = pathsAnswer.parse(await questions.paths({ ...question, limit: 200 }))
    expect(answer).toMatchObject({ step, position })
    expectPaths(answer, expected)
    if (random.chance(0.3)) expectCut(await questions.paths({ ...question, limit: 2 }), expected, 2)
  },

  async errors({ questions, ask, oracle, errors }: Asked) {
    const answer = errorsAnswer.parse(await questions.errors({ ...ask, limit: 1000 }))
    expectErrors(answer, oracleErrors(oracle, errors))
  },
} as const

export type Question = keyof typeof agreeing
export const allQuestions = Object.keys(agreeing) as unknown as readonly [Question, ...Question[]]

/** A service with all that is known of it. */
export interface Known {
  readonly service: Service
  readonly oracle: Pick<OracleAsk, 'journeys'>
}

/** The questions about several services at once, by each one's own funnel. */
export async function expectAcross(
  questions: Questions,
  context: QueryContext,
  known: readonly Known[],
  { from, to, now }: { readonly from: number; readonly to: number; readonly now: number },
): Promise<void> {
  const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  const answer = lowCompletionAnswer.parse(await questions.lowCompletion(range))
  expect(answer.services.map(({ id }) => id).sort()).toEqual(known.map(({ service }) => service.id).sort())
  const services = known.map(({ service }) => service)
  const losses = await stepLossesByService(context, services, { from, to, tz: 'UTC' }, now)
  for (const { service, oracle } of known) {
    const funnel = normaliseFunnel(service.funnel)
    const { totals, steps } = oracleFunnelAnswer({ ...oracle, funnel, from, to, now })
    const row = answer.services.find(({ id }) => id === service.id)
    expect([row?.started, row?.completed, row?.elapsed]).toEqual([totals.started, totals.completed, totals.elapsed])
    expectRate(row?.rate ?? null, totals.completionRate)
    const lost = steps.map(({ left }) => left.failed + left.abandoned)
    const most = Math.max(...lost)
    const worst = most === 0 ? null : { position: lost.indexOf(most) + 1, lost: most }
    expect(row?.worstStep ?? null).toEqual(worst === null ? null : expect.objectContaining(worst))
    agreed()
    const expectLosses = (given: StepLosses | undefined, begin: number, end: number) => {
      const expected = oracleLosses({ ...oracle, funnel, now }, begin, end)
      for (const name of ['entered', 'lost', 'completed'] as const)
        expect(
          funnel.positions.map((_, index) => given?.[name][index] ?? 0),
          name,
        ).toEqual(expected[name])
      agreed(funnel.positions.length)
    }
    expectLosses(losses.get(service.id)?.period, from, to)
    expectLosses(losses.get(service.id)?.quarters[0], to - quarterMs, to)
  }
}

/** So many of the numbers of a funnel, drawn at random, and the journeys that are behind each. */
export async function expectDrillDown({ questions, ask, random }: Asked, numbers: number): Promise<void> {
  const { totals, steps } = await questions.funnel(ask)
  const count = async (question: Omit<JourneysQuestion, keyof FunnelAsk>) =>
    (await questions.journeys({ ...ask, ...question, limit: 1000 })).journeys.length
  const all: { readonly question: Omit<JourneysQuestion, keyof FunnelAsk>; readonly number: number }[] = [
    ...(['completed', 'failed', 'abandoned', 'open', 'unstarted', 'excluded'] as const).map((state) => ({
      question: { state },
      number: totals[state],
    })),
    ...steps.flatMap(({ position, entered, passed, left }) => [
      { question: { position }, number: entered },
      { question: { position, state: 'passed' as const }, number: passed },
      ...(['completed', 'failed', 'abandoned', 'open', 'silent'] as const).flatMap((state) =>
        left[state] === null ? [] : [{ question: { position, state }, number: left[state] }],
      ),
    ]),
  ]
  for (let made = 0; made < numbers; made += 1) {
    const one = all[random.whole(0, all.length - 1)]
    if (one !== undefined) expect(await count(one.question), JSON.stringify(one.question)).toBe(one.number)
  }
}

export async function allPages(questions: Questions, question: JourneysQuestion): Promise<JourneyRow[]> {
  const rows: JourneyRow[] = []
  let cursor: string | null = null
  do {
    const answer = journeysAnswer.parse(
      await questions.journeys({ ...question, ...(cursor === null ? {} : { cursor }) }),
    )
    rows.push(...answer.journeys)
    cursor = answer.cursor
  } while (cursor !== null)
  return rows
}
