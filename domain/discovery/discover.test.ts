import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { discoveryLog } from '../../tests/support/discovery-log.ts'
import { generatedService, type GeneratedService } from '../../tests/support/generated-services.ts'
import { judged } from '../../tests/support/judged-discovery.ts'
import { compileFault } from '../funnel/compile.ts'
import { seededRandom } from '../random.ts'
import { funnelFault, funnelInput, normaliseFunnel, type FunnelInput } from '../service.ts'
import { discover, funnelOf } from './discover.ts'
import type { DiscoveryLog } from './log.ts'
import { byMargins } from './order.ts'
import { suggestedWindow } from './window.ts'

/** A log of walks written as words; `!` is the completed outcome, `a=b` two names of one time. */
function logOf(walks: readonly (readonly [walk: string, journeys: number])[]): DiscoveryLog {
  const names = [...new Set(walks.flatMap(([walk]) => walk.split(/[ =]/)))].filter((name) => name !== '!').sort()
  return {
    names,
    variants: walks.map(([walk, journeys]) => {
      const words = walk.split(/ |(?==)/)
      return {
        path: words.map((word) => (word === '!' ? names.length : names.indexOf(word.replace('=', '')))),
        tied: words.map((word) => (word.startsWith('=') ? 1 : 0)),
        journeys,
      }
    }),
  }
}

/** Positions as words: `a`, `b?` (optional), `c|d`. */
function suggested(walks: readonly (readonly [string, number])[], limit?: number): string {
  const found = discover(logOf(walks), limit)
  return found.positions
    .map(
      ({ names, optional }) =>
        names
          .map((name) => found.relations.names[name] ?? '')
          .sort()
          .join('|') + (optional ? '?' : ''),
    )
    .join(' ')
}

function outsideOf(walks: readonly (readonly [string, number])[]): Record<string, string> {
  const { outside, relations } = discover(logOf(walks))
  return Object.fromEntries([...outside].map(([name, why]) => [relations.names[name] ?? '', why]))
}

describe('a suggestion', () => {
  it.each<[string, readonly (readonly [string, number])[], string]>([
    [
      'keeps the order through drop-off',
      [
        ['a', 50],
        ['a b', 30],
        ['a b c', 15],
        ['a b c d', 10],
      ],
      'a b c d',
    ],
    [
      'marks what some pass by',
      [
        ['a b c d', 40],
        ['a c d', 40],
      ],
      'a b? c d',
    ],
    [
      'sees through a loop back',
      [
        ['a b c b c d', 40],
        ['a b c a b c d', 40],
        ['a b c d', 40],
      ],
      'a b c d',
    ],
    [
      'groups what excludes one another',
      [
        ['a b d', 40],
        ['a c d', 40],
      ],
      'a b|c d',
    ],
    [
      'takes a choice that may be passed by',
      [
        ['a b d', 40],
        ['a c d', 40],
        ['a d', 40],
      ],
      'a b|c? d',
    ],
    [
      'lays longer ways side by side',
      [
        ['a b1 b2 d', 40],
        ['a c1 c2 c3 d', 40],
      ],
      'a b1|c1 b2|c2 c3? d',
    ],
    [
      'tells two choices in a row apart',
      [
        ['a b d f', 40],
        ['a c d f', 40],
        ['a b e f', 40],
        ['a c e f', 40],
      ],
      'a b|c d|e f',
    ],
    [
      'makes two that come in either order optional',
      [
        ['a b c d', 40],
        ['a c b d', 40],
      ],
      'a b? c? d',
    ],
    [
      'begins where most begin',
      [
        ['a b c', 80],
        ['b c', 10],
        ['c', 5],
      ],
      'a b c',
    ],
    [
      'does not fear entries in the middle, even most of them',
      [
        ['a b c', 20],
        ['a', 80],
        ['c d', 70],
        ['a b c d', 15],
      ],
      'a b c d',
    ],
    [
      'takes equal times as no order',
      [
        ['a b=c d', 40],
        ['a b c d', 10],
      ],
      'a b c d',
    ],
  ])('%s', (_, walks, expected) => {
    expect(suggested(walks)).toBe(expected)
  })

  it('leaves out what has no place of its own', () => {
    const walks = [
      ['a help a b c d', 10],
      ['a b help b c d', 10],
      ['a b c help c d', 10],
      ['a b c d', 60],
    ] as const
    expect(suggested(walks)).toBe('a b c d')
    expect(outsideOf(walks)).toEqual({ help: 'foreign' })
  })

  it('leaves out dead ends', () => {
    const walks = [
      ['a b c d', 60],
      ['a b sorry', 30],
    ] as const
    expect(suggested(walks)).toBe('a b c d')
    expect(outsideOf(walks)).toEqual({ sorry: 'dead-end' })
  })

  it('ends with the step before the completed outcome, else before a page that few go on to', () => {
    expect(
      suggested([
        ['a b c ! survey', 40],
        ['a b c !', 40],
        ['a b', 20],
      ]),
    ).toBe('a b c')
    const few = [
      ['a b c survey', 5],
      ['a b c', 60],
      ['a b', 20],
    ] as const
    expect(suggested(few)).toBe('a b c')
    expect(outsideOf(few)).toEqual({ survey: 'after-end' })
    expect(discover(logOf(few)).reasons).toContain('end-unsure')
    expect(discover(logOf([['a b c !', 40]])).reasons).not.toContain('end-unsure')
  })

  it('keeps the ends and the most needed within a limit', () => {
    const walks = [
      ['a b c d e', 40],
      ['a c d e', 40],
      ['a b c', 10],
    ] as const
    expect(suggested(walks, 4)).toBe('a c d e')
    expect(suggested(walks, 2)).toBe('a e')
    expect(discover(logOf(walks), 4).reasons).toContain('past-limit')
  })

  it('is nothing from too little, with the reason', () => {
    expect(discover(logOf([['a b c', 19]])).noSuggestion).toBe('too-few-journeys')
    expect(discover(logOf([['a b c', 20]])).noSuggestion).toBeNull()
    expect(
      discover(
        logOf([
          ['a', 100],
          ['a b', 4],
        ]),
      ).noSuggestion,
    ).toBe('too-few-steps')
    expect(discover({ names: [], variants: [] }).noSuggestion).toBe('too-few-journeys')
  })

  it('is surer of more', () => {
    const sure = (times: number) =>
      discover(
        logOf([
          ['a b c d', 8 * times],
          ['a c b d', times],
          ['a b d', times],
        ]),
      ).confidence
    expect(sure(3).order).toBeLessThan(sure(30).order)
    expect(sure(3).overall).toBeLessThan(sure(3).order)
    expect(sure(30).order).toBeGreaterThan(0.999)
  })
})

