import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileFault, compileFunnel } from '../../domain/funnel/compile.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { funnelFault, normaliseFunnel, type FunnelInput } from '../../domain/service.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { compiledVerdicts } from '../support/compiled.ts'
import { allowedVerdicts, type SmallEvent } from '../support/every-run.ts'

let directory: string
let stores: Stores

beforeAll(async () => {
  directory = mkdtempSync(path(tmpdir(), 'waymark-'))
  stores = await openEmbedded(directory)
})

afterAll(async () => {
  await stores.close()
  rmSync(directory, { recursive: true, force: true })
})

const outcomes: Readonly<Record<string, number>> = { 'already-done': 1, completed: 2, failed: 3, ineligible: 4 }

/** `a@1 b@2.5 !failed@3`: step a at 1 s, b at 2 s with seq 5, an outcome at 3 s. */
function trailOf(text: string): SmallEvent[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [name = '', time = ''] = word.split('@')
      const [seconds, seq = '0'] = time.split('.')
      const isOutcome = name.startsWith('!')
      return {
        at: Number(seconds) * 1_000,
        seq: Number(seq),
        step: isOutcome ? '' : name,
        outcome: isOutcome ? (outcomes[name.slice(1)] ?? 0) : 0,
      }
    })
}

/** A verdict in short: positions with their times in seconds, then what else is to say. */
interface Expected {
  readonly run?: string
  readonly starts?: readonly [first: number, latest: number]
  readonly excluded?: true
  readonly completedAfter?: number
  readonly failed?: true
}

type Case = readonly [
  rule: string,
  steps: FunnelInput['steps'],
  rest: Omit<FunnelInput, 'steps'>,
  trail: string,
  expected: Expected,
]

const abc = ['a', 'b', 'c']
const aBc = ['a', { step: 'b', optional: true }, 'c']
const tenSeconds = { window: 'PT10S' }

