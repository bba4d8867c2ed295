import { describe, expect, it } from 'vitest'
import { createJourneySet, createServiceJourneys } from './journey-set.ts'
import { seededRandom } from './random.ts'

const hex = (value: number) => value.toString(16).padStart(8, '0')

describe('a set of journeys', () => {
  it('says what a set of texts says, with crowded places, zeros and repetitions among them', () => {
    const random = seededRandom(5)
    const set = createJourneySet()
    const texts = new Set<string>()
    // Few low words, so that many journeys want the same place, and both words zero now and then.
    const any = () =>
      `${hex(random.whole(0, 400))}${hex(random.chance(0.5) ? random.whole(0, 3) : random.whole(0, 2 ** 32 - 1))}`
    for (let round = 0; round < 20_000; round++) {
      const journey = any()
      expect(set.has(journey)).toBe(texts.has(journey))
      expect(set.add(journey)).toBe(!texts.has(journey))
      texts.add(journey)
      expect(set.has(journey)).toBe(true)
    }
    expect(set.size()).toBe(texts.size)
    expect(texts.has('0000000000000000')).toBe(true)
    expect([...texts].every((journey) => set.has(journey))).toBe(true)
    for (let round = 0; round < 20_000; round++) {
      const journey = any()
      expect(set.has(journey)).toBe(texts.has(journey))
    }
  })

  it('keeps services apart', () => {
    const journeys = createServiceJourneys()
    expect(journeys.add('fishing', '00000000000000ff')).toBe(true)
    expect(journeys.add('fishing', '00000000000000ff')).toBe(false)
    expect(journeys.has('fishing', '00000000000000ff')).toBe(true)
    expect(journeys.has('visas', '00000000000000ff')).toBe(false)
    expect(journeys.size()).toBe(1)
  })
})
