import { expect } from 'vitest'
import { normaliseFunnel, type Service } from '../../domain/service.ts'
import {
  type ErrorsAnswer,
  type FunnelAnswer,
  type FunnelAnswerStep,
  type Rate,
  type Totals,
  type TrendPeriod,
} from '../../queries/answers.ts'
import type { FunnelAsk, JourneysQuestion, Questions } from '../../queries/context.ts'
import type { Random } from './random.ts'

/**
 * What must hold between the numbers of one answer, and between answers to different questions about the same journeys
 * (CONTRACT, section 5). Nothing here knows what the numbers should be: the oracle does (agreeing-questions.ts).
 */
export interface IdentitiesOf {
  /** Of one moment: nothing is written, and the clock stands, while they are asked. */
  readonly ask: Pick<
    Questions,
    'funnel' | 'trend' | 'timeToComplete' | 'paths' | 'journeys' | 'errors' | 'lowCompletion' | 'opportunities'
  >
  readonly service: Service
  readonly from: string
  readonly to: string
  readonly tz: string
  readonly where?: FunnelAsk['where']
  /** The dimension of breakdowns. */
  readonly breakdown: string
  readonly random: Random
}

/** Journeys of a number that is drilled into: each page is a question. */
const drilledMax = 3_000

const counts = ['started', 'completed', 'failed', 'abandoned', 'open', 'unstarted', 'excluded'] as const
type Counts = Pick<Totals, (typeof counts)[number] | 'elapsed'>
const ends = ['completed', 'failed', 'abandoned', 'open'] as const

/** @throws an assertion that names what does not hold */
export async function expectIdentities(of: IdentitiesOf): Promise<void> {
  const asked = askedOf(of)
  const funnel = await of.ask.funnel(asked)
  expectFunnel(funnel)
  await expectSameByOtherWays(of, funnel)
  await expectBreakdown(of, funnel)
  await expectTrends(of, funnel)
  await expectParts(of, funnel)
  await expectComparison(of, funnel)
  await expectTimes(of, funnel)
  await expectPathsOf(of, funnel)
  await expectErrorsOf(of, funnel)
  await expectDrillDowns(of, funnel)
  if ((of.where ?? []).length === 0) await expectAcrossServices(of, funnel)
}

const askedOf = ({ service, from, to, tz, where }: IdentitiesOf): FunnelAsk => ({
  service,
  from,
  to,
  tz,
  ...(where === undefined ? {} : { where }),
})

/** What one answer says of itself. */
function expectFunnel(answer: Pick<FunnelAnswer, 'totals' | 'steps' | 'period'>): void {
  const { totals, steps, period } = answer
  expectTotals(totals)
  expect(steps[0]?.entered).toBe(totals.started)
  expect(steps[0]?.elapsed.entered).toBe(totals.elapsed.started)
  expect(period === 'partial').toBe(totals.elapsed.started < totals.started)
  for (const [index, step] of steps.entries()) expectStep(step, steps, index, totals)
  for (const end of ends) expect(sumOf(steps, ({ left }) => left[end])).toBe(totals[end])
}

function expectTotals({ started, completed, failed, abandoned, open, elapsed, ...rates }: Totals): void {
  expect(completed + failed + abandoned + open).toBe(started)
  expect(elapsed.started).toBeLessThanOrEqual(started)
  expect(elapsed.completed).toBeLessThanOrEqual(Math.min(completed, elapsed.started))
  expectRate(rates.completionRate, elapsed.completed, elapsed.started)
  expectRate(rates.soFar, completed, started)
  expectRate(rates.atBest, completed + open, started)
}

