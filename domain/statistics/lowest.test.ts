import { describe, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../tests/support/random.ts'
import { probabilityAmongLowest } from './lowest.ts'
import { angleGrid, evidenceOf, posteriorOf, type Posterior } from './rate-posterior.ts'

const grid = angleGrid(0.9, 0.15)
const flat = grid.knots.map(() => 1)

function population(count: number, random: Random): Posterior[] {
  return Array.from({ length: count }, () => {
    const trials = Math.round(30 * 1e4 ** random.next())
    const rate = 0.4 + 0.5 * random.next()
    return posteriorOf(evidenceOf(grid, { trials, successes: Math.round(trials * rate) }), flat)
  })
}

/** Draws of each rate, ranked, again and again: how often each is among the lowest. */
function drawn(members: readonly Posterior[], lowest: number, random: Random, draws: number): number[] {
  const times = members.map(() => 0)
  for (let draw = 0; draw < draws; draw += 1) {
    const angles = members.map(({ angles, masses }) => {
      let left = random.next()
      const node = Math.max(
        0,
        masses.findIndex((mass) => (left -= mass) < 0),
      )
      const width = ((angles[node + 1] ?? angles[node] ?? 0) - (angles[node - 1] ?? angles[node] ?? 0)) / 2
      return (angles[node] ?? 0) + width * (random.next() - 0.5)
    })
    const limit = [...angles].sort((a, b) => a - b)[lowest - 1] ?? 0
    for (const [index, angle] of angles.entries()) if (angle <= limit) times[index] = (times[index] ?? 0) + 1
  }
  return times.map((count) => count / draws)
}

describe('the probability to be among the lowest', () => {
  it.each([
    [2, 1],
    [10, 1],
    [35, 3],
    [60, 6],
    [200, 20],
  ])('of %d members, %d of them, is how often that is drawn', (count, lowest) => {
    const random = seededRandom(count)
    const members = population(count, random)
    const expected = drawn(members, lowest, random, 4_000)
    const found = probabilityAmongLowest(members, lowest)
    // Five standard errors of 4,000 draws.
    for (const [index, probability] of found.entries())
      expect(Math.abs(probability - (expected[index] ?? NaN))).toBeLessThan(0.04)
    expect(found.reduce((a, b) => a + b, 0)).toBeCloseTo(lowest, count > 40 ? 0 : 1)
  })

  it('shares alike among who is alike', () => {
    const [one] = population(1, seededRandom(1))
    if (one === undefined) throw new Error('one')
    for (const [count, lowest] of [
      [10, 1],
      [1_000, 100],
    ] as const) {
      const found = probabilityAmongLowest(
        Array.from({ length: count }, () => ({ ...one })),
        lowest,
      )
      for (const probability of found) expect(Math.abs(probability - lowest / count)).toBeLessThan(0.01)
    }
  })

  it('is certain of all', () => {
    expect(probabilityAmongLowest(population(3, seededRandom(2)), 3)).toEqual([1, 1, 1])
  })
})