const cases: readonly Case[] = [
  ['a journey without a step-1 event never starts', abc, {}, 'b@1 c@2 !completed@3', {}],
  ['an empty journey never starts', abc, {}, '', {}],
  ['gaps are allowed', abc, {}, 'a@1 x@2 b@3 y@4 c@5', { run: '1@1 2@3 3@5', completedAfter: 4 }],
  ['positions come in order', abc, {}, 'b@1 a@2 c@3', { run: '1@2', starts: [2, 2] }],
  ['depth is the last position reached', abc, {}, 'a@1 b@2', { run: '1@1 2@2' }],
  [
    'exactly the window later still counts',
    abc,
    tenSeconds,
    'a@0 b@1 c@10',
    { run: '1@0 2@1 3@10', completedAfter: 10 },
  ],
  ['one second past the window does not', abc, tenSeconds, 'a@0 b@1 c@11', { run: '1@0 2@1' }],
  [
    'the window runs from the first event of the run',
    abc,
    tenSeconds,
    'a@0 a@2 b@8 c@12',
    { run: '1@2 2@8 3@12', starts: [0, 2], completedAfter: 10 },
  ],
  [
    'the furthest run counts, whichever start it has',
    abc,
    tenSeconds,
    'a@0 b@1 c@2 a@20',
    { run: '1@0 2@1 3@2', starts: [0, 20], completedAfter: 2 },
  ],
  ['of equally deep ones the one that ends first', abc, {}, 'a@0 b@1 a@2 b@3', { run: '1@0 2@1', starts: [0, 2] }],
  ['then the one that started last', abc, {}, 'a@0 a@1 b@2', { run: '1@1 2@2', starts: [0, 1] }],
  ['then the one with the earliest events', abc, {}, 'a@0 b@1 b@2 c@3', { run: '1@0 2@1 3@3', completedAfter: 3 }],
  [
    'one that is not excluded comes before one that ends first',
    abc,
    { exclude: [{ step: 'x' }] },
    'a@0 x@1 b@2 c@3 a@4 b@5 c@6',
    { run: '1@4 2@5 3@6', starts: [0, 4], completedAfter: 2 },
  ],
  [
    'most positions comes before started last',
    aBc,
    {},
    'a@0 b@1 a@2 c@3',
    { run: '1@0 2@1 3@3', starts: [0, 2], completedAfter: 3 },
  ],
  ['ends first comes before most positions', aBc, {}, 'a@0 c@1 b@2 c@3', { run: '1@0 3@1', completedAfter: 1 }],
  ['events equal in time are ordered by seq', abc, {}, 'b@1.1 a@1.2 c@2', { run: '1@1', starts: [1, 1] }],
  [
    'events equal in time and seq may be taken in any order',
    abc,
    {},
    'c@1 b@1 a@1',
    { run: '1@1 2@1 3@1', completedAfter: 0 },
  ],
  ['each event is taken once', ['a', 'b', 'a'], {}, 'a@1 b@1', { run: '1@1 2@1' }],
  [
    'a step may stand twice',
    ['a', 'b', 'a'],
    {},
    'a@1 b@2 a@3',
    { run: '1@1 2@2 3@3', starts: [1, 3], completedAfter: 2 },
  ],
  [
    'a step that stands twice takes two of equal events',
    ['a', 'b', 'a'],
    {},
    'a@1 a@1 b@1',
    { run: '1@1 2@1 3@1', starts: [1, 1], completedAfter: 0 },
  ],
  [
    'of equal events the one that fits only one position is left for it',
    ['a', { anyOf: ['b', 'c'] }, { anyOf: ['b', 'd'] }],
    {},
    'a@1 b@1 d@1',
    { run: '1@1 2@1 3@1', completedAfter: 0 },
  ],
  [
    'several names fit one position',
    ['a', { anyOf: ['b', 'c'] }, 'd'],
    {},
    'a@1 c@2 d@3',
    { run: '1@1 2@2 3@3', completedAfter: 2 },
  ],
  ['an optional position may be skipped', aBc, {}, 'a@1 c@2', { run: '1@1 3@2', completedAfter: 1 }],
  ['a mandatory one may not', abc, {}, 'a@1 c@2', { run: '1@1' }],
  [
    'within bounds the time since the position before',
    ['a', { step: 'b', within: 'PT2S' }],
    {},
    'a@0 b@3',
    { run: '1@0' },
  ],
  ['exactly within counts', ['a', { step: 'b', within: 'PT2S' }], {}, 'a@0 b@2', { run: '1@0 2@2', completedAfter: 2 }],
  [
    'within runs from the position reached before, when one is skipped',
    ['a', { step: 'b', optional: true }, { step: 'c', within: 'PT2S' }],
    {},
    'a@0 b@3 c@5',
    { run: '1@0 2@3 3@5', completedAfter: 5 },
  ],
  [
    'a later event is taken when only it keeps within',
    ['a', 'b', { step: 'c', within: 'PT2S' }],
    {},
    'a@0 b@1 b@5 c@6',
    { run: '1@0 2@5 3@6', completedAfter: 6 },
  ],
  ['strict: no other step between', abc, { order: 'strict' }, 'a@0 b@1 x@2 c@3', { run: '1@0 2@1' }],
  [
    'strict: repeats of the position just reached are no others',
    abc,
    { order: 'strict' },
    'a@0 b@1 b@2 c@3',
    { run: '1@0 2@1 3@3', completedAfter: 3 },
  ],
  [
    'strict: a step at the very same instant is not between',
    abc,
    { order: 'strict' },
    'a@0 b@1 x@1 c@2',
    { run: '1@0 2@1 3@2', completedAfter: 2 },
  ],
  [
    'strict: other types of event do not count',
    abc,
    { order: 'strict' },
    'a@0 b@1 !failed@2 c@3',
    { run: '1@0 2@1 3@3', completedAfter: 3 },
  ],
  [
    'an excluded step between two positions hits the run',
    abc,
    { exclude: [{ step: 'x' }] },
    'a@0 x@1 b@2 c@3',
    { excluded: true },
  ],
  [
    'before the first position it does not',
    abc,
    { exclude: [{ step: 'x' }] },
    'x@0 a@1 b@2 c@3',
    { run: '1@1 2@2 3@3', starts: [1, 1], completedAfter: 2 },
  ],
  [
    'at the very instant of a bound it does not',
    abc,
    { exclude: [{ step: 'x' }] },
    'x@0 a@0 b@1 c@2 x@2',
    { run: '1@0 2@1 3@2', completedAfter: 2 },
  ],
  [
    'at the instant of a position inside the bounds it does',
    abc,
    { exclude: [{ step: 'x' }] },
    'a@0 b@1 x@1 c@2',
    { excluded: true },
  ],
  [
    'after the last bound it does not',
    abc,
    { exclude: [{ step: 'x', after: 1, before: 2 }] },
    'a@0 b@1 x@2 c@3',
    { run: '1@0 2@1 3@3', completedAfter: 3 },
  ],
  [
    'a run that has not reached the last bound is hit up to the end of its window',
    abc,
    { ...tenSeconds, exclude: [{ step: 'x' }] },
    'a@0 b@1 x@10',
    { excluded: true },
  ],
  [
    'and not by one past its window',
    abc,
    { ...tenSeconds, exclude: [{ step: 'x' }] },
    'a@0 b@1 x@11',
    { run: '1@0 2@1' },
  ],
  [
    'a run that has not reached the first bound is not hit',
    abc,
    { exclude: [{ step: 'x', after: 2, before: 3 }] },
    'a@0 x@1',
    { run: '1@0' },
  ],
  [
    'a skipped bound before hands its role to the one before it',
    ['a', { step: 'b', optional: true }, 'c', 'd'],
    { exclude: [{ step: 'x', after: 2, before: 3 }] },
    'a@0 x@1 c@2 d@3',
    { excluded: true },
  ],
  [
    'a skipped bound after hands its role to the one after it',
    ['a', 'b', { step: 'c', optional: true }, 'd'],
    { exclude: [{ step: 'x', after: 1, before: 3 }] },
    'a@0 b@1 x@2 d@3',
    { excluded: true },
  ],
  [
    'a hit run still decides which depth is furthest',
    abc,
    { exclude: [{ step: 'x', after: 2, before: 3 }] },
    'a@0 b@1 x@2 c@3 a@10 b@11',
    { excluded: true, starts: [0, 10] },
  ],
  ['any: each position counts, in any order', abc, { order: 'any' }, 'c@1 a@2', { run: '1@1 2@2', starts: [1, 2] }],
  [
    'any: all of them complete',
    abc,
    { order: 'any' },
    'c@1 a@2 b@4',
    { run: '1@1 2@2 3@4', starts: [1, 4], completedAfter: 3 },
  ],
  [
    'any: one window of the first of them',
    abc,
    { order: 'any', ...tenSeconds },
    'c@0 a@5 b@11',
    { run: '1@0 2@5', starts: [0, 11] },
  ],
  [
    'any: the best assignment of overlapping names',
    [{ anyOf: ['a', 'b'] }, 'a'],
    { order: 'any' },
    'a@1 b@2',
    { run: '1@1 2@2', starts: [1, 2], completedAfter: 1 },
  ],
  [
    'any: a listed step wipes a run that was not complete',
    abc,
    { order: 'any', exclude: [{ step: 'x' }] },
    'a@1 b@2 x@3 c@4',
    { run: '1@4', starts: [1, 4] },
  ],
  [
    'any: and not one that was',
    abc,
    { order: 'any', exclude: [{ step: 'x' }] },
    'a@1 b@2 c@3 x@4',
    { run: '1@1 2@2 3@3', starts: [1, 3], completedAfter: 2 },
  ],
  [
    'any: a journey all of whose runs are wiped is excluded',
    abc,
    { order: 'any', exclude: [{ step: 'x' }] },
    'a@1 b@2 x@3',
    { excluded: true, starts: [1, 2] },
  ],
  ['a completing outcome completes', abc, {}, 'a@1 !ineligible@3', { run: '1@1', completedAfter: 2 }],
  [
    'it belongs to the latest start at or before it',
    abc,
    {},
    'a@1 a@2 !already-done@5',
    { run: '1@1', starts: [1, 2], completedAfter: 3 },
  ],
  ['before any start it does not count', abc, {}, '!completed@1 a@2', { run: '1@2', starts: [2, 2] }],
  ['past the window of its start it does not count', abc, tenSeconds, 'a@0 !completed@11', { run: '1@0' }],
  ['outcomes change no position', abc, {}, 'a@0 b@1 !completed@2', { run: '1@0 2@1', completedAfter: 2 }],
  [
    'the last position decides the time, though an outcome came first',
    abc,
    {},
    'a@0 !completed@1 b@2 c@3',
    { run: '1@0 2@2 3@3', completedAfter: 3 },
  ],
  ['a failed outcome with no later step fails', abc, {}, 'a@0 b@1 x@2 !failed@2', { run: '1@0 2@1', failed: true }],
  ['with a later step of any name it does not', abc, {}, 'a@0 b@1 !failed@2 x@3', { run: '1@0 2@1' }],
  ['unless completed', abc, {}, 'a@0 !failed@2 !completed@3', { run: '1@0', completedAfter: 3 }],
  ['any time from 1970 on', abc, {}, 'a@0 b@0 c@0', { run: '1@0 2@0 3@0', completedAfter: 0 }],
]

