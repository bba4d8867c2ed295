import { describe, expect, it } from 'vitest'
import { personalData, personalPatterns } from './personal-data.ts'

const refused: [text: string, kind: string][] = [
  ['jo.bloggs@example.com', 'e-mail address'],
  ['Confirm jo@example.com', 'e-mail address'],
  ['jo%40example.com', 'e-mail address'],
  ['jo＠example.com', 'e-mail address'],
  ['0770\u200d0900\u200c123', 'long number'],
  ['/apply?name=jo', 'web address with a query'],
  ['apply&ref=AB', 'web address with a query'],
  ['https://jo:secret@host/', 'e-mail address'],
  ['https://:@host', 'e-mail address'],
  ['4111 1111 1111 1111', 'payment card'],
  ['4111111111111111', 'payment card'],
  ['card 5500-0000-0000-0004', 'payment card'],
  ['378282246310005', 'payment card'],
  ['GB82 WEST 1234 5698 7654 32', 'IBAN'],
  ['DE89370400440532013000', 'IBAN'],
  ['AB123456C', 'national insurance number'],
  ['ab 12 34 56 c', 'national insurance number'],
  ['ni-ab-12-34-56-c', 'national insurance number'],
  ['MORGA657054SM9IJ', 'driving licence number'],
  ['123-45-6789', 'social security number'],
  ['+44 7700 900123', 'telephone number'],
  ['+447700900123', 'telephone number'],
  ['+1 (555) 123-4567', 'telephone number'],
  ['07700900123', 'long number'],
  ['07700 900123', 'long number in groups'],
  ['020 7946 0958', 'long number in groups'],
  ['(020) 7946-0958', 'long number in groups'],
  ['555-123-4567', 'long number in groups'],
  ['943 476 5919', 'long number in groups'],
  ['20-00-00 55779911', 'long number'],
  ['case 12345678', 'long number'],
  ['４１１１１１１１', 'long number'],
  ['SW1A 1AA', 'postcode'],
  ['sw1a 1aa', 'postcode'],
  ['SW1A1AA', 'postcode'],
  ['sw1a1aa', 'postcode'],
  ['sw1a-1aa', 'postcode'],
  ['M1 1AE', 'postcode'],
  ['M11AE', 'postcode'],
  ['deliver to EC1A 1BB now', 'postcode'],
  ['CW1 1ST', 'postcode'],
  ['GIR 0AA', 'postcode'],
  ['m1 1ae', 'postcode'],
  ['E1-4AB', 'postcode'],
  ['postcode-cf10-3at', 'postcode'],
  ['W1A 0AX', 'postcode'],
  ['N1C 4AG', 'postcode'],
  ['L1 8JQ', 'postcode'],
  ['AL1 1AA', 'postcode'],
  ['192.168.0.1', 'network address'],
  ['from 10.0.0.255', 'network address'],
  ['2001:db8::8a2e:370:7334', 'network address'],
  ['2001:0db8:85a3:0000:0000:8a2e:0370:7334', 'network address'],
  ['::1', 'network address'],
  ['00:1b:44:11:3a:b7', 'network address'],
  ['1985-03-12', 'date of birth'],
  ['12/03/1985', 'date of birth'],
  ['12.3.1985', 'date of birth'],
  ['12 March 1985', 'date of birth'],
  ['12-mar-1985', 'date of birth'],
  ['March 12, 1985', 'date of birth'],
  ['dob 1985/3/12', 'date of birth'],
]

const admitted = [
  'start',
  'your-name',
  'check-answers',
  'done',
  'T02 Check confirmation of receipt',
  'T10 Determine necessity to stop indication',
  'Confirmation of receipt',
  'pay-2024',
  'step-10',
  'e1-4xx',
  'b2-5xx',
  'sw1-4xx',
  'step-w1-2ab',
  'v1-2ab',
  'step-e10-4ci',
  'qa12-3ab',
  'form ta1 2mk',
  'http-5xx',
  'A4 2023 summary',
  'Apply, pay and print',
  'page 3 of 12',
  '2023-24 tax year',
  '2023/24',
  'form P45',
  'P11D',
  'SA100',
  'section 10.2.1',
  'v1.2.3',
  'A1 2nd page',
  'question 7b',
  'Check::Confirm',
  'at 10:30',
  '24/7 helpline',
  'form-2024-10-01',
  'who? where?',
  'a & b',
  'R&D; tax',
  'over 100%',
  '£1000000',
  'coarse',
  '18-25',
  '1 000 000',
  'österreich',
  '運転免許',
  'step 1 2 3 4 5 6 7 8 9',
  'Number 10',
  'e10',
  'covid-19',
  '9 to 5',
  'h2o',
  'https://service.example/apply/start',
  'AB12',
  'abc123',
  '1234567',
  '999.1.1.1',
]

describe('personal data', () => {
  it.each(refused)('sees in %j a %s', (text, kind) => {
    expect(personalData(text)).toBe(kind)
  })

  it.each(admitted)('sees nothing in %j', (text) => {
    expect(personalData(text)).toBeNull()
  })

  it('has a case for every pattern of the table', () => {
    for (const { kind, pattern, check } of personalPatterns) {
      const hit = refused.some(([text]) => {
        const match = pattern.exec(text.normalize('NFKC'))
        return match !== null && (check === undefined || check(match[0]))
      })
      expect(hit, `${kind} ${pattern.source}`).toBe(true)
    }
  })

  it('looks past a match that fails its check', () => {
    expect(personalData('1234 5678 9012 x 4111 1111 1111 1111')).not.toBeNull()
    expect(personalData('999.9.9.9 and 10.0.0.1')).toBe('network address')
  })

  it('answers at once for the longest hostile text', () => {
    for (const text of ['1 '.repeat(64), 'a1'.repeat(64), '1:'.repeat(64), '(1)'.repeat(42), 'a'.repeat(128)])
      expect(() => personalData(text)).not.toThrow()
  })
})
