import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidParameter } from '../domain/errors.ts'
import { readCursor, writeCursor } from './cursor.ts'

const now = 1_795_310_603_000

describe('a cursor', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(
        fc.nat(now),
        fc.maxSafeNat(),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (asOf, seenAt, journey) => {
          const cursor = { asOf, seenAt, journey: journey.toString(16).padStart(16, '0') }
          expect(readCursor(writeCursor(cursor), now)).toEqual(cursor)
        },
      ),
    )
  })

  it('is only what an answer gave', () => {
    const made = writeCursor({ asOf: now, seenAt: 1, journey: '00000000000000ff' })
    for (const text of ['', 'x', '%00', `${made}A`, made.slice(1), btoa('1.1.1.x'), 'A'.repeat(10_000), '🙂'])
      expect(() => readCursor(text, now), text).toThrow(InvalidParameter)
    expect(() => readCursor(made, now - 1)).toThrow(InvalidParameter)
  })

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => readCursor(text, now)).toThrow(InvalidParameter)
      }),
    )
  })
})
