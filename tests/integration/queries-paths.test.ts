import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { normaliseFunnel, type FunnelInput, type Service } from '../../domain/service.ts'
import { pathsAnswer } from '../../queries/answers.ts'
import type { FunnelAsk } from '../../queries/context.ts'
import { expectCut, expectPaths } from '../support/agreeing-paths.ts'
import { openAnswering, type Answering } from '../support/answering.ts'
import { insertFacts } from '../support/facts.ts'
import type { OracleAsk, OracleJourney } from '../support/oracle.ts'
import { oraclePaths } from '../support/oracle-paths.ts'
import { randomFunnel, randomTrail } from '../support/random-funnels.ts'
import { seededRandom, type Random } from '../support/random.ts'
import { stepHashes } from '../support/verdicts.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20260713)
const services = Number(process.env['FUZZ_SERVICES'] ?? 2)
const alphabet = ['a', 'b', 'c', 'd', 'e', 'f', 'z'] as const
const hour = 3_600_000
const begin = Date.UTC(2026, 5, 1)

interface Case {
  readonly service: Service
  readonly older: Service
  readonly journeys: readonly OracleJourney[]
  readonly nows: readonly number[]
}

let answering: Answering
let hashes: ReadonlyMap<string, string>
let cases: Case[]

beforeAll(async () => {
  answering = await openAnswering(begin)
  hashes = await stepHashes(answering.stores.reads, alphabet)
  const random = seededRandom(seed)
  cases = []
  for (let made = 0; made < services; made += 1) cases.push(await randomCase(random, `service-${made}`))
})

afterAll(() => answering.close())