function expectStep(step: FunnelAnswerStep, steps: readonly FunnelAnswerStep[], index: number, totals: Totals): void {
  const { entered, passed, elapsed, left } = step
  expect(passed + left.completed + left.failed + left.abandoned + left.open).toBe(entered)
  expect(elapsed.entered).toBeLessThanOrEqual(entered)
  expect(elapsed.passed).toBeLessThanOrEqual(Math.min(passed, elapsed.entered))
  if (left.silent !== null) expect(left.silent).toBeLessThanOrEqual(left.open)
  const next = steps[index + 1]
  if (next === undefined) expect(passed).toBe(0)
  else {
    // Who goes on reaches the next step, unless it may be skipped; and may have skipped this one.
    if (!next.optional) expect(passed).toBeLessThanOrEqual(next.entered)
    if (!step.optional) expect(passed).toBeGreaterThanOrEqual(next.entered)
  }
  expectRate(step.rateFromStart, elapsed.entered, totals.elapsed.started)
  const previous = steps.slice(0, index).findLast(({ optional }) => !optional)
  if (previous === undefined) expect(step.rateFromPrevious).toBeNull()
  else expectRate(step.rateFromPrevious, elapsed.entered, previous.elapsed.entered)
}

function expectRate(rate: Rate | null, part: number, whole: number): void {
  if (whole === 0) {
    expect(rate).toBeNull()
    return
  }
  expect(rate?.value).toBeCloseTo(part / whole, 12)
  const { value, low, high } = rate ?? { value: NaN, low: NaN, high: NaN }
  expect(low).toBeGreaterThanOrEqual(0)
  expect(low).toBeLessThanOrEqual(value)
  expect(high).toBeGreaterThanOrEqual(value)
  expect(high).toBeLessThanOrEqual(1)
}

const countsOf = (row: Counts): Record<string, number> => ({
  ...Object.fromEntries(counts.map((count) => [count, row[count]])),
  elapsedStarted: row.elapsed.started,
  elapsedCompleted: row.elapsed.completed,
})

/** Numbers of a step that add up over disjoint sets of journeys. */
const countsOfStep = ({ entered, passed, elapsed, left: { silent: _, ...left } }: FunnelAnswerStep) => ({
  entered,
  passed,
  elapsedEntered: elapsed.entered,
  elapsedPassed: elapsed.passed,
  ...left,
})

function added(rows: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const row of rows) for (const [name, number] of Object.entries(row)) sum[name] = (sum[name] ?? 0) + number
  return sum
}

const sumOf = <Row>(rows: readonly Row[], of: (row: Row) => number): number =>
  rows.reduce((sum, row) => sum + of(row), 0)

/** The parts are disjoint, and the whole is nothing else. */
function expectAddsUp(
  parts: readonly Pick<FunnelAnswer, 'totals' | 'steps'>[],
  whole: Pick<FunnelAnswer, 'totals' | 'steps'>,
): void {
  expect(added(parts.map(({ totals }) => countsOf(totals)))).toEqual(parts.length === 0 ? {} : countsOf(whole.totals))
  if (parts.length === 0) expect(Object.values(countsOf(whole.totals)).every((count) => count === 0)).toBe(true)
  else
    for (const [index, step] of whole.steps.entries())
      expect(added(parts.flatMap(({ steps }) => steps[index] ?? []).map(countsOfStep))).toEqual(countsOfStep(step))
}

function expectSame(
  actual: Pick<FunnelAnswer, 'totals' | 'steps'>,
  whole: Pick<FunnelAnswer, 'totals' | 'steps'>,
): void {
  expect(actual.totals).toEqual(whole.totals)
  expect(actual.steps.map(countsOfStep)).toEqual(whole.steps.map(countsOfStep))
}

/** Asked with the definition's own version, or with its steps as an ad hoc funnel: the latter is never answered from tallies. */
async function expectSameByOtherWays(of: IdentitiesOf, funnel: FunnelAnswer): Promise<void> {
  const asked = askedOf(of)
  expectSame(await of.ask.funnel({ ...asked, version: of.service.version }), funnel)
  expectSame(await of.ask.funnel({ ...asked, funnel: of.service.funnel }), funnel)
}

