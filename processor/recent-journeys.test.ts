import { describe, expect, it } from 'vitest'
import { seededRandom } from '../domain/random.ts'
import type { Store } from '../domain/ports/store.ts'
import { render } from '../domain/sql.ts'
import { createRecentJourneys } from './recent-journeys.ts'

/** Facts by service and journey: the time of the first event. */
function factsStore() {
  const facts = new Map<string, Map<bigint, number>>()
  const asked: bigint[] = []
  const unused = () => Promise.reject(new Error('only looked at'))
  const store: Store = {
    select: <Row>(statement: Parameters<Store['select']>[0]) => {
      const journeys = new Set(
        Object.values(render(statement).params)
          .flat()
          .filter((value) => typeof value === 'bigint'),
      )
      asked.push(...journeys)
      const rows = [...facts].flatMap(([service, all]) => {
        const some = [...all].filter(([journey]) => journeys.has(journey))
        return some.length === 0
          ? []
          : [
              {
                service,
                journeys: some.map(([journey]) => String(journey)),
                firstAts: some.map(([, at]) => String(at)),
              },
            ]
      })
      return Promise.resolve(rows as Row[])
    },
    insert: unused,
    command: unused,
  }
  const write = (service: string, journey: bigint, at: number) => {
    const all = facts.get(service) ?? new Map<bigint, number>()
    facts.set(service, all.set(journey, Math.min(at, all.get(journey) ?? at)))
  }
  return { store, asked, write, facts }
}

describe('journeys that were touched lately', () => {
  it('are looked up once, and are new until they are touched again', async () => {
    const { store, asked, write } = factsStore()
    write('renew', 2n, 50)
    const recent = createRecentJourneys(store)
    await recent.look([{ service: 'renew', journeys: [1n, 2n], firstAts: [100, 100] }])
    expect([recent.isNew('renew', 1n), recent.isNew('renew', 2n)]).toEqual([true, false])
    expect([recent.firstAt('renew', 1n), recent.firstAt('renew', 2n)]).toEqual([100, 50])
    expect(recent.firstAt('apply', 1n)).toBeUndefined()
    await recent.look([{ service: 'renew', journeys: [1n, 2n], firstAts: [90, 200] }])
    expect([recent.isNew('renew', 1n), recent.isNew('renew', 2n)]).toEqual([false, false])
    expect([recent.firstAt('renew', 1n), recent.firstAt('renew', 2n)]).toEqual([90, 50])
    expect(asked).toEqual([1n, 2n])
  })

  it('are noted against one seal, and not against the next', async () => {
    const recent = createRecentJourneys(factsStore().store)
    await recent.look([{ service: 'renew', journeys: [1n], firstAts: [100] }])
    expect(recent.isNoted('renew', 1n, 7)).toBe(false)
    recent.note('renew', [1n, 2n], 7)
    expect([recent.isNoted('renew', 1n, 7), recent.isNoted('renew', 1n, 8)]).toEqual([true, false])
    expect(recent.isNoted('renew', 2n, 7)).toBe(false)
  })

  it('are never called new while they have facts, nor younger than they are, however few are kept', async () => {
    const random = seededRandom(5)
    const { store, write, facts, asked } = factsStore()
    const recent = createRecentJourneys(store, 20)
    let touchedTimes = 0
    for (let turn = 0; turn < 300; turn++) {
      const batch = new Map<bigint, number>()
      const size = random.whole(1, 8)
      while (batch.size < size) batch.set(BigInt(random.whole(1, 100)), random.whole(0, 1_000))
      const service = random.pick(['apply', 'renew'])
      await recent.look([{ service, journeys: [...batch.keys()], firstAts: [...batch.values()] }])
      touchedTimes += size
      for (const [journey, at] of batch) {
        const stood = facts.get(service)?.get(journey)
        if (stood !== undefined) expect(recent.isNew(service, journey)).toBe(false)
        expect(recent.firstAt(service, journey)).toBeLessThanOrEqual(Math.min(at, stood ?? at))
      }
      for (const [journey, at] of batch) write(service, journey, at)
    }
    expect(asked.length).toBeLessThan(touchedTimes)
  })
})