async function randomCase(random: Random, id: string): Promise<Case> {
  const put = (funnel: FunnelInput) => answering.putService(id, { name: id, timeZone: 'UTC', funnel })
  const older = await put(randomFunnel(random))
  const service = await put(randomFunnel(random))
  const { windowMs } = normaliseFunnel(service.funnel)
  const journeys = Array.from({ length: 80 }, (_, index): OracleJourney => {
    const trail = randomTrail(random, normaliseFunnel(service.funnel))
    const first = trail[0]?.at ?? 0
    const start = begin + random.whole(0, 6 * hour)
    const dimensions = random.chance(0.6) ? { device: 'mobile' } : {}
    return {
      journey: (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0'),
      events: trail.map((event) => ({ ...event, at: event.at - first + start, dimensions })),
    }
  }).filter(({ events }) => events.length > 0)
  await insertFacts(answering.stores, service, journeys)
  await answering.stores.writes.insert(
    'step_names',
    ['service', 'step', 'lastSeen'],
    alphabet.map((step) => [id, step, begin]),
  )
  const times = journeys.flatMap(({ events }) => events.map(({ at }) => at)).sort((a, b) => a - b)
  return { service, older, journeys, nows: [begin + 48 * hour, (times[times.length >> 1] ?? 0) + windowMs] }
}

const tie = (a: string, b: string) => {
  const [left, right] = [BigInt(hashes.get(a) ?? 0), BigInt(hashes.get(b) ?? 0)]
  return left < right ? -1 : left > right ? 1 : 0
}

interface Asked {
  readonly ask: FunnelAsk
  readonly oracle: OracleAsk
}

function asks({ service, older, journeys, nows }: Case, random: Random): Asked[] {
  const from = begin + random.whole(0, 2 * hour)
  const to = begin + random.whole(4 * hour, 6 * hour)
  const range = { service, from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  const oracle = (funnel: FunnelInput, now: number) => ({ funnel: normaliseFunnel(funnel), journeys, from, to, now })
  return nows.flatMap((now, index) => [
    { ask: range, oracle: oracle(service.funnel, now) },
    ...(index > 0
      ? []
      : [
          { ask: { ...range, version: older.version }, oracle: oracle(older.funnel, now) },
          {
            ask: { ...range, where: [{ dimension: 'device', values: ['mobile'], not: false }] },
            oracle: { ...oracle(service.funnel, now), where: { device: (value: string | null) => value === 'mobile' } },
          },
        ]),
  ])
}

describe('paths and the oracle', { timeout: 300_000 }, () => {
  it('agree on the whole service and on every step, of the funnel or not, and with the funnel', async () => {
    const random = seededRandom(seed)
    let compared = 0
    for (const one of cases)
      for (const { ask, oracle } of asks(one, random)) {
        answering.clock.set(oracle.now)
        const { totals, steps } = await answering.questions.funnel(ask)
        // A funnel of another version is compiled anew for each question: two of them are enough.
        for (const step of ask.version === undefined ? [null, ...alphabet] : [null, random.pick(alphabet)]) {
          const index = oracle.funnel.positions.findIndex(({ names }) => step !== null && names.includes(step))
          const position = index === -1 || oracle.funnel.order === 'any' ? null : index + 1
          const expected = oraclePaths({ ...oracle, step, position, tie })
          const question = { ...ask, ...(step === null ? {} : { step }) }
          try {
            const answer = pathsAnswer.parse(await answering.questions.paths({ ...question, limit: 200 }))
            expect(answer).toMatchObject({ step, position, started: totals.started })
            expectPaths(answer, expected)
            const row = position === null ? undefined : steps[position - 1]
            if (row !== undefined) {
              expect(answer.entered).toBe(row.entered)
              expect(answer.instead).toMatchObject({
                journeys: row.entered - row.passed,
                completed: row.left.completed,
                lost: row.left.failed + row.left.abandoned,
              })
            }
            if (compared % 4 === 0) expectCut(await answering.questions.paths({ ...question, limit: 2 }), expected, 2)
            compared += 1
          } catch (error) {
            const asked = { ...question, service: one.service.id, now: oracle.now, funnel: oracle.funnel }
            throw new Error(`FUZZ_SEED=${seed} ${JSON.stringify(asked)}`, { cause: error })
          }
        }
      }
    expect(compared).toBe(services * (3 * (alphabet.length + 1) + 2))
  })
})

describe('paths of a small service', () => {
  const steps = ['start', 'name', 'check', 'done']
  let service: Service

  /** Each a walk, a step a minute. */
  const walks = [
    ['start', 'name', 'check', 'done'],
    ['start', 'name', 'check', 'name', 'check', 'done'],
    ['start', 'name', 'name', 'help', 'start'],
    ['start', 'name', 'help'],
    ['start', 'name'],
    ['help', 'start', 'name', 'name'],
  ]

  beforeAll(async () => {
    service = await answering.putService('small', { name: 'Small', funnel: { steps, window: 'P1D' } })
    await answering.stores.writes.insert('step_names', ['service', 'step', 'lastSeen'], [['small', 'help', begin]])
    await insertFacts(
      answering.stores,
      service,
      walks.map((walk, index) => ({
        journey: (index + 1).toString(16).padStart(16, '0'),
        events: walk.map((step, minute) => ({
          type: 'step' as const,
          step,
          at: begin + minute * 60_000,
          seq: 0,
          outcome: '' as const,
        })),
      })),
    )
    answering.clock.set(begin + 48 * hour)
  })

  const ask = (more: object) =>
    answering.questions.paths({ service, from: '2026-06-01', to: '2026-06-02', tz: 'UTC', ...more })

  it('says where people go, turn back, and go instead', async () => {
    const answer = await ask({ step: 'name' })
    expect(answer).toMatchObject({ position: 2, started: 6, seen: 6, entered: 6, began: 0, ended: 2 })
    expect(answer.next).toEqual(
      expect.arrayContaining([
        { step: 'check', journeys: 2, completed: 2, lost: 0 },
        { step: 'help', journeys: 2, completed: 0, lost: 2 },
      ]),
    )
    expect(answer.loops).toEqual(
      expect.arrayContaining([
        { step: 'name', back: 'name', journeys: 2, completed: 0, lost: 2, times: 2 },
        { step: 'check', back: 'name', journeys: 1, completed: 1, lost: 0, times: 1 },
      ]),
    )
    expect(answer.loops).toHaveLength(2)
    expect(answer.instead).toEqual({
      journeys: 4,
      completed: 0,
      lost: 4,
      nothing: { journeys: 2, completed: 0, lost: 2 },
      next: [{ step: 'help', journeys: 2, completed: 0, lost: 2 }],
      last: expect.arrayContaining([
        { step: 'help', journeys: 1, completed: 0, lost: 1 },
        { step: 'start', journeys: 1, completed: 0, lost: 1 },
      ]) as unknown,
    })
  })

  it('says the same of a step that is in no funnel', async () => {
    const answer = await ask({ step: 'help' })
    expect(answer).toMatchObject({ position: null, entered: null, seen: 3, began: 1, ended: 1 })
    // Who went on from help to start is among those who went on, whatever became of them.
    expect(answer.instead).toMatchObject({ journeys: 1, nothing: { journeys: 1 } })
  })

  it('names the most walked ways of the whole service', async () => {
    const answer = await ask({})
    expect(answer.edges[0]).toEqual({ from: 'start', to: 'name', journeys: 6, completed: 2, lost: 4, times: 6 })
    expect(answer.next[0]).toEqual({ step: 'start', journeys: 5, completed: 2, lost: 3 })
    expect(answer.instead).toBeNull()
  })

  it.each([
    [{ step: 'elsewhere' }, 'step'],
    [{ position: 2 }, 'position'],
    [{ step: 'help', position: 1 }, 'position'],
    [{ step: 'name', position: 9 }, 'position'],
    [{ step: 'name', position: 1 }, 'step'],
    [{ limit: 0 }, 'limit'],
    [{ limit: 201 }, 'limit'],
    [{ limit: 1.5 }, 'limit'],
    [{ version: 9 }, 'version'],
  ])('refuses %j', async (question, parameter) => {
    await expect(ask(question)).rejects.toMatchObject({ code: 'invalid-parameter', parameter })
  })

  it('is empty where nothing started', async () => {
    expect(await ask({ from: '2025-06-01', to: '2025-06-02', step: 'name' })).toMatchObject({
      started: 0,
      next: [],
      loops: [],
      instead: { journeys: 0, nothing: { journeys: 0 } },
      other: { next: { rows: 0, journeys: 0 } },
    })
  })

  it('takes verdicts of an older funnel anew', async () => {
    const changed = await answering.putService('small', {
      name: 'Small',
      funnel: { steps: ['start', 'help'], window: 'P1D' },
    })
    const { started, instead } = await answering.questions.paths({
      service: changed,
      from: '2026-06-01',
      to: '2026-06-02',
      step: 'start',
    })
    expect({ started, stopped: instead?.journeys }).toEqual({ started: 6, stopped: 4 })
  })
})