async function expectBreakdown(of: IdentitiesOf, funnel: FunnelAnswer): Promise<void> {
  const asked = askedOf(of)
  const answer = await of.ask.funnel({ ...asked, breakdown: of.breakdown })
  expectSame(answer, funnel)
  const rows = answer.breakdown ?? []
  for (const row of rows) expectFunnel({ ...row, period: partialIf(row.totals) })
  expectAddsUp(rows, funnel)
  const some = rows.filter(({ other }) => other !== true)
  const one = some[of.random.whole(0, some.length - 1)]
  if (one === undefined) return
  // What a row says is what is said of its journeys alone.
  const condition = { dimension: of.breakdown, values: [one.value], not: false }
  expectSame(await of.ask.funnel({ ...asked, where: [...(of.where ?? []), condition] }), one)
  const rest = await of.ask.funnel({ ...asked, where: [...(of.where ?? []), { ...condition, not: true }] })
  expectAddsUp([one, rest], funnel)
}

const partialIf = ({ elapsed, started }: Totals) =>
  elapsed.started < started ? ('partial' as const) : ('complete' as const)

async function expectTrends(of: IdentitiesOf, funnel: FunnelAnswer): Promise<void> {
  const asked = askedOf(of)
  const position = of.random.whole(1, funnel.steps.length)
  const step = funnel.steps[position - 1]
  // A thousand hours are enough.
  const isShort = Date.parse(of.to) - Date.parse(of.from) < 45 * 86_400_000
  for (const interval of [isShort ? 'hour' : 'week', of.random.pick(['day', 'week', 'month'] as const)] as const) {
    const { periods } = await of.ask.trend({ ...asked, interval, position })
    expectPeriods(periods, funnel)
    expect(sumOf(periods, ({ reached = 0 }) => reached)).toBe(step?.entered)
    expect(sumOf(periods, ({ elapsed }) => elapsed.reached ?? 0)).toBe(step?.elapsed.entered)
    for (const { rate, elapsed } of periods) expectRate(rate, elapsed.reached ?? 0, elapsed.started)
  }
  const interval = isShort ? of.random.pick(['hour', 'day'] as const) : ('day' as const)
  const answer = await of.ask.trend({ ...asked, interval, breakdown: of.breakdown })
  expectPeriods(answer.periods, funnel)
  for (const [index, period] of answer.periods.entries()) {
    const values = (answer.breakdown ?? []).flatMap(({ periods }) => periods[index] ?? [])
    if (values.length > 0) expect(added(values.map(countsOf))).toEqual(countsOf(period))
  }
}

/** One after the other without a gap, each adding up by itself, and all together the whole. */
function expectPeriods(periods: readonly TrendPeriod[], funnel: Pick<FunnelAnswer, 'from' | 'to' | 'totals'>): void {
  expect(Date.parse(periods[0]?.start ?? '')).toBe(Date.parse(funnel.from))
  expect(Date.parse(periods.at(-1)?.end ?? '')).toBe(Date.parse(funnel.to))
  for (const [index, period] of periods.entries()) {
    expect(period.completed + period.failed + period.abandoned + period.open).toBe(period.started)
    expect(period.state === 'partial').toBe(period.elapsed.started < period.started)
    if (periods[index + 1] !== undefined) expect(periods[index + 1]?.start).toBe(period.end)
    if (period.reached === undefined) expectRate(period.rate, period.elapsed.completed, period.elapsed.started)
  }
  expect(added(periods.map(countsOf))).toEqual(countsOf(funnel.totals))
}

/** The period cut somewhere, and a day of its trend, are asked about alone. */
async function expectParts(of: IdentitiesOf, funnel: FunnelAnswer): Promise<void> {
  const asked = askedOf(of)
  const [from, to] = [Date.parse(of.from), Date.parse(of.to)]
  const cut = new Date(from + Math.floor((to - from) * of.random.next())).toISOString()
  if (Date.parse(cut) > from)
    expectAddsUp([await of.ask.funnel({ ...asked, to: cut }), await of.ask.funnel({ ...asked, from: cut })], funnel)
  const { periods } = await of.ask.trend({ ...asked, interval: 'day' })
  const day = periods[of.random.whole(0, periods.length - 1)]
  if (day === undefined) return
  const { totals } = await of.ask.funnel({ ...asked, from: day.start, to: day.end })
  expect(countsOf(totals)).toEqual(countsOf(day))
}

