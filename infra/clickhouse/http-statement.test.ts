import { describe, expect, it } from 'vitest'
import { httpStatement } from './http-statement.ts'

/** name → texts, in order. */
function fieldsOf({ body, headers }: ReturnType<typeof httpStatement>): Map<string, string[]> {
  const boundary = /boundary=(.+)/.exec(headers?.['Content-Type'] ?? '')?.[1] ?? ''
  expect(body.endsWith(`--${boundary}--`)).toBe(true)
  const fields = new Map<string, string[]>()
  for (const part of body
    .slice(0, -boundary.length - 4)
    .split(`--${boundary}\r\n`)
    .slice(1)) {
    const [, name = '', text = ''] = /^Content-Disposition: form-data; name="(\w+)"\r\n\r\n(.*)\r\n$/s.exec(part) ?? []
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(131_072)
    fields.set(name, [...(fields.get(name) ?? []), text])
  }
  return fields
}

describe('a statement over HTTP', () => {
  it('has a few values in the URL', () => {
    const params = { p0: 'a', p1: [1n, 2n] }
    expect(httpStatement('SELECT {p0:String}', params)).toEqual({ body: 'SELECT {p0:String}', urlParams: params })
    expect(httpStatement('SELECT 1', {}).urlParams).toEqual({})
  })

  it('counts what the URL makes of them', () => {
    expect(httpStatement('S', { p0: 'é'.repeat(600) }).urlParams).toBeDefined()
    expect(httpStatement('S', { p0: 'é'.repeat(700) }).urlParams).toBeUndefined()
  })

  it('has more of them in a form', () => {
    const fields = fieldsOf(httpStatement('SELECT {p0:String}', { p0: 'x'.repeat(5_000), p1: true }))
    expect(fields.get('query')).toEqual(['SELECT {p0:String}'])
    expect(fields.get('param_p0')).toEqual(['x'.repeat(5_000)])
    expect(fields.get('param_p1')).toEqual(['1'])
  })

  it('joins lists that no field can hold, wherever they stand', () => {
    const list = Array.from({ length: 30_000 }, (_, index) => `it's ${index}`)
    const text = 'SELECT {p1:UInt8}, has({p0:Array(String)}, x), y IN {p0:Array(String)}'
    const fields = fieldsOf(httpStatement(text, { p0: list, p1: 1 }))
    const names = [...fields.keys()].filter((name) => name.startsWith('param_p0_'))
    expect(names.length).toBeGreaterThan(2)
    expect(names.map((name) => fields.get(name)?.[0]?.slice(1, -1)).join(',')).toBe(
      list.map((one) => `'${one.replace("'", "\\'")}'`).join(','),
    )
    const joined = `arrayConcat(${names.map((name) => `{${name.slice('param_'.length)}:Array(String)}`).join(', ')})`
    expect(fields.get('query')).toEqual([`SELECT {p1:UInt8}, has(${joined}, x), y IN ${joined}`])
  })

  it('cuts a text that no field can hold between characters', () => {
    const text = `SELECT '${'€'.repeat(100_000)}'`
    const fields = fieldsOf(httpStatement(text, { p0: 'x'.repeat(5_000) }))
    expect(fields.get('query')?.length).toBe(3)
    expect(fields.get('query')?.join('')).toBe(text)
  })
})
