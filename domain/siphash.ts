/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein 2012; reference implementation veorq/SipHash):
 * a keyed hash for short inputs. Over whole 32-bit words, in plain arithmetic, because it runs for every event
 * and a call into a crypto library costs several times as much.
 *
 * @param words the message; only the first `length` are read. Callers make it self-delimiting
 * @param key0 low 32 bits of the key
 * @param key1 high 32 bits of the key
 * @param out receives the low and the high 32 bits
 */
export function halfSipHash(words: Int32Array, length: number, key0: number, key1: number, out: Int32Array): void {
  let v0 = key0 | 0
  let v1 = key1 ^ 0xee
  let v2 = 0x6c796765 ^ key0
  let v3 = 0x74656462 ^ key1
  // The message, then its length in bytes (modulo 256) in the top byte of a last word.
  for (let index = 0; index <= length; index++) {
    const word = index < length ? (words[index] ?? 0) : (length << 2) << 24
    v3 ^= word
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    v0 ^= word
  }
  v2 ^= 0xee
  for (let half = 0; half < 2; half++) {
    for (let round = 0; round < 4; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    out[half] = v1 ^ v3
    v1 ^= 0xdd
  }
}