async function expectComparison(of: IdentitiesOf, funnel: FunnelAnswer): Promise<void> {
  const asked = askedOf(of)
  const compare = of.random.pick(['previous', 'year'] as const)
  const answer = await of.ask.funnel({ ...asked, compare })
  expectSame(answer, funnel)
  const { comparison } = answer
  if (comparison === undefined) throw new Error('it was asked for')
  expectFunnel(comparison)
  const { from, to } = comparison
  expectSame(await of.ask.funnel({ ...asked, from, to }), comparison)
  if (compare === 'previous') expect(Date.parse(to)).toBe(Date.parse(of.from))
  const [now, then] = [answer.totals.completionRate, comparison.totals.completionRate]
  if (now === null || then === null) expect(comparison.completionRateDifference).toBeNull()
  else expect(comparison.completionRateDifference?.value).toBeCloseTo(now.value - then.value, 12)
  const trend = await of.ask.trend({ ...asked, compare, interval: 'day' })
  expectPeriods(trend.periods, funnel)
  expectPeriods(trend.comparison?.periods ?? [], { ...comparison, ...trend.comparison })
}

async function expectTimes(of: IdentitiesOf, { totals }: FunnelAnswer): Promise<void> {
  const answer = await of.ask.timeToComplete(askedOf(of))
  expect(answer.count).toBe(totals.completed)
  expect(sumOf(answer.histogram, ({ count }) => count)).toBe(totals.completed)
  const { p50, p75, p90, p95, within } = answer
  if (totals.completed === 0) expect([p50, p75, p90, p95]).toEqual([null, null, null, null])
  else expect([p50, p75, p90, p95]).toEqual([p50, p75, p90, p95].sort((a, b) => (a ?? 0) - (b ?? 0)))
  expect(within.map(({ completed }) => completed)).toEqual(within.map((row) => row.completed).sort((a, b) => a - b))
  expect(within.at(-1)?.completed ?? totals.completed).toBe(totals.completed)
  for (const { completed, rate } of within) expectRate(rate, completed, totals.started)
}

async function expectPathsOf(of: IdentitiesOf, funnel: FunnelAnswer): Promise<void> {
  const asked = askedOf(of)
  const { totals, steps } = funnel
  const whole = await of.ask.paths({ ...asked, limit: 200 })
  expect(whole.started).toBe(totals.started)
  expect(whole.seen).toBeLessThanOrEqual(whole.started)
  // Each begins with one step, and ends with one.
  for (const list of ['next', 'previous'] as const)
    if (whole.other[list].rows === 0) expect(sumOf(whole[list], ({ journeys }) => journeys)).toBe(whole.seen)
  const row = steps[of.random.whole(0, steps.length - 1)]
  if (row === undefined) return
  const isOrdered = (of.service.funnel.order ?? 'ordered') !== 'any'
  const answer = await of.ask.paths({
    ...asked,
    step: row.step,
    limit: 200,
    ...(isOrdered ? { position: row.position } : {}),
  })
  expect(answer.started).toBe(totals.started)
  if (answer.instead === null) throw new Error('a step was asked about')
  const { journeys, nothing, next, completed, lost } = answer.instead
  if (answer.other.insteadNext.rows === 0) expect(nothing.journeys + sumOf(next, (way) => way.journeys)).toBe(journeys)
  if (!isOrdered) return
  expect(answer.entered).toBe(row.entered)
  expect({ journeys, completed, lost }).toEqual({
    journeys: row.entered - row.passed,
    completed: row.left.completed,
    lost: row.left.failed + row.left.abandoned,
  })
}

