import { describe, expect, it } from 'vitest'
import { createUserAgents, originOf, referrerKind } from './headers.ts'

describe('user agents', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'desktop', 'firefox', false],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'desktop',
      'chrome',
      false,
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
      'desktop',
      'edge',
      false,
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
      'mobile',
      'safari',
      false,
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
      'tablet',
      'safari',
      false,
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36',
      'mobile',
      'samsung',
      false,
    ],
    ['Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko', 'desktop', 'internet-explorer', false],
    ['Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18', 'desktop', 'opera', false],
    ['NokiaN97/21.1.107 (SymbianOS/9.4)', 'mobile', 'other', false],
    ['Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) TV', 'other', 'other', false],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'other', 'other', true],
    ['curl/8.5.0', 'other', 'other', true],
  ])('reads %s', (text, device, browser, bot) => {
    const agent = createUserAgents()(text)
    expect(agent.bot).toBe(bot)
    if (!bot) expect([agent.device, agent.browser]).toEqual([device, browser])
  })

  it('reads hostile ones without a word of them, and forgets', () => {
    const read = createUserAgents()
    for (let index = 0; index < 3_000; index++)
      expect(Object.keys(read(`${'('.repeat(index)}${index}`))).toEqual(['bot', 'device', 'browser'])
    const one = read('Firefox/140.0')
    expect(read('Firefox/140.0')).toBe(one)
  })
})

describe('referrers', () => {
  const own = (origin: string): boolean => origin === 'https://fishing.example'

  it.each([
    [undefined, 'none'],
    ['', 'none'],
    ['https://fishing.example/apply', 'internal'],
    ['https://fishing.example:8443/apply', 'other'],
    ['https://www.google.com/', 'search'],
    ['https://www.google.co.uk/search?q=jo', 'search'],
    ['https://uk.search.yahoo.com/', 'search'],
    ['https://duckduckgo.com', 'search'],
    ['https://notgoogle.com/', 'other'],
    ['https://google.com.evil.example/', 'other'],
    ['https://l.facebook.com/', 'social'],
    ['https://t.co/abc', 'social'],
    ['https://mail.google.com/', 'email'],
    ['https://outlook.live.com/', 'email'],
    ['https://www.gov.uk/renew', 'other'],
    ['android-app://com.google.android.gm/', 'other'],
    ['nonsense', 'other'],
  ])('takes %j for %s', (referer, kind) => {
    expect(referrerKind(referer, own)).toBe(kind)
  })

  it.each([
    ['https://a.example/x?y', 'https://a.example'],
    ['HTTP://A.Example:80', 'http://a.example'],
    ['https://a.example:443/', 'https://a.example'],
    ['http://a.example:443/', 'http://a.example:443'],
    ['https://user:pass@a.example/', 'https://a.example'],
    ['https://[::1]:8443/', 'https://[::1]:8443'],
    ['ftp://a.example/', null],
    ['//a.example/', null],
    ['', null],
  ])('finds the origin of %j', (url, origin) => {
    expect(originOf(url)).toBe(origin)
  })
})
