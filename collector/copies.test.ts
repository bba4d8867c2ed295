import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredEvent } from '../domain/stored-event.ts'
import { adminSecret, openCollector, post, receivedAt } from '../tests/support/collector.ts'

/** Copies of an event are one event: sent again, in other groups, in another order, by another clock. */

const event = fc.record(
  {
    id: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
    type: fc.constantFrom('step', 'save', 'leave'),
    step: fc.constantFrom('start', 'done'),
    at: fc.integer({ min: receivedAt - 3_600_000, max: receivedAt }),
    seq: fc.integer({ min: 0, max: 2 }),
    engagedMs: fc.integer({ min: 0, max: 3 }),
  },
  { requiredKeys: ['type', 'step', 'at'] },
)
type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never

/** What the trail keeps of copies: one row an identity, the earliest time and the greatest attention. */
function trail(stored: readonly StoredEvent[]): unknown[] {
  const rows = new Map<number, { at: number; engagedMs: number }>()
  for (const { identity, at, engagedMs } of stored) {
    const row = rows.get(identity)
    rows.set(identity, {
      at: Math.min(at, row?.at ?? Infinity),
      engagedMs: Math.max(engagedMs, row?.engagedMs ?? 0),
    })
  }
  return [...rows].sort(([a], [b]) => a - b)
}

async function send(groups: readonly Event[][], headers: Record<string, string>, sentAts: readonly number[]) {
  const bench = await openCollector()
  for (const [index, events] of groups.entries()) {
    if (events.length === 0) continue
    const body = { service: 'fishing', journey: 'j', sentAt: sentAts[index % sentAts.length], events }
    expect((await post(bench, body, headers)).status).toBe(204)
  }
  return bench.stored()
}

describe('copies', () => {
  it('with a secret key: thrice, shuffled and in any groups, is once', async () => {
    const key = { Authorization: `Bearer ${adminSecret}` }
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(event, { minLength: 1, maxLength: 12 })
          .chain((events) =>
            fc.tuple(
              fc.constant(events),
              fc.shuffledSubarray([...events, ...events, ...events], { minLength: events.length * 3 }),
              fc.integer({ min: 1, max: 7 }),
            ),
          ),
        fc.array(fc.integer({ min: 0, max: receivedAt * 2 }), { minLength: 1, maxLength: 5 }),
        async ([events, shuffled, size], sentAts) => {
          const groups = shuffled.flatMap((_, index) =>
            index % size === 0 ? [shuffled.slice(index, index + size)] : [],
          )
          expect(trail(await send(groups, key, sentAts))).toEqual(trail(await send([events], key, [receivedAt])))
        },
      ),
      { numRuns: 150 },
    )
  })

  it('from a browser: the same receipts in any order are the same trail, whatever its clock said each time', async () => {
    const receipt = fc.record({
      events: fc.array(event, { minLength: 1, maxLength: 4 }),
      sentAt: fc.integer({ min: receivedAt - 7_200_000, max: receivedAt + 7_200_000 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(receipt, { minLength: 1, maxLength: 6 })
          .chain((receipts) =>
            fc.tuple(
              fc.constant(receipts),
              fc.shuffledSubarray([...receipts, ...receipts], { minLength: receipts.length * 2 }),
            ),
          ),
        async ([receipts, shuffled]) => {
          const kept = async (all: typeof receipts) =>
            trail(
              await send(
                all.map(({ events }) => events),
                {},
                all.map(({ sentAt }) => sentAt),
              ),
            )
          expect(await kept(shuffled)).toEqual(await kept(receipts))
        },
      ),
      { numRuns: 150 },
    )
  })

  it('a derived identity never equals a given id', async () => {
    const bench = await openCollector()
    const seen = new Map<number, boolean>()
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 20 }), async (events) => {
        await post(bench, { service: 'fishing', journey: 'j', events })
        for (const [index, { identity }] of bench.stored().entries()) {
          const given = events[index]?.id !== undefined
          expect(seen.get(identity) ?? given).toBe(given)
          seen.set(identity, given)
        }
      }),
      { numRuns: 100 },
    )
    expect(new Set(seen.values()).size).toBe(2)
  })
})
