import { describe, expect, it } from 'vitest'
import { CommandError } from '../connection.ts'
import { readCsv, type CsvColumns } from './csv.ts'
import { readNdjson } from './ndjson.ts'
import type { ImportRecord } from './record.ts'
import { readXes } from './xes.ts'

/** The text in pieces of so many characters: where a file is cut must not matter. */
async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let start = 0; start < text.length; start += size) yield text.slice(start, start + size)
}

async function all(records: AsyncIterable<ImportRecord>): Promise<ImportRecord[]> {
  const found: ImportRecord[] = []
  for await (const record of records) found.push(record)
  return found
}

const sizes = [1, 7, 100_000]

describe.each(sizes)('in pieces of %i characters', (size) => {
  it('NDJSON is read line by line, empty ones left out', async () => {
    expect(await all(readNdjson(pieces('{"a":1}\r\n\n{"b":2}\n  \n{"c":3}', size)))).toEqual([
      { line: 1, event: '{"a":1}' },
      { line: 3, event: '{"b":2}' },
      { line: 5, event: '{"c":3}' },
    ])
  })

  it('CSV is read by its header, quotes and line ends in values included', async () => {
    const text =
      'case,what,"when, exactly",kind\r\n1,"start, please",2026-01-01T00:00:00Z,a\r\n"2","li\nne",1767225600000,\r\n'
    const found = await all(
      readCsv(pieces(text, size), {
        ...columns,
        journey: 'case',
        step: 'what',
        at: 'when, exactly',
        attrs: { 'licence-type': 'kind' },
      }),
    )
    expect(found.map(({ event }) => JSON.parse(event ?? '') as unknown)).toEqual([
      { service: 's', journey: '1', step: 'start, please', at: '2026-01-01T00:00:00Z', attrs: { 'licence-type': 'a' } },
      { service: 's', journey: '2', step: 'li\nne', at: 1767225600000 },
    ])
  })

  it('XES is read trace by trace; attributes of the trace may stand behind its events', async () => {
    const found = await all(
      readXes(pieces(xes, size), { service: 's', attrs: { 'licence-type': 'kind', who: 'role' } }),
    )
    expect(found.map(({ event }) => JSON.parse(event ?? '') as unknown)).toEqual([
      {
        service: 's',
        journey: 'case & 1',
        step: 'A',
        at: '2026-01-01T00:00:00.000+01:00',
        seq: 0,
        attrs: { 'licence-type': 'coarse', who: 'clerk' },
      },
      {
        service: 's',
        journey: 'case & 1',
        step: 'B',
        at: '2026-01-01T00:00:00.000+01:00',
        seq: 1,
        attrs: { 'licence-type': 'coarse' },
      },
      { service: 's', journey: 'trace 2', step: 'A', at: '2026-01-02T00:00:00Z', seq: 0 },
    ])
  })
})

const columns: CsvColumns = { service: 's', journey: 'journey', step: 'step', at: 'at', attrs: {}, delimiter: ',' }

const xes = `<?xml version="1.0"?>
<log xes.version="1.0">
  <global scope="event"><string key="concept:name" value="not an event"/></global>
  <trace>
    <event><string key="concept:name" value="A"/><date key="time:timestamp" value="2026-01-01T00:00:00.000+01:00"/><string key="role" value="clerk"><string key="concept:name" value="nested"/></string></event>
    <event><date key="time:timestamp" value="2026-01-01T00:00:00.000+01:00"/><string key="concept:name" value="B"/></event>
    <string key="concept:name" value="case &amp; 1"/><string key="kind" value="coarse"/>
  </trace>
  <trace><event><string key="concept:name" value="A"/><date key="time:timestamp" value="2026-01-02T00:00:00Z"/></event></trace>
</log>`

describe('what is no file of its kind', () => {
  it.each([
    ['XML that ends early', () => readXes(pieces('<log><trace>', 5), { service: 's', attrs: {} })],
    ['XML that is none', () => readXes(pieces('hello', 5), { service: 's', attrs: {} })],
    ['XML of something else', () => readXes(pieces('<html></html>', 5), { service: 's', attrs: {} })],
    ['CSV with an open quote', () => readCsv(pieces('journey,step,at\n"1,a', 5), columns)],
    ['CSV without the column', () => readCsv(pieces('journey,step\n1,a\n', 5), columns)],
  ])('%s is refused in one line', async (_what, read) => {
    const attempt = all(read())
    await expect(attempt).rejects.toBeInstanceOf(CommandError)
    await expect(attempt).rejects.toThrow(/^[^\n]*$/)
  })

  it('a line that is too long is refused alone, and never held', async () => {
    const text = `{"a":1}\n${'x'.repeat(600_000)}\n{"b":2}\n`
    expect(await all(readNdjson(pieces(text, 50_000)))).toEqual([
      { line: 1, event: '{"a":1}' },
      { line: 2, event: undefined, fault: 'the line is longer than 262144 characters' },
      { line: 3, event: '{"b":2}' },
    ])
  })
})
