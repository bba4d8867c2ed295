import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { devices, browsers, referrers } from '../collector/headers.ts'
import { defaultLimits, shape } from '../domain/limits.ts'
import { dropReasons, problem, problemCodes, problems } from '../domain/problems.ts'
import { channels, eventTypes, outcomes } from '../domain/stored-event.ts'
import { readConfig } from '../infra/config.ts'

/** Tables of the documents are the tables of the code, both ways. */

const text = (name: string): string => readFileSync(join(import.meta.dirname, '..', 'docs', name), 'utf8')

/** Rows of the tables under a heading, cell by cell, without their heads. */
function rows(document: string, heading: string): string[][] {
  const section = document.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  return section
    .split('\n')
    .filter(
      (line, index, lines) => line.startsWith('|') && !/^\| *-/.test(line) && !/^\| *-/.test(lines[index + 1] ?? ''),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}
const unquoted = (cell = ''): string => cell.replaceAll('`', '')

describe('docs/limits.md', () => {
  it('lists every settable limit with its variable and default', () => {
    const listed = rows(text('limits.md'), 'Settable').map(([name, variable, value]) => [
      unquoted(name),
      unquoted(variable),
      Number(value),
    ])
    const variable = (name: string): string =>
      `WAYMARK_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
    expect(listed).toEqual(Object.entries(defaultLimits).map(([name, value]) => [name, variable(name), value]))
  })

  it.each(rows(text('limits.md'), 'Settable').map(([name, variable]) => [unquoted(variable), unquoted(name)]))(
    '%s moves its limit',
    (variable, name) => {
      const limits: Record<string, number> = { ...readConfig({ [variable ?? '']: '17' }).limits }
      expect(limits).toEqual({ ...defaultLimits, [name ?? '']: 17 })
    },
  )

  it('lists every fixed limit', () => {
    const listed = rows(text('limits.md'), 'Fixed').map(([name, value]) => [unquoted(name), Number(value)])
    expect(listed).toEqual(Object.entries(shape))
  })
})

describe('docs/events.md', () => {
  const refusals = rows(text('events.md'), 'Refusals')

  it('lists every code with its status and meaning', () => {
    expect(refusals.slice(0, problemCodes.length)).toEqual(
      Object.entries(problems).map(([code, { status, meaning }]) => [`\`${code}\``, String(status), meaning]),
    )
  })

  it('lists every reason for which something is dropped', () => {
    expect(refusals.slice(problemCodes.length)).toEqual(
      Object.entries(dropReasons).map(([reason, meaning]) => [`\`${reason}\``, meaning]),
    )
  })

  it.each([...eventTypes, ...outcomes, ...channels, ...devices, ...referrers])('names %s', (word) => {
    expect(text('events.md')).toContain(`\`${word}\``)
  })

  it('keeps families of browsers few', () => {
    expect(browsers.length).toBeLessThan(12)
  })
})

describe('problems', () => {
  it.each(problemCodes)('%s has a status, a title of its own and the headers that it needs', (code) => {
    const { status, headers, body } = problem(code, 'detail', { path: 'events[3].step' })
    expect(body).toEqual({
      type: `/docs#problem-${code}`,
      title: problems[code].title,
      status,
      code,
      detail: 'detail',
      path: 'events[3].step',
    })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(headers['Content-Type']).toBe('application/problem+json')
    expect('Retry-After' in headers).toBe(status === 429 || status === 503)
    expect('WWW-Authenticate' in headers).toBe(status === 401)
  })

  it('have titles that differ', () => {
    expect(new Set(Object.values(problems).map(({ title }) => title)).size).toBe(problemCodes.length)
  })

  it('round Retry-After up to whole seconds, at least one', () => {
    expect(problem('too-many', undefined, { retryAfterSeconds: 0.2 }).headers['Retry-After']).toBe('1')
    expect(problem('log-unavailable', undefined, { retryAfterSeconds: 2.1 }).headers['Retry-After']).toBe('3')
  })
})