const anyLog: fc.Arbitrary<DiscoveryLog> = fc.integer({ min: 0, max: 12 }).chain((size) =>
  fc.record({
    names: fc.constant(Array.from({ length: size }, (_, index) => `step ${index}`)),
    variants: fc.array(
      fc
        .record({
          path: fc.array(fc.integer({ min: 0, max: size }), { maxLength: 15 }),
          tied: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 15, maxLength: 15 }),
          journeys: fc.integer({ min: 1, max: 60 }),
        })
        .map(({ path, tied, journeys }) => ({
          path: path.filter((name, place) => name !== path[place - 1]),
          tied: tied.map((tie, place) => (place === 0 ? 0 : tie)),
          journeys,
        })),
      { maxLength: 40 },
    ),
  }),
)

describe('whatever the traffic', () => {
  it('is a funnel that a service may have, or nothing with a reason; and every name is somewhere', () => {
    fc.assert(
      fc.property(anyLog, fc.integer({ min: 2, max: 50 }), (log, limit) => {
        const found = discover(log, limit)
        const inside = found.positions.flatMap(({ names }) => names)
        expect(new Set(inside).size).toBe(inside.length)
        for (const { confidence } of found.positions) expect(confidence >= 0 && confidence <= 1).toBe(true)
        expect(found.confidence.overall).toBeLessThanOrEqual(found.confidence.order)
        if (found.noSuggestion !== null) {
          expect(inside).toEqual([])
          return
        }
        expect([...inside, ...found.outside.keys()].sort((a, b) => a - b)).toEqual([...log.names.keys()])
        expect(found.positions.length).toBeLessThanOrEqual(limit)
        const funnel = funnelInput.parse(funnelOf(found, suggestedWindow(null)))
        expect(funnelFault(funnel)).toBeNull()
        expect(compileFault(normaliseFunnel(funnel))).toBeNull()
      }),
      { numRuns: 400 },
    )
  })

  it('does not depend on the order in which variants are read, nor on how they are split', () => {
    fc.assert(
      fc.property(anyLog, (log) => {
        const split = log.variants.flatMap((variant) =>
          variant.journeys < 2
            ? [variant]
            : [
                { ...variant, journeys: 1 },
                { ...variant, journeys: variant.journeys - 1 },
              ],
        )
        expect(discover({ ...log, variants: split.reverse() }).positions).toEqual(discover(log).positions)
      }),
      { numRuns: 100 },
    )
  })
})

