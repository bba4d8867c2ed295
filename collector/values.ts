import { Refusal } from './refusal.ts'

/** A text of so many characters is parsed before anything of it is counted. */
const charsUnscanned = 1_024

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
const closeBracket = 0x5d
const closeBrace = 0x7d

/**
 * Refuses a JSON text that would unfold to more values than anybody needs: 32 MiB of `{},{},…` come out of 32 KB of
 * gzip, and parsing them stops the process for seconds. One look at each character outside strings, which are
 * jumped over; what is no JSON is left to the parser.
 * @param valuesMax members, elements, objects and lists
 * @throws {Refusal} too-large; invalid-json where most of them stand inside one another
 */
export function boundValues(text: string, valuesMax: number): void {
  if (text.length <= Math.max(charsUnscanned, valuesMax)) return
  // A regular expression passes over what lies between at the parser's own pace.
  const sign = /["[\]{},]/g
  let values = 0
  let strings = 0
  let depth = 0
  while (sign.test(text)) {
    const unit = text.charCodeAt(sign.lastIndex - 1)
    if (unit === quote) {
      sign.lastIndex = endOfString(text, sign.lastIndex) + 1
      // A value and its name: more of them are either more values, or no JSON.
      if (++strings > 2 * (valuesMax + 1)) throw tooMany(valuesMax)
    } else if (unit === closeBrace || unit === closeBracket) {
      // No JSON.
      if (--depth < 0) return
    } else {
      // Every value but the first of all follows a comma or an opening.
      if (unit !== comma) depth++
      if (++values <= valuesMax) continue
      throw depth > valuesMax / 2 ? new Refusal('invalid-json', 'nested too deeply') : tooMany(valuesMax)
    }
  }
}

function tooMany(valuesMax: number): Refusal {
  return new Refusal('too-large', `expected at most ${valuesMax} values`)
}

/** Where the quote stands that ends a string; the end of the text when none does. */
function endOfString(text: string, start: number): number {
  for (let from = start; ;) {
    const end = text.indexOf('"', from)
    if (end === -1) return text.length
    let escapes = end
    while (escapes > start && text.charCodeAt(escapes - 1) === backslash) escapes--
    if ((end - escapes) % 2 === 0) return end
    from = end + 1
  }
}
