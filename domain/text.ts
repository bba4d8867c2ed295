const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u
const surrogate = /\p{Surrogate}/u

/**
 * Text of 1 to `charsMax` UTF-16 units without control characters, line breaks, unassigned code points or halves
 * of surrogate pairs.
 */
export function isPrintable(value: unknown, charsMax: number): value is string {
  if (typeof value !== 'string') return false
  const { length } = value
  if (length === 0 || length > charsMax) return false
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index)
    if (unit < 0x20 || unit > 0x7e) return !unprintable.test(value)
  }
  return true
}

/** Text of 1 to `charsMax` UTF-16 units, of any characters but halves of surrogate pairs. */
export function isText(value: unknown, charsMax: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= charsMax && !surrogate.test(value)
}

/** `[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?`, without a regular expression: it runs for every event. */
export function isSlug(value: unknown): value is string {
  if (typeof value !== 'string') return false
  const { length } = value
  if (length === 0 || length > 64) return false
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index)
    if ((unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39)) continue
    if (unit !== 0x2d || index === 0 || index === length - 1) return false
  }
  return true
}