describe('the order', () => {
  it('is the one that all votes agree on, and none that one move would better', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(), (size, seed) => {
        const random = seededRandom(seed)
        const margins = Array.from({ length: size }, () => Array.from({ length: size }, () => random.whole(-5, 5)))
        const margin = (one: number, other: number) =>
          one < other ? (margins[one]?.[other] ?? 0) : -(margins[other]?.[one] ?? 0)
        const agreement = (order: readonly number[]) =>
          order.reduce(
            (sum, one, place) => sum + order.slice(place + 1).reduce((part, other) => part + margin(one, other), 0),
            0,
          )
        const items = [...margins.keys()]
        const found = byMargins(items, margin)
        expect([...found].sort((a, b) => a - b)).toEqual(items)
        for (const [from, item] of found.entries())
          for (const to of items) {
            const moved = found.filter((other) => other !== item)
            moved.splice(to, 0, item)
            expect(agreement(moved), `${from} to ${to}`).toBeLessThanOrEqual(agreement(found))
          }
        expect(byMargins(items, (one, other) => one - other)).toEqual([...items].reverse())
      }),
    )
  })
})

describe('the window', () => {
  it.each([
    [null, 'P7D'],
    [0, 'PT15M'],
    [900_000, 'PT15M'],
    [900_001, 'PT30M'],
    [86_400_001, 'P2D'],
    [8 * 86_400_000, 'P14D'],
    [Number.MAX_SAFE_INTEGER, 'P36525D'],
  ])('of %s ms is %s', (ms, window) => {
    expect(suggestedWindow(ms)).toBe(window)
  })
})

/** The funnel of a generated service as its maker knows it: ways of a branch side by side. */
function truthOf({ truth }: GeneratedService): FunnelInput {
  return {
    steps: truth.blocks.flatMap((block): FunnelInput['steps'] => {
      if (block.kind === 'step') return [block.page]
      if (block.kind === 'optional') return [{ step: block.page, optional: true }]
      const longest = Math.max(...block.ways.map(({ length }) => length))
      return Array.from({ length: longest }, (_, place) => {
        const anyOf = block.ways.flatMap((way) => way[place] ?? [])
        return { anyOf, optional: block.skip > 0 || anyOf.length < block.ways.length }
      })
    }),
  }
}

describe('generated services', () => {
  it('judge the truth to be found, and what is not the truth not', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const service = generatedService(seed, { journeysMax: 300 })
      const truth = truthOf(service)
      expect(judged(service, truth)).toMatchObject({ found: true, grouped: true, faults: [] })
      const [first = '', second = '', ...others] = truth.steps
      expect(judged(service, { steps: [second, first, ...others] })).toMatchObject({
        order: false,
        ends: false,
        found: false,
      })
      expect(judged(service, { steps: [first, ...others] }).found).toBe(false)
      expect(judged(service, { steps: [first, 'help', second, ...others] })).toMatchObject({
        clean: false,
        found: false,
      })
      const loose = truth.steps.map((step, index) =>
        typeof step === 'string' && index > 0 && index < truth.steps.length - 1 ? { step, optional: true } : step,
      )
      expect(judged(service, { steps: loose }).mandatory).toBe(
        loose.every((step, index) => step === truth.steps[index]),
      )
      expect(judged(service, null).found).toBe(false)
    }
  })

  it('have their true funnel found in at least 95 of 100, never having been looked at', () => {
    const faults: string[] = []
    const seeds = Array.from({ length: 40 }, (_, index) => 50_001 + index)
    for (const seed of seeds) {
      const service = generatedService(seed, { journeysMax: 1_500 })
      const found = discover(discoveryLog(service.journeys))
      const judgement = judged(service, found.noSuggestion === null ? funnelOf(found, 'P7D') : null)
      if (!judgement.found) faults.push(`${seed}: ${judgement.faults.join('; ')}`)
    }
    expect(faults.length, faults.join('\n')).toBeLessThanOrEqual(0.05 * seeds.length)
  }, 60_000)
})
