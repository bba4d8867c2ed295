import { describe, expect, it } from 'vitest'
import { halfSipHash } from './siphash.ts'

describe('halfSipHash', () => {
  // vectors_hsip64 of the reference implementation: key 00 01 … 07, message 00 01 … of the given length.
  it.each([
    [0, '218d1f59b9b83cc8'],
    [4, 'd5e78a175be52ea1'],
    [8, 'edfee820bce4858c'],
  ])('gives the published vector for %d bytes', (bytes, expected) => {
    const message = Uint8Array.from({ length: 64 }, (_, index) => index)
    const out = new Int32Array(2)
    halfSipHash(new Int32Array(message.buffer), bytes / 4, 0x03020100, 0x07060504, out)
    expect(Buffer.from(out.buffer).toString('hex')).toBe(expected)
  })
})
