import Bowser from 'bowser'
import { isbot } from 'isbot'

/** What a user agent says, in words from short lists. The header itself goes no further. */
export interface UserAgent {
  readonly bot: boolean
  readonly device: (typeof devices)[number]
  readonly browser: (typeof browsers)[number]
}

export const devices = ['mobile', 'tablet', 'desktop', 'other'] as const
export const browsers = [
  'chrome',
  'edge',
  'firefox',
  'internet-explorer',
  'opera',
  'safari',
  'samsung',
  'other',
] as const
export const referrers = ['email', 'internal', 'none', 'other', 'search', 'social'] as const
export type Referrer = (typeof referrers)[number]

const userAgentCharsMax = 512
const userAgentsKept = 1_000

const families = new Map<string, UserAgent['browser']>([
  ['Chrome', 'chrome'],
  ['Chromium', 'chrome'],
  ['Android Browser', 'chrome'],
  ['Microsoft Edge', 'edge'],
  ['Firefox', 'firefox'],
  ['Internet Explorer', 'internet-explorer'],
  ['Opera', 'opera'],
  ['Opera Touch', 'opera'],
  ['Safari', 'safari'],
  ['Samsung Internet for Android', 'samsung'],
])

function parse(text: string): UserAgent {
  const bot = isbot(text)
  try {
    const parsed = Bowser.parse(text)
    const platform = parsed.platform.type
    return {
      bot,
      device: devices.find((device) => device === platform) ?? 'other',
      browser: families.get(parsed.browser.name ?? '') ?? 'other',
    }
  } catch {
    return { bot, device: 'other', browser: 'other' }
  }
}

/**
 * Reads user agents, remembering the latest few: parsing one costs as much as a whole request, and a service's
 * visitors share a few hundred.
 */
export function createUserAgents(): (text: string) => UserAgent {
  // Two generations: when the young one is full the old one goes, and what is still asked for moves over.
  let young = new Map<string, UserAgent>()
  let old = new Map<string, UserAgent>()
  return (text) => {
    const known = young.get(text)
    if (known !== undefined) return known
    const key = text.slice(0, userAgentCharsMax)
    const agent = young.get(key) ?? old.get(key) ?? parse(key)
    if (young.size >= userAgentsKept / 2) {
      old = young
      young = new Map()
    }
    young.set(key, agent)
    return agent
  }
}

const kinds: [kind: Referrer, hosts: RegExp][] = [
  ['email', /^(?:mail|webmail|outlook)\.|\.mail\.|^(?:email\.|mail-)/],
  [
    'search',
    /(?:^|\.)(?:google|bing|yahoo|duckduckgo|ecosia|qwant|baidu|yandex|startpage|ask|seznam|naver|brave)\.(?:[a-z]{2,3}|co\.[a-z]{2}|com\.[a-z]{2})$/,
  ],
  [
    'social',
    /(?:^|\.)(?:facebook\.com|instagram\.com|twitter\.com|x\.com|t\.co|linkedin\.com|lnkd\.in|reddit\.com|pinterest\.[a-z.]+|youtube\.com|tiktok\.com|whatsapp\.com|wa\.me|nextdoor\.co(?:m|\.uk)|snapchat\.com|telegram\.org|threads\.net|bsky\.app)$/,
  ],
]

/** The origin of a URL, without making one: `https://host:port`, lower case; `null` when it has none. */
export function originOf(url: string): string | null {
  const match = /^(https?):\/\/(?:[^/?#@\s]*@)?([^/?#@\s]+)/i.exec(url.slice(0, 2_048))
  if (match === null) return null
  const [, scheme = '', host = ''] = match
  const origin = `${scheme}://${host}`.toLowerCase()
  return origin.replace(scheme.length === 5 ? /:443$/ : /:80$/, '')
}

/**
 * Where a page's visitor came from, as one word.
 * @param own origins that are the service itself
 */
export function referrerKind(referer: string | undefined, own: (origin: string) => boolean): Referrer {
  if (referer === undefined || referer === '') return 'none'
  const origin = originOf(referer)
  if (origin === null) return 'other'
  if (own(origin)) return 'internal'
  const host = origin.slice(origin.indexOf('://') + 3).replace(/:\d+$/, '')
  for (const [kind, hosts] of kinds) if (hosts.test(host)) return kind
  return 'other'
}
