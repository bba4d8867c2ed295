import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { discover } from '../../domain/discovery/discover.ts'
import type { DiscoveryLog } from '../../domain/discovery/log.ts'
import { defaultLimits, type Limits } from '../../domain/limits.ts'
import type { Service } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { discoverAnswer } from '../../queries/answers.ts'
import { trafficOf } from '../../queries/discover.ts'
import type { WhereCondition } from '../../queries/context.ts'
import { resolveSubject } from '../../queries/subject.ts'
import { journeyHash, openAnswering, type Answering } from '../support/answering.ts'
import { discoveryLog } from '../support/discovery-log.ts'
import { generatedService, type GeneratedJourney, type GeneratedService } from '../support/generated-services.ts'
import { judged } from '../support/judged-discovery.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { storedEvent } from '../support/trails.ts'

const period = { from: '2026-09-01', to: '2026-10-15' }
const now = Date.UTC(2026, 10, 20)
const generated = generatedService(63, { journeysMin: 300, journeysMax: 600 })

let answering: Answering
let service: Service

beforeAll(async () => {
  answering = await openAnswering(now)
  // Its present funnel fits nothing that is sent: discovery does not ask it.
  service = await answering.putService('found', { name: 'Found', funnel: { steps: ['never', 'nowhere'] } })
  await answering.send(eventsOf(service.id, generated.journeys))
})

afterAll(() => answering.close())

/** As even as a keyed hash. */
function evenHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function eventsOf(id: string, journeys: readonly GeneratedJourney[]): StoredEvent[] {
  return journeys.flatMap(({ steps, completedAt }, index) => {
    const journey = evenHash(`${id} ${index}`)
    const dimensions = [['device', index % 3 === 0 ? 'mobile' : 'desktop']] as const
    const events = steps.map(({ step, at }, identity) =>
      storedEvent({ service: id, journey, identity, step, at, dimensions }),
    )
    if (completedAt === null) return events
    return [
      ...events,
      storedEvent({
        service: id,
        journey,
        identity: 999_999,
        type: 'outcome',
        step: '',
        outcome: 'completed',
        at: completedAt,
        dimensions,
      }),
    ]
  })
}

/** Whatever the numbers of the names, and in whatever order names of one time are written. */
function canonical({ names, variants }: DiscoveryLog): Map<string, number> {
  const result = new Map<string, number>()
  for (const { path, tied, journeys } of variants) {
    const groups: string[][] = []
    for (const [place, name] of path.entries()) {
      const word = names[name] ?? 'completed'
      if (tied[place] === 1) groups.at(-1)?.push(word)
      else groups.push([word])
    }
    const key = JSON.stringify(groups.map((group) => [...group].sort()))
    result.set(key, (result.get(key) ?? 0) + journeys)
  }
  return result
}

const contextOf = (limits: Limits = defaultLimits) => ({
  reads: answering.stores.reads,
  registry: answering.registry,
  clock: answering.clock,
  limits,
  journeyHash,
  annotations: openMemoryAnnotations({ clock: answering.clock }),
})

async function traffic(limits: Limits = defaultLimits, some: { where?: readonly WhereCondition[] } = {}) {
  const context = contextOf(limits)
  return trafficOf(context, await resolveSubject(context, { service, ...period, ...some }))
}

