import { describe, expect, it } from 'vitest'
import { stepName } from './service.ts'
import { isPrintable } from './text.ts'

const taken = [
  'a',
  'Pay, by card',
  'Überprüfung',
  '運転免許',
  'می‌خواهم',
  'क्‍ष',
  '👩‍👩‍👧',
  '🎣',
  '\u{1faf9}',
  '\u{1faff}',
  '\u00a0',
]
const refused: [what: string, character: string][] = [
  ['a NUL', '\0'],
  ['a tab', '\t'],
  ['a line break', '\n'],
  ['a delete', '\u007f'],
  ['a next line', '\u0085'],
  ['a soft hyphen', '\u00ad'],
  ['a zero-width space', '\u200b'],
  ['a right-to-left mark', '\u200f'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['a right-to-left override', '\u202e'],
  ['a right-to-left isolate', '\u2067'],
  ['a byte order mark', '\ufeff'],
  ['private use', '\ue000'],
  ['half a surrogate pair', '\ud83c'],
  ['a tag', '\u{e0067}'],
  ['what is no character', '\uffff'],
]

describe('printable text, of events and of funnels alike', () => {
  it.each(taken)('is %j', (text) => {
    expect([isPrintable(text, 20), stepName.safeParse(text).success]).toEqual([true, true])
  })

  it.each(refused)('holds no %s', (_, character) => {
    for (const text of [character, `a${character}`, `${character}运`])
      expect([isPrintable(text, 20), stepName.safeParse(text).success]).toEqual([false, false])
  })
})