async function expectErrorsOf(of: IdentitiesOf, { totals, steps }: FunnelAnswer): Promise<void> {
  const answer = await of.ask.errors({ ...askedOf(of), limit: 1_000 })
  expect(answer.started).toBe(totals.started)
  expect(answer.journeys).toBeLessThanOrEqual(totals.started)
  for (const [rows, other] of [
    [answer.errors, answer.other],
    [answer.codes, answer.otherCodes],
  ] satisfies [ErrorsAnswer['errors'] | ErrorsAnswer['codes'], ErrorsAnswer['other']][]) {
    expect(sumOf<{ events: number }>(rows, ({ events }) => events) + (other?.events ?? 0)).toBe(answer.events)
    for (const { journeys, events, later, elapsed, completionRate } of rows) {
      expect(journeys).toBeLessThanOrEqual(Math.min(events, answer.journeys))
      expect(later.completed + later.failed + later.abandoned + later.open).toBe(journeys)
      for (const end of ends) expect(later[end]).toBeLessThanOrEqual(totals[end])
      expectRate(completionRate, elapsed.completed, elapsed.journeys)
    }
  }
  for (const { position, reached, journeys } of answer.errors) {
    if (position === null) continue
    expect(reached).toBe(steps[position - 1]?.entered)
    expect(journeys).toBeLessThanOrEqual(reached ?? 0)
  }
}

/** A few numbers of the funnel, and as many journeys as each says. */
async function expectDrillDowns(of: IdentitiesOf, { totals, steps }: FunnelAnswer): Promise<void> {
  const numbers = [
    ...(['completed', 'failed', 'abandoned', 'open', 'unstarted', 'excluded'] as const).map((state) => ({
      state,
      number: totals[state],
    })),
    ...steps.flatMap(({ position, entered, passed, left }) => [
      { position, number: entered },
      { position, state: 'passed' as const, number: passed },
      ...([...ends, 'silent'] as const).flatMap((state) =>
        left[state] === null ? [] : [{ position, state, number: left[state] }],
      ),
    ]),
  ].filter(({ number }) => number <= drilledMax)
  for (let drilled = 0; drilled < 3; drilled += 1) {
    const one = numbers.splice(of.random.whole(0, numbers.length - 1), 1)[0]
    if (one === undefined) return
    const { number, ...question } = one
    const seen = new Set(await allJourneys(of, question))
    expect(seen.size, JSON.stringify(question)).toBe(number)
  }
}

async function allJourneys(of: IdentitiesOf, question: Omit<JourneysQuestion, keyof FunnelAsk>): Promise<string[]> {
  const hashes: string[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const answer = await of.ask.journeys({ ...askedOf(of), ...question, limit: 1_000, cursor })
    hashes.push(...answer.journeys.map(({ journey }) => journey))
    cursor = answer.cursor
  }
  return hashes
}

/** A service beside others is what it is alone. */
async function expectAcrossServices(of: IdentitiesOf, { totals, steps }: FunnelAnswer): Promise<void> {
  const { from, to, tz, service } = of
  const { services, funnelPlot } = await of.ask.lowCompletion({ from, to, tz, limit: 10_000 })
  const row = services.find(({ id }) => id === service.id)
  const { started, completed, elapsed, rate } = row ?? {}
  expect({ started, completed, elapsed, rate }).toEqual({
    started: totals.started,
    completed: totals.completed,
    elapsed: totals.elapsed,
    rate: totals.completionRate,
  })
  const lost = steps.map(({ left }) => left.failed + left.abandoned)
  expect(row?.worstStep?.lost ?? 0).toBe(Math.max(0, ...lost))
  if (row?.worstStep) expect(lost[row.worstStep.position - 1]).toBe(row.worstStep.lost)
  const point = funnelPlot.points.find(({ id }) => id === service.id)
  expect(point?.started ?? 0).toBe(totals.elapsed.started)
  const { opportunities } = await of.ask.opportunities({ from, to, tz, limit: 1_000 })
  const isAllElapsed = totals.elapsed.started === totals.started
  const positions = normaliseFunnel(service.funnel).positions.length
  for (const one of opportunities) {
    if (one.service !== service.id) continue
    const step = steps[one.position - 1]
    expect(one.position).toBeLessThan(positions)
    expect(one.entered).toBe(step?.elapsed.entered)
    expectRate(one.keptRate, one.entered - one.lost, one.entered)
    const left = (step?.left.failed ?? 0) + (step?.left.abandoned ?? 0)
    if (isAllElapsed) expect(one.lost).toBe(left)
    else expect(one.lost).toBeLessThanOrEqual(left)
    expect(one.recoverable.value).toBeLessThanOrEqual(one.lost)
  }
}
