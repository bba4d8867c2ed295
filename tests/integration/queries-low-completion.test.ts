import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import type { Store } from '../../domain/ports/store.ts'
import { serviceInput, type Service } from '../../domain/service.ts'
import { param, raw, sql } from '../../domain/sql.ts'
import { lowCompletionAnswer } from '../../queries/answers.ts'
import { createQuestions } from '../../queries/questions.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { journeyHash, openAnswering, type Answering } from '../support/answering.ts'
import { insertFacts } from '../support/facts.ts'
import { openMemoryRegistry } from '../support/memory-registry.ts'
import type { OracleJourney } from '../support/oracle.ts'

const monday = Date.UTC(2026, 9, 12, 9)
const day = 24 * 3_600_000
const period = { from: '2026-10-12', to: '2026-10-13' }
const steps = ['start', 'name', 'done']

let answering: Answering

/** Completed and started of each service: one is far worse than the others. */
const counts: Record<string, readonly [completed: number, started: number]> = {
  apply: [80, 100],
  book: [78, 100],
  claim: [82, 100],
  declare: [75, 100],
  enrol: [85, 100],
  file: [79, 100],
  grant: [81, 100],
  help: [77, 100],
  inform: [84, 100],
  join: [2, 2],
  worst: [20, 100],
  unseen: [0, 0],
}

beforeAll(async () => {
  answering = await openAnswering(monday + 30 * day)
  for (const [id, [completed, started]] of Object.entries(counts)) {
    const service = await put(id)
    await insertFacts(answering.stores, service, journeys(completed, started))
  }
})

afterAll(() => answering.close())

function put(id: string, options: { sample?: boolean } = {}): Promise<Service> {
  const department = id < 'd' ? 'first' : 'second'
  return answering.putService(id, { name: id, department, funnel: { steps, window: 'P1D' } }, options)
}

/** Who does not complete leaves at the second step, every tenth at the first. */
function journeys(completed: number, started: number): OracleJourney[] {
  return Array.from({ length: started }, (_, index) => ({
    journey: (index + 1).toString(16).padStart(16, '0'),
    events: steps.slice(0, index < completed ? 3 : index % 10 === 0 ? 1 : 2).map((step, position) => ({
      type: 'step' as const,
      step,
      at: monday + index * 1000 + position * 60_000,
      seq: 0,
      outcome: '' as const,
    })),
  }))
}

describe('services by low completion', () => {
  it('ranks by the shrunk rate, flags the worst and names its step', async () => {
    const answer = await answering.questions.lowCompletion(period)
    expect(lowCompletionAnswer.parse(answer)).toEqual(answer)
    const [worst, second] = answer.services
    expect(worst).toMatchObject({
      rank: 1,
      id: 'worst',
      started: 100,
      completed: 20,
      flagged: true,
      worstStep: { step: 'name', position: 2, lost: 72 },
    })
    expect(worst?.shrunkRate).toBeGreaterThan(0.2)
    expect(second?.flagged).toBe(false)
    const shrunk = answer.services.flatMap(({ shrunkRate }) => shrunkRate ?? [])
    expect(shrunk).toEqual([...shrunk].sort((a, b) => a - b))
    // Two of two is less than 85 of 100 says.
    const rank = (id: string) => answer.services.find((service) => service.id === id)?.rank
    expect(rank('join')).toBeLessThan(rank('enrol') ?? 0)
  })

  it('puts who says nothing last, without a rank', async () => {
    const { services } = await answering.questions.lowCompletion(period)
    expect(services.at(-1)).toMatchObject({ id: 'unseen', rank: null, rate: null, shrunkRate: null, worstStep: null })
  })

  it('has the totals of each funnel', async () => {
    const { services } = await answering.questions.lowCompletion(period)
    for (const { id, started, completed, elapsed, rate } of services) {
      const service = await answering.registry.service(id)
      if (service === undefined) throw new Error(`no service ${id}`)
      const { totals } = await answering.questions.funnel({ service, ...period })
      expect({ started, completed, elapsed, rate }).toEqual({
        started: totals.started,
        completed: totals.completed,
        elapsed: totals.elapsed,
        rate: totals.completionRate,
      })
    }
  })

  it('draws a funnel plot of all, with the worst far outside', async () => {
    const { funnelPlot } = await answering.questions.lowCompletion(period)
    expect(funnelPlot.points).toHaveLength(11)
    expect(funnelPlot.mean).toBeCloseTo(743 / 1002)
    expect(funnelPlot.points.find(({ id }) => id === 'worst')?.z).toBeLessThan(-2)
    expect(funnelPlot.limits[0]?.started).toBeLessThanOrEqual(2)
    expect(funnelPlot.limits.at(-1)?.started).toBeGreaterThanOrEqual(100)
  })

  it('compares only those asked for, and flags none of few', async () => {
    const first = await answering.questions.lowCompletion({ ...period, department: 'first' })
    expect(first.services.map(({ id }) => id).sort()).toEqual(['apply', 'book', 'claim'])
    const some = await answering.questions.lowCompletion({ ...period, services: ['worst', 'apply', 'gone'], limit: 1 })
    expect(some.services).toMatchObject([{ id: 'worst', rank: 1, flagged: false }])
    expect((await answering.questions.lowCompletion({ ...period, services: [] })).services).toEqual([])
  })

  it('has days of the zone that all compared services share, else of UTC', async () => {
    const zoned = (id: string, timeZone: string) =>
      answering.putService(id, { name: id, department: 'far', timeZone, funnel: { steps } })
    const answered = async (some: object = {}) => {
      const { from, tz } = await answering.questions.lowCompletion({ ...period, department: 'far', ...some })
      return [from, tz]
    }
    await zoned('one', 'Asia/Kolkata')
    await zoned('two', 'Asia/Kolkata')
    expect(await answered()).toEqual(['2026-10-12T00:00:00+05:30', 'Asia/Kolkata'])
    expect(await answered({ tz: 'Europe/London' })).toEqual(['2026-10-12T00:00:00+01:00', 'Europe/London'])
    await zoned('three', 'Europe/London')
    expect(await answered()).toEqual(['2026-10-12T00:00:00+00:00', 'UTC'])
    for (const id of ['one', 'two', 'three']) await answering.registry.deleteService(id)
  })

  it('is partial while a journey may still complete', async () => {
    answering.clock.set(monday + 3_600_000)
    const answer = await answering.questions.lowCompletion(period)
    answering.clock.set(monday + 30 * day)
    expect(answer).toMatchObject({ period: 'partial', funnelPlot: { mean: null, points: [], limits: [] } })
    expect(answer.services.every(({ rate, flagged }) => rate === null && !flagged)).toBe(true)
  })

  it('names the step where the service itself lost most, who failed before the window passed too', async () => {
    const service = await put('dead-end')
    const began = monday + 29 * day + 12 * 3_600_000
    const failed = journeys(0, 30).map(({ journey }) => ({
      journey: `f${journey.slice(1)}`,
      events: [
        { type: 'step' as const, step: 'start', at: began, seq: 0, outcome: '' as const },
        { type: 'outcome' as const, step: '', at: began + 1000, seq: 0, outcome: 'failed' as const },
      ],
    }))
    await insertFacts(answering.stores, service, [...journeys(0, 10), ...failed])
    const ask = { from: period.from, to: '2026-11-12' }
    const { services } = await answering.questions.lowCompletion({ ...ask, services: ['dead-end'] })
    const { steps } = await answering.questions.funnel({ service, ...ask })
    await answering.registry.deleteService('dead-end')
    expect(steps.map(({ left, elapsed }) => [left.failed + left.abandoned, elapsed.entered - elapsed.passed])).toEqual([
      [31, 1],
      [9, 9],
      [0, 0],
    ])
    expect(services).toMatchObject([{ worstStep: { step: 'start', position: 1, lost: 31 } }])
  })

  it('leaves made-up services out once a real one has events', async () => {
    const sample = await put('made-up', { sample: true })
    await insertFacts(answering.stores, sample, journeys(1, 50))
    const ids = async () => (await answering.questions.lowCompletion(period)).services.map(({ id }) => id)
    expect(await ids()).not.toContain('made-up')
    for (const id of Object.keys(counts)) if (counts[id]?.[1] !== 0) await answering.registry.deleteService(id)
    expect(await ids()).toContain('made-up')
  })
})

