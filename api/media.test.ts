import { describe, expect, it } from 'vitest'
import { prefersCsv } from './media.ts'

describe('Accept', () => {
  it.each<[string | null, boolean]>([
    [null, false],
    ['', false],
    ['*/*', false],
    ['application/json', false],
    ['text/csv', true],
    ['TEXT/CSV', true],
    ['text/csv; charset=utf-8', true],
    ['text/*', true],
    ['text/csv, application/json', false],
    ['text/csv, application/json;q=0.9', true],
    ['text/csv;q=0.5, application/json;q=0.9', false],
    ['text/csv;q=0', false],
    ['text/csv, */*', true],
    ['*/*, text/csv', true],
    ['text/csv;q=0.5, */*;q=0.5', true],
    ['application/json, */*', false],
    ['application/json, text/*', false],
    ['text/*, */*', true],
    ['text/csv;q=0, */*;q=0', false],
    ['text/csv, */*;q=0.8', true],
    ['text/html, text/csv;q=0.9, */*;q=0.1', true],
    ['application/json;q=0, */*', true],
    ['text/csv;q=nonsense', false],
    ['text/csv;q=2', false],
    ['image/png', false],
  ])('%j: CSV %s', (accept, csv) => {
    expect(prefersCsv(accept)).toBe(csv)
  })
})
