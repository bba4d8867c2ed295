/**
 * What no name holds: controls, halves of surrogate pairs, private use, what is no character, separators of lines
 * and paragraphs, and what formats without being seen, such as marks that turn the direction of writing. But the
 * two joiners belong to the spelling of Persian and Indic words and to emoji. Code points that are not assigned
 * yet may be, by another version of Unicode.
 */
const unprintable = '\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Noncharacter_Code_Point}\\p{Zl}\\p{Zp}'
const joiners = '\\u200c\\u200d'

/** A text without any of it, of any length but none. */
export const printable = new RegExp(`^(?:[^${unprintable}]|[${joiners}])+$`, 'u')

const surrogate = /\p{Surrogate}/u

/**
 * Printable text of 1 to `charsMax` UTF-16 units.
 */
export function isPrintable(value: unknown, charsMax: number): value is string {
  if (typeof value !== 'string') return false
  const { length } = value
  if (length === 0 || length > charsMax) return false
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index)
    if (unit < 0x20 || unit > 0x7e) return printable.test(value)
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
