import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { oracleState, oracleVerdict } from '../support/oracle.ts'
import { semanticsExamples } from '../support/semantics-examples.ts'

const document = new URL('../../docs/semantics.md', import.meta.url)
const examples = semanticsExamples(document)

test('the document works at least thirty examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(30)
})

describe('the oracle says what the document says', () => {
  test.each(examples)('$name', ({ funnel, events, verdict, states }) => {
    expect(oracleVerdict(funnel, events)).toEqual(verdict)
    for (const { now, state, elapsed } of states)
      expect({ now, ...oracleState(verdict, funnel.windowMs, now) }).toEqual({ now, state, elapsed })
  })
})

test('the odds of a collision are those of the formula', () => {
  const rows = [...readFileSync(document, 'utf8').matchAll(/^\| [a-z ]+\| (\d+) +\| (\d+) +\| (\d\.\de-\d+) +\|$/gm)]
  expect(rows.length).toBeGreaterThanOrEqual(6)
  for (const [line, bits, things, odds] of rows) {
    const n = Number(things)
    expect(((n * (n - 1)) / 2 ** (Number(bits) + 1)).toExponential(1), line).toBe(odds)
  }
})
