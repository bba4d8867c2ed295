import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../infra/hash.ts'
import { derivedIdentity, givenIdentity, journeyHash, journeyIdentity, type EventContent } from './identity.ts'

const journey = journeyIdentity(sha256, 'secret', 'fishing', 'j')

const content: EventContent = {
  type: 'step',
  step: 'start',
  sentAt: 1_795_310_603_000,
  seq: 0,
  outcome: '',
  field: '',
  code: '',
  rating: 0,
  engagedMs: 0,
}

describe('journeys', () => {
  it('are 16 hex digits that never change: everything stored hangs on them', () => {
    expect(journeyHash(sha256, 'secret', 'fishing', 'j')).toBe(journey.journey)
    expect(journey.journey).toBe('6955afccf1e2a81e')
    expect(givenIdentity(journey, 'a')).toBe(1_997_794_180_781)
    expect(derivedIdentity(journey, content)).toBe(1_293_111_553_800)
  })

  it('differ by secret, service and reference, however these are cut', () => {
    const hashes = [
      ['secret', 'fishing', 'j'],
      ['secret', 'fishing', 'k'],
      ['secret', 'fish', 'ing:j'],
      ['secret:fishing', 'fishing', 'j'],
      ['secre', 't', 'fishing:j'],
      ['', 'secret', 'fishing:j'],
    ].map(([secret = '', service = '', reference = '']) => journeyHash(sha256, secret, service, reference))
    expect(new Set(hashes).size).toBe(hashes.length)
  })
})

describe('identities of events', () => {
  it('take every part of the content into account', () => {
    const others: Partial<EventContent>[] = [
      {},
      { type: 'save' },
      { step: 'star' },
      { step: 'start ' },
      { sentAt: content.sentAt + 1 },
      { sentAt: content.sentAt + 2 ** 32 },
      { sentAt: 1e300 },
      { seq: 1 },
      { seq: 2 ** 32 - 1 },
      { outcome: 'completed' },
      { rating: 1 },
      { engagedMs: 2 ** 32 - 1 },
      { type: 'error', field: 'a', code: 'b' },
      { type: 'error', field: 'ab', code: '' },
      { type: 'error', field: '', code: 'ab' },
    ]
    const identities = others.map((other) => derivedIdentity(journey, { ...content, ...other }))
    expect(new Set(identities).size).toBe(others.length)
  })

  it('differ for different texts, of every length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 64 }), fc.string({ maxLength: 64 }), (one, other) => {
        expect(givenIdentity(journey, one) === givenIdentity(journey, other)).toBe(one === other)
      }),
      { numRuns: 2_000 },
    )
  })

  it('spread over all of their 40 bits', () => {
    const bits = new Array<number>(41).fill(0)
    const count = 4_000
    for (let index = 0; index < count; index++) {
      const identity = BigInt(givenIdentity(journey, `id-${index}`))
      for (let bit = 0; bit < 41; bit++) if ((identity >> BigInt(bit)) & 1n) bits[bit] = (bits[bit] ?? 0) + 1
    }
    expect(bits[0]).toBe(count)
    // Five standard deviations of a fair coin.
    for (const set of bits.slice(1)) expect(Math.abs(set - count / 2)).toBeLessThan(5 * Math.sqrt(count / 4))
  })

  it('have room for the longest event', () => {
    const longest = {
      ...content,
      type: 'error' as const,
      step: 's'.repeat(128),
      field: 'f'.repeat(64),
      code: 'c'.repeat(64),
    }
    expect(derivedIdentity(journey, longest)).not.toBe(
      derivedIdentity(journey, { ...longest, code: `${'c'.repeat(63)}d` }),
    )
  })
})
