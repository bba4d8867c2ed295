import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventInput, eventLine, eventsBody } from '../domain/event-input.ts'
import { channels, eventTypes, outcomes } from '../domain/stored-event.ts'
import { adminSecret, openCollector, post, receivedAt } from '../tests/support/collector.ts'

/** The documented schema and the collector's own checks, held to the same verdicts. */

const hostile = fc.constantFrom<unknown>(
  '',
  ' ',
  'x',
  'UPPER',
  'a-b',
  '-a',
  'a'.repeat(64),
  'a'.repeat(65),
  'a'.repeat(128),
  'a'.repeat(129),
  'tab\there',
  'line\nbreak',
  'nul\0',
  '\ud800',
  'a\u200bb',
  'é, ü and 運',
  '🎣',
  '\u2028',
  0,
  -0,
  -1,
  1,
  1.5,
  5,
  6,
  2 ** 32 - 1,
  2 ** 32,
  1e300,
  -1e300,
  receivedAt,
  true,
  false,
  [],
  {},
  ['x'],
  '2026-11-23T12:00:00Z',
  '2026-11-23T12:00:00+01:00',
  '2026-11-23T12:00:00',
  '2026-02-30T12:00:00Z',
  '2026-11-23',
  'now',
)
const field = (valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 6, arbitrary: valid },
    { weight: 1, arbitrary: hostile },
    { weight: 1, arbitrary: fc.constant(null) },
  )

const attrs = fc.dictionary(
  fc.oneof(fc.constantFrom('region', 'licence-type', 'a', 'b-c'), fc.string({ maxLength: 70 })).filter(
    // Zod passes over this key; the collector refuses it like any other that is no slug.
    (name) => name !== '__proto__',
  ),
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom<unknown>('', 'north', 'a'.repeat(64)) },
    { weight: 1, arbitrary: hostile },
  ),
  { maxKeys: 10 },
)

const event = fc.record(
  {
    id: field(fc.string({ minLength: 1, maxLength: 64 })),
    type: field(fc.constantFrom(...eventTypes)),
    step: field(fc.constantFrom('start', 'done', 'elsewhere')),
    at: field(fc.constantFrom<unknown>(receivedAt, '2026-11-23T11:59:00.5Z')),
    seq: field(fc.nat()),
    outcome: field(fc.constantFrom(...outcomes)),
    field: field(fc.constantFrom('postcode', '')),
    code: field(fc.constantFrom('required', '')),
    engagedMs: field(fc.double({ min: 0, max: 1e6, noNaN: true })),
    rating: field(fc.integer({ min: 1, max: 5 })),
    channel: field(fc.constantFrom(...channels)),
    attrs: field(attrs),
    more: hostile,
  },
  { requiredKeys: ['at'] },
)

const shapeFaults = new Set(['invalid-event'])

describe('the schema and the collector', () => {
  it('say the same of any event', async () => {
    const bench = await openCollector({ foreignStepsMax: 1e9, dimensionValuesMax: 1e9 })
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(event, async (given) => {
        const answer = await post(bench, { service: 'fishing', journey: 'j', events: [given] })
        const schema = eventInput.safeParse(JSON.parse(JSON.stringify(given)))
        if (schema.success) accepted++
        expect(answer.status).toBeLessThan(500)
        expect(shapeFaults.has(answer.code ?? ''), `${answer.body} ${JSON.stringify(schema.error?.issues)}`).toBe(
          !schema.success,
        )
      }),
      { numRuns: 3_000 },
    )
    // Both verdicts were met.
    expect(accepted).toBeGreaterThan(300)
    expect(accepted).toBeLessThan(2_700)
  })

  it('say the same of any envelope', async () => {
    const bench = await openCollector()
    const envelope = fc.record(
      {
        service: fc.oneof({ weight: 6, arbitrary: fc.constant<unknown>('fishing') }, { weight: 1, arbitrary: hostile }),
        journey: field(fc.string({ minLength: 1, maxLength: 128 })),
        sentAt: field(fc.constant(receivedAt)),
        channel: field(fc.constantFrom(...channels)),
        events: fc.oneof(
          { weight: 8, arbitrary: fc.constant<unknown>([{ step: 'start', at: receivedAt }]) },
          { weight: 1, arbitrary: hostile },
        ),
        more: hostile,
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(envelope, async (given) => {
        const answer = await post(bench, given)
        const schema = eventsBody.safeParse(JSON.parse(JSON.stringify(given)))
        expect(answer.status).toBeLessThan(500)
        // A slug that is no service of ours is well formed.
        if (answer.code === 'unknown-service') return
        expect(shapeFaults.has(answer.code ?? ''), answer.body).toBe(!schema.success)
      }),
      { numRuns: 2_000 },
    )
  })

  it('say the same of any line of NDJSON', async () => {
    const bench = await openCollector({ foreignStepsMax: 1e9, dimensionValuesMax: 1e9 })
    const headers = { 'Content-Type': 'application/x-ndjson', Authorization: `Bearer ${adminSecret}` }
    const whose = fc.record({ service: fc.constant('fishing'), journey: field(fc.constant('j')), sentAt: hostile })
    await fc.assert(
      fc.asyncProperty(whose, event, async (envelope, given) => {
        const line = { ...given, ...envelope }
        const answer = await post(bench, line, headers)
        const { refused } = JSON.parse(answer.body) as { refused: { code: string }[] }
        // How far a time may lie back or ahead is no matter of shape.
        if (refused.some((one) => 'path' in one && one.path === 'at')) return
        const schema = eventLine.safeParse(JSON.parse(JSON.stringify(line)))
        expect(shapeFaults.has(refused[0]?.code ?? ''), answer.body).toBe(!schema.success)
      }),
      { numRuns: 1_000 },
    )
  })
})