function verdictOf(expected: Expected, trail: string) {
  const run = (expected.run ?? '').split(' ').filter((word) => word !== '')
  const positions = run.map((word) => Number(word.split('@')[0]))
  const times = run.map((word) => Number(word.split('@')[1]) * 1_000)
  const first = trailOf(trail).find(({ step }) => step === 'a')?.at ?? 0
  const started = run.length > 0 || expected.excluded === true
  const [start, latestStart] = expected.starts?.map((seconds) => seconds * 1_000) ?? (started ? [first, first] : [0, 0])
  return {
    start,
    latestStart,
    excluded: expected.excluded ? 1 : 0,
    depth: positions.at(-1) ?? 0,
    entered: positions.reduce((mask, position) => mask | (1n << BigInt(position - 1)), 0n),
    times,
    completed: expected.completedAfter === undefined ? 0 : 1,
    failed: expected.failed ? 1 : 0,
    completionMs: expected.completedAfter === undefined ? -1 : expected.completedAfter * 1_000,
  }
}

const duration = fc.constantFrom('PT1S', 'PT2S', 'PT4S', 'PT8S')

const funnels: fc.Arbitrary<FunnelInput> = fc
  .record({
    order: fc.constantFrom('ordered' as const, 'strict' as const, 'any' as const),
    window: duration,
    middle: fc.array(
      fc.record({
        anyOf: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 2 }),
        optional: fc.boolean(),
        within: fc.option(duration, { nil: undefined }),
      }),
      { maxLength: 3 },
    ),
    ends: fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('a', 'c', 'd')),
    exclude: fc.array(fc.record({ step: fc.constantFrom('b', 'x'), after: fc.nat(3), before: fc.nat(5) }), {
      maxLength: 2,
    }),
  })
  .map(({ order, window, middle, ends: [first, last], exclude }) => ({
    order,
    window,
    steps: [
      first,
      ...middle.map(({ anyOf, optional, within }) =>
        order === 'any' ? { anyOf } : { anyOf, optional, ...(within === undefined ? {} : { within }) },
      ),
      last,
    ],
    exclude: exclude.map(({ step, after, before }) =>
      order === 'any' || after === 0 || before === 0 ? { step } : { step, after, before },
    ),
  }))

