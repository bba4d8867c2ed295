/**
 * What looks like personal data, as a table. Names of steps, values of attributes, fields and codes that match
 * are refused: they should be the same for everyone, and these never are.
 */
export interface PersonalPattern {
  readonly kind: string
  readonly pattern: RegExp
  /** Looks closer at a match; without it, matching is enough. */
  readonly check?: (match: string) => boolean
}

const digitsOf = (text: string): string => text.replace(/\D/g, '')

/** Luhn 1954: the check digit of payment cards. */
function luhn(text: string): boolean {
  const digits = digitsOf(text)
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    const doubled = index % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** ISO 13616: the rest of an IBAN divided by 97 is 1, letters counting from 10. */
function iban(text: string): boolean {
  const compact = text.replace(/[ -]/g, '').toUpperCase()
  let rest = 0
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    for (const digit of String(parseInt(character, 36))) rest = (rest * 10 + Number(digit)) % 97
  }
  return rest === 1
}

/** `1st`, `2nd` … as people write them are ordinals, `1ST` is half a postcode. */
const notOrdinal = (text: string): boolean => !/\d(?:st|nd|rd|th)$/.test(text)

/** `e1-4xx` names a kind of answer, and `step-w1-2ab` a page: in small letters and with a hyphen, one letter and one digit are no district. */
const likelyPostcode = (text: string): boolean => !/^[a-z]\d-|-\dxx$/.test(text) && notOrdinal(text)

// The forms of outward and inward codes: British Standard BS 7666. The areas: Royal Mail, 124 of them.
const areas =
  'AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|B|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|E|' +
  'FK|FY|GL|GU|GY|G|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|L|ME|MK|ML|M|NE|NG|' +
  'NN|NP|NR|NW|N|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|S|TA|TD|TF|TN|TQ|' +
  'TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|W|YO|ZE'
const outward = `(?:${areas})(?:[0-9]{1,2}|[0-9][A-HJKMNP-Y])`
const inward = '[0-9][ABD-HJLNP-UW-Z]{2}'
const alone = (pattern: string, flags = 'i'): RegExp => new RegExp(`(?<![a-z0-9])(?:${pattern})(?![a-z0-9])`, flags)
const month = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*'
// Dates of the years in which those who use a service today were born; later ones name forms and releases.
const birthYear = '(?:19\\d\\d|20[01]\\d)'

export const personalPatterns: readonly PersonalPattern[] = [
  { kind: 'e-mail address', pattern: /[^\s@](?:@|%40)[^\s@]/i },
  { kind: 'web address with a query', pattern: /[?&;][\w.[\]-]+=/ },
  { kind: 'web address with a user or a token', pattern: /:\/\/[^/\s]*@|(?<![a-z0-9])eyj[\w-]{8,}\.eyj/i },
  {
    kind: 'payment card',
    pattern: /(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)/,
    check: luhn,
  },
  {
    kind: 'IBAN',
    pattern: alone('[a-z]{2}\\d{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,3})?'),
    check: iban,
  },
  {
    kind: 'national insurance number',
    pattern: alone('[a-ceghj-prstw-z][a-ceghj-nprstw-z](?:[ -]?\\d\\d){3}[ -]?[a-d]'),
  },
  { kind: 'driving licence number', pattern: alone('[a-z9]{5}\\d{6}[a-z9]{2}\\d[a-z]{2}(?:\\d\\d)?') },
  { kind: 'social security number', pattern: alone('\\d{3}-\\d{2}-\\d{4}') },
  { kind: 'telephone number', pattern: /\+\s?\(?\d(?:[\s().-]{0,2}\d){6,}/ },
  { kind: 'long number', pattern: /\d{8}/ },
  // Groups of two digits and more that make nine together: telephone, account and health numbers.
  {
    kind: 'long number in groups',
    pattern: /(?<![\d.])\(?\d{2,}(?:\)?[ .-]{1,2}\(?\d{2,}\)?)+/,
    check: (match) => digitsOf(match).length >= 9,
  },
  { kind: 'postcode', pattern: alone(`(?:${outward})[ -]${inward}|gir[ -]?0aa`), check: likelyPostcode },
  { kind: 'postcode', pattern: new RegExp(`(?<![A-Za-z0-9])${outward}${inward}(?![A-Za-z0-9])`) },
  { kind: 'postcode', pattern: alone(`(?=[a-z0-9]{6})(?:${outward})${inward}`), check: notOrdinal },
  {
    kind: 'network address',
    pattern: /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/,
    check: (match) => match.split('.').every((part) => Number(part) <= 255),
  },
  { kind: 'network address', pattern: alone('(?:[0-9a-f]{1,4}[:]){5,7}[0-9a-f]{1,4}') },
  {
    kind: 'network address',
    pattern: /(?<![\w:])(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?(?![\w:])/i,
    check: (match) => /\d/.test(match),
  },
  { kind: 'date of birth', pattern: alone(`${birthYear}[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\\d|3[01])`) },
  {
    kind: 'date of birth',
    pattern: alone(`(?:0?[1-9]|[12]\\d|3[01])[-/. ](?:0?[1-9]|1[0-2]|${month})[-/. ]${birthYear}`),
  },
  {
    kind: 'date of birth',
    pattern: alone(`${month}[ -](?:0?[1-9]|[12]\\d|3[01])(?:st|nd|rd|th)?,?[ -]${birthYear}`),
  },
]

const searches = personalPatterns.map((entry) => ({
  ...entry,
  every: new RegExp(entry.pattern, `${entry.pattern.flags}g`),
}))

/** Nothing in the table matches a text without any of these: most names end here. */
const suspect = /[@%\d?&;:\u{80}-\u{10ffff}]|eyJ/iu

/**
 * What a name or a value looks like, if like personal data.
 * @returns the kind, from the table; `null` when like none
 */
export function personalData(text: string): string | null {
  if (!suspect.test(text)) return null
  // Full-width and other look-alike forms count as what they look like; joiners are not seen.
  const plain = text.normalize('NFKC').replace(/[\u200c\u200d]/g, '')
  for (const { kind, pattern, every, check } of searches) {
    if (!pattern.test(plain)) continue
    if (check === undefined) return kind
    for (const [match] of plain.matchAll(every)) if (check(match)) return kind
  }
  return null
}