describe('thousands of services in one question', () => {
  const many = 3_000
  const eachStarted = 12

  it('takes as many statements as one service does, and flags whom it should', async () => {
    const registry = openMemoryRegistry({ clock: answering.clock })
    const definition = serviceInput.parse({ name: 'One of many', funnel: { steps: ['start', 'done'], window: 'P1D' } })
    const ids = Array.from({ length: many }, (_, index) => `many-${String(index).padStart(4, '0')}`)
    for (const id of ids) await registry.putService(id, definition)
    // Verdicts as the processor stores them. Of 12 journeys 11 complete, and 1 of every twentieth service's.
    await answering.stores.writes.command(sql`
      INSERT INTO facts (service, journey, revision, givenAt, seq, step, outcomeAt, outcomeSeq, outcome, firstAt,
        givenLastAt, events, eventsDropped, dimensions, version, givenVerdict)
      SELECT ${param('Array(String)', ids)}[intDiv(number, ${raw(String(eachStarted))}) + 1], number, 1, [began], [0], [1], [], [], [],
        began, began, 1, 0, map(), 1,
        (began, began, 0, if(completes, 2, 1), if(completes, 3, 1), if(completes, [began, began], [began]), completes, 0, if(completes, 0, -1))
      FROM (SELECT number, ${param('Int64', monday)} AS began,
          number % ${raw(String(eachStarted))} < if(intDiv(number, ${raw(String(eachStarted))}) % 20 = 0, 1, 11) AS completes
        FROM numbers(${raw(String(many * eachStarted))}))`)
    let statements = 0
    const reads: Store = {
      ...answering.stores.reads,
      select: (statement, options) => {
        statements += 1
        return answering.stores.reads.select(statement, options)
      },
    }
    const questions = createQuestions({
      reads,
      registry,
      clock: answering.clock,
      limits: defaultLimits,
      journeyHash,
      annotations: openMemoryAnnotations({ clock: answering.clock }),
    })
    await questions.lowCompletion({ ...period, services: ids.slice(0, 1) })
    const ofOne = statements
    statements = 0
    const { services, funnelPlot } = await questions.lowCompletion({ ...period, limit: many })
    expect(statements).toBe(ofOne)
    expect(statements).toBeLessThanOrEqual(6)
    expect(services.map(({ id }) => id).sort()).toEqual(ids)
    expect(funnelPlot.points).toHaveLength(many)
    const worst = ids.filter((_, index) => index % 20 === 0)
    expect(services.slice(0, worst.length).map(({ id }) => id)).toEqual(worst)
    expect(services.filter(({ flagged }) => flagged).map(({ id }) => id)).toEqual(worst)
    expect(services[0]).toMatchObject({ started: 12, completed: 1, worstStep: { step: 'start', lost: 11 } })
  })
})
