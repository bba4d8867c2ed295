import { describe, expect, it } from 'vitest'
import { isLoopbackHost, isOwnForm, isOwnMachine, safeNext } from './access.ts'

const headers =
  (given: Record<string, string>) =>
  (name: string): string | undefined =>
    given[name]

describe('a name of this machine alone', () => {
  it.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST:8080',
    'waymark.localhost',
    '127.0.0.1',
    '127.0.0.1:8080',
    '127.1.2.3',
    '[::1]',
    '[::1]:8080',
  ])('is %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true)
  })

  it.each([
    undefined,
    '',
    'example.org',
    'localhost.example.org',
    'notlocalhost',
    '127.0.0.1.example.org',
    '127.0.0.1.nip.io:8080',
    '128.0.0.1',
    '0.0.0.0',
    '[::]',
    '[::2]',
    'localhost:8080@example.org',
    'localhost/..',
    'localhost localhost',
    '127.0.0.1, localhost',
  ])('is not %s', (host) => {
    expect(isLoopbackHost(host)).toBe(false)
  })

  it.each(['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP', 'Via'])(
    'does not count where a proxy says %s',
    (name) => {
      expect(isOwnMachine(headers({ Host: 'localhost:8080' }))).toBe(true)
      expect(isOwnMachine(headers({ Host: 'localhost:8080', [name]: 'x' }))).toBe(false)
    },
  )
})

describe('a form of ours', () => {
  const host = { Host: 'waymark.example:8080' }
  it.each([
    ['the browser says so', { 'Sec-Fetch-Site': 'same-origin' }, true],
    [
      'the browser says it is another site',
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'http://waymark.example:8080' },
      false,
    ],
    ['the browser says it is a sibling', { 'Sec-Fetch-Site': 'same-site' }, false],
    ['nobody sent it', { 'Sec-Fetch-Site': 'none' }, false],
    ['the origin is this host', { Origin: 'http://waymark.example:8080' }, true],
    ['the origin is this host behind TLS', { Origin: 'https://waymark.example:8080' }, true],
    ['the origin is another port', { Origin: 'http://waymark.example:9090' }, false],
    ['the origin is another host', { Origin: 'http://evil.example' }, false],
    ['the origin is hidden', { Origin: 'null' }, false],
    ['the page before is of this host', { Referer: 'http://waymark.example:8080/sign-in' }, true],
    ['the page before is of another', { Referer: 'http://evil.example/http://waymark.example:8080/' }, false],
    ['nothing is said', {}, false],
  ])('%s', (_, sent, own) => {
    expect(isOwnForm(headers({ ...host, ...sent }))).toBe(own)
  })
})

describe('where to go after signing in', () => {
  it.each(['/', '/services/renew', '/services/renew?from=2026-01-01&where=device%3Amobile'])('%s', (next) => {
    expect(safeNext(next)).toBe(next)
  })

  it.each([
    undefined,
    '',
    'services',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/\t/evil.example',
    '/a\\b',
    '/a\r\nSet-Cookie: x',
    `/${'a'.repeat(3_000)}`,
  ])('not %j', (next) => {
    expect(safeNext(next)).toBe('/')
  })
})