const trails: fc.Arbitrary<SmallEvent[]> = fc
  .array(
    fc.record({
      at: fc.nat(6).map((seconds) => seconds * 1_000),
      seq: fc.nat(1),
      step: fc.constantFrom('a', 'a', 'b', 'c', 'd', 'x', ''),
      outcome: fc.integer({ min: 1, max: 4 }),
    }),
    { maxLength: 7 },
  )
  .map((events) => events.map((event) => (event.step === '' ? event : { ...event, outcome: 0 })))

describe('a compiled funnel', () => {
  it.each(cases)('%s', async (_rule, steps, rest, trail, expected) => {
    const input: FunnelInput = { steps, ...rest }
    expect(funnelFault(input)).toBeNull()
    const [verdict] = await compiledVerdicts(stores.reads, normaliseFunnel(input), [trailOf(trail)])
    expect(verdict).toEqual(verdictOf(expected, trail))
  })

  it('agrees with trying every run', async () => {
    const property = fc.asyncProperty(
      funnels,
      fc.array(trails, { minLength: 30, maxLength: 30 }),
      async (input, sample) => {
        fc.pre(funnelFault(input) === null)
        const funnel = normaliseFunnel(input)
        const verdicts = await compiledVerdicts(stores.reads, funnel, sample)
        for (const [index, trail] of sample.entries())
          expect(allowedVerdicts(funnel, trail)).toContainEqual(verdicts[index])
      },
    )
    await fc.assert(property, { numRuns: 60, seed: 5, endOnFailure: true })
  })

  it('takes fifty positions and twenty exclusions', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `s${index + 1}`)
    const exclude = Array.from({ length: 20 }, (_, index) => ({
      step: `x${index}`,
      after: index + 1,
      before: index + 20,
    }))
    const trail = names.map((step, index) => ({ at: index * 1_000, seq: 0, step, outcome: 0 }))
    const hit = [...trail, { at: 12_500, seq: 0, step: 'x12', outcome: 0 }]
    const missed = [...trail, { at: 11_500, seq: 0, step: 'x12', outcome: 0 }]
    const verdicts = await compiledVerdicts(stores.reads, normaliseFunnel({ steps: names, exclude }), [
      trail,
      hit,
      missed,
    ])
    expect(verdicts.map(({ depth, excluded, completionMs }) => [depth, excluded, completionMs])).toEqual([
      [50, 0, 49_000],
      [0, 1, -1],
      [50, 0, 49_000],
    ])
  })

  it('refuses names that overlap in too many ways', () => {
    const steps = Array.from({ length: 20 }, (_, index) => ({ anyOf: ['all', `n${index}`] }))
    expect(compileFault(normaliseFunnel({ steps }))).toMatch('overlap')
    expect(() => compileFunnel(normaliseFunnel({ steps }))).toThrow('overlap')
    expect(compileFault(normaliseFunnel({ steps: steps.slice(0, 10) }))).toBeNull()
  })
})