describe('the traffic that discovery reads', () => {
  it('is the paths that plain TypeScript makes of the same events', async () => {
    const { seen, log } = await traffic()
    expect(seen).toBe(generated.journeys.filter(({ steps }) => steps.length > 0).length)
    expect(canonical(log)).toEqual(canonical(discoveryLog(generated.journeys.filter(({ steps }) => steps.length > 0))))
    expect(log.variants.some(({ path }) => path.includes(log.names.length))).toBe(generated.sendsOutcomes)
  })

  it('marks names of one time as without order, and closes up what is shown twice', async () => {
    const tied = await answering.putService('tied', { name: 'Tied', funnel: { steps: ['a', 'b'] } })
    const at = Date.UTC(2026, 8, 2)
    const journey: GeneratedJourney = {
      steps: [
        { step: 'a', at },
        { step: 'b', at },
        { step: 'c', at: at + 1 },
        { step: 'c', at: at + 2 },
      ],
      completedAt: at + 2,
    }
    await answering.send(eventsOf('tied', [journey]))
    const context = contextOf()
    const { log } = await trafficOf(context, await resolveSubject(context, { service: tied, ...period }))
    expect([...canonical(log)]).toEqual([['[["a","b"],["c"],["completed"]]', 1]])
    await answering.registry.deleteService('tied')
  })

  it('is of at most so many journeys, those with the smallest hashes, and of so many names', async () => {
    const { seen, log } = await traffic({ ...defaultLimits, discoverJourneysMax: 100, discoverNamesMax: 3 })
    expect(log.variants.reduce((sum, { journeys }) => sum + journeys, 0)).toBe(100)
    expect(seen).toBeGreaterThan(100)
    expect(log.names).toHaveLength(3)
    const smallest = generated.journeys
      .map((journey, index) => ({ journey, hash: evenHash(`${service.id} ${index}`) }))
      .filter(({ journey }) => journey.steps.length > 0)
      .sort((a, b) => (a.hash < b.hash ? -1 : 1))
      .slice(0, 100)
      .map(({ journey }) => journey)
    const whole = await traffic({ ...defaultLimits, discoverJourneysMax: 100 })
    expect(canonical(whole.log)).toEqual(canonical(discoveryLog(smallest)))
  })

  it('is of as many where hashes are not even', async () => {
    const low = await answering.putService('low', { name: 'Low', funnel: { steps: ['a', 'b'] } })
    const at = Date.UTC(2026, 8, 2)
    const rest = Array.from({ length: 40 }, (_, index) =>
      storedEvent({ service: 'low', journey: `ffffffffffffff${(16 + index).toString(16)}`, step: 'a', at }),
    )
    await answering.send(rest)
    const subject = await resolveSubject(contextOf(), { service: low, ...period })
    const { seen, log } = await trafficOf(contextOf({ ...defaultLimits, discoverJourneysMax: 10 }), subject)
    expect([seen, log.variants]).toEqual([40, [{ path: [0], tied: [0], journeys: 10 }]])
    await answering.registry.deleteService('low')
  })

  it('is of those that have the values asked for', async () => {
    const { seen } = await traffic(defaultLimits, { where: [{ dimension: 'device', values: ['mobile'], not: false }] })
    expect(seen).toBe(generated.journeys.filter(({ steps }, index) => steps.length > 0 && index % 3 === 0).length)
  })
})

describe('the answer', () => {
  it('suggests the funnel that made the traffic, with its window, and says how sure it is', async () => {
    const answer = await answering.questions.discover({ service, ...period })
    expect(discoverAnswer.parse(answer)).toEqual(answer)
    expect(judged(generated, answer.funnel).faults).toEqual([])
    expect(answer.period).toBe('complete')
    expect(answer.journeys.lookedAt).toBe(answer.journeys.seen)
    expect(answer.window?.suggested).toBe(answer.funnel?.window)
    const positions = answer.funnel?.steps.length ?? 0
    expect(new Set(answer.steps.flatMap(({ position }) => position ?? [])).size).toBe(positions)
    expect(answer.steps.every(({ position, outside }) => (position === null) !== (outside === null))).toBe(true)
    expect(answer.branches.length).toBe(
      answer.funnel?.steps.filter((step) => typeof step !== 'string' && 'anyOf' in step).length,
    )
    expect(answer.steps[0]?.medianPosition).toBe(1)
  })

  it('has a window that 99 in 100 completions keep to', async () => {
    const answer = await answering.questions.discover({ service, ...period })
    if (answer.funnel === null) throw new Error('nothing was suggested')
    const { totals } = await answering.questions.funnel({ service, ...period, funnel: answer.funnel })
    expect(totals.completed).toBeGreaterThanOrEqual(0.99 * (answer.window?.completions ?? 0))
    expect(totals.completed).toBeGreaterThan(20)
  })

  it('suggests at most as many positions as are asked for', async () => {
    const answer = await answering.questions.discover({ service, ...period, limit: 2 })
    expect(answer.funnel?.steps).toHaveLength(2)
    expect(answer.confidence.reasons.map(({ code }) => code)).toContain('past-limit')
    for (const limit of [1, 51, 2.5])
      await expect(answering.questions.discover({ service, ...period, limit })).rejects.toThrow('limit')
  })

  it('suggests nothing from nothing, and says why', async () => {
    const empty = await answering.questions.discover({ service, from: '2020-01-01', to: '2020-02-01' })
    expect(empty).toMatchObject({ funnel: null, noFunnel: { code: 'too-few-journeys' }, steps: [], branches: [] })
    expect(discoverAnswer.parse(empty)).toEqual(empty)
  })
})

describe('what it is made of', () => {
  it('finds with the engine what it finds without', async () => {
    const { log } = await traffic()
    const shape = (found: GeneratedService['journeys'] | DiscoveryLog) => {
      const { positions, relations } = discover('variants' in found ? found : discoveryLog(found))
      return positions.map(({ names, optional }) => [names.map((name) => relations.names[name]).sort(), optional])
    }
    expect(shape(log)).toEqual(shape(generated.journeys.filter(({ steps }) => steps.length > 0)))
  })
})
